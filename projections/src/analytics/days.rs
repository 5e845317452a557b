//! What people did with the bot, counted by day (UTC).

use chrono::{DateTime, Utc};
use domain::conversation::ConversationEvent;
use domain::discord::{ChannelEvent, Message};
use domain::kernel::{Event, Recorded, Source};
use sea_orm::entity::prelude::*;

use crate::{Fold, Touch};

const DAY_S: i64 = 86_400;

/// One day. What the bot itself says is not counted.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "analytics_days")]
pub struct Model {
    /// Days since 1970.
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: i64,
    pub commands: i64,
    pub messages: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// The day of a moment.
pub fn day(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(DAY_S)
}

/// When a day begins.
pub fn start(day: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(day * DAY_S, 0).unwrap_or_default()
}

/// Something a person did.
pub(super) enum Deed {
    Command,
    Message,
}

/// What an event says a person did. A message on Discord that becomes part of a conversation is
/// counted where it was written, not again where a reactor takes it in.
pub(super) fn deed(recorded: &Recorded) -> Option<Deed> {
    match &recorded.event {
        Event::Channel(_, event) => match event {
            ChannelEvent::InteractionReceived { .. } => Some(Deed::Command),
            ChannelEvent::MessageCreated(Message { bot, .. }) => (!bot).then_some(Deed::Message),
            ChannelEvent::CaughtUp { .. }
            | ChannelEvent::InteractionAnswered { .. }
            | ChannelEvent::MessageDeleted { .. }
            | ChannelEvent::MessageEdited { .. }
            | ChannelEvent::ReactionAdded { .. }
            | ChannelEvent::ReactionRemoved { .. } => None,
        },
        Event::Conversation(_, event) => match event {
            ConversationEvent::MessageReceived { .. } => {
                (recorded.source != Source::Reactor).then_some(Deed::Message)
            }
            ConversationEvent::AnswerSettled { .. }
            | ConversationEvent::Answered { .. }
            | ConversationEvent::Ended { .. }
            | ConversationEvent::Opened { .. } => None,
        },
        Event::Alert(..)
        | Event::ApiKey(..)
        | Event::Behavior(..)
        | Event::Blob(..)
        | Event::Bot(..)
        | Event::Chain(..)
        | Event::Claim(..)
        | Event::Compensation(..)
        | Event::Edit(..)
        | Event::Group(..)
        | Event::Guild(..)
        | Event::Installation(..)
        | Event::Organization(..)
        | Event::Person(..)
        | Event::Process(..)
        | Event::Rehearsal(..)
        | Event::Role(..)
        | Event::Session(..)
        | Event::Settings(..)
        | Event::SignIn(..)
        | Event::User(..)
        | Event::Watch(..)
        | Event::Workspace(..) => None,
    }
}

/// Counts.
pub struct Days;

impl Fold for Days {
    const NAME: &'static str = "analytics_days";
    const VERSION: u32 = 1;
    type Key = i64;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<i64>> {
        deed(recorded).map(|_| Touch::Changes(day(recorded.occurred_at)))
    }

    fn fold(key: &i64, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let mut row = row.unwrap_or(Model { day: *key, commands: 0, messages: 0 });
        match deed(recorded)? {
            Deed::Command => row.commands += 1,
            Deed::Message => row.messages += 1,
        }
        Some(row)
    }

    fn values(key: &i64) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(row: &Model) -> i64 {
        row.day
    }
}
