//! Everybody who ever did something with the bot, and when first and last.

use domain::conversation::ConversationEvent;
use domain::discord::{ChannelEvent, Message};
use domain::kernel::{Event, Person, Recorded};
use sea_orm::entity::prelude::*;

use crate::analytics::days::deed;
use crate::{Fold, Millis, Touch, Tx};

/// One person, by the name the vault knows.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "analytics_users")]
pub struct Model {
    /// `discord:<id>` or `user:<id>`
    #[sea_orm(primary_key, auto_increment = false)]
    pub person: String,
    pub first_at: Millis,
    pub last_at: Millis,
}

impl ActiveModelBehavior for ActiveModel {}

/// Who did it.
fn doer(recorded: &Recorded) -> Option<Person> {
    match &recorded.event {
        Event::Channel(_, event) => match event {
            ChannelEvent::InteractionReceived { user, .. } => Some(Person::discord(user)),
            ChannelEvent::MessageCreated(Message { author, bot, .. }) => {
                (!bot).then(|| Person::discord(author))
            }
            ChannelEvent::CaughtUp { .. }
            | ChannelEvent::InteractionAnswered { .. }
            | ChannelEvent::MessageDeleted { .. }
            | ChannelEvent::MessageEdited { .. }
            | ChannelEvent::ReactionAdded { .. }
            | ChannelEvent::ReactionRemoved { .. } => None,
        },
        Event::Conversation(id, ConversationEvent::MessageReceived { .. }) => {
            deed(recorded).map(|_| Person::named(id.user()))
        }
        Event::Conversation(
            _,
            ConversationEvent::AnswerSettled { .. }
            | ConversationEvent::Answered { .. }
            | ConversationEvent::Ended { .. }
            | ConversationEvent::Opened { .. },
        )
        | Event::Alert(..)
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

/// Builds the list.
pub struct Users;

impl Fold for Users {
    const NAME: &'static str = "analytics_users";
    const VERSION: u32 = 1;
    type Key = Person;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Person>> {
        doer(recorded).map(Touch::Changes)
    }

    fn fold(key: &Person, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let at = recorded.occurred_at;
        Some(match row {
            // An import brings what is older, so the order of the log says nothing here.
            Some(row) => Model {
                first_at: Millis(row.first_at.0.min(at)),
                last_at: Millis(row.last_at.0.max(at)),
                ..row
            },
            None => {
                Model { person: key.as_str().to_owned(), first_at: Millis(at), last_at: Millis(at) }
            }
        })
    }

    fn values(key: &Person) -> Vec<Value> {
        vec![key.as_str().into()]
    }

    fn key(row: &Model) -> Person {
        // What stands in the table was a person's name when it was written.
        row.person.parse().unwrap_or_else(|_| Person::user(&row.person))
    }

    async fn forget(person: &Person, tx: &Tx) -> Result<(), DbErr> {
        Entity::delete_by_id(person.as_str()).exec(tx).await?;
        Ok(())
    }
}
