//! The channels that were seen, and how much is said in them.

use domain::discord::{ChannelEvent, ChannelFact, GuildEvent};
use domain::kernel::{ChannelId, Event, Recorded};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::{Fold, Millis, Paged, Slice, Touch, snowflake};

/// One channel. Its name is unknown until the server tells it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "discord_channels")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub guild_id: Option<i64>,
    pub name: Option<String>,
    pub kind: Option<String>,
    pub deleted: bool,
    pub message_count: i64,
    pub last_message_at: Option<Millis>,
}

impl ActiveModelBehavior for ActiveModel {}

/// One channel.
pub async fn find(db: &impl ConnectionTrait, id: u64) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(snowflake(id)).one(db).await
}

/// The channels, of one server if it is given.
pub async fn list(
    db: &impl ConnectionTrait,
    guild: Option<u64>,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    let mut find = Entity::find().order_by_asc(Column::Id);
    if let Some(guild) = guild {
        find = find.filter(Column::GuildId.eq(snowflake(guild)));
    }
    slice.of(find, db).await
}

/// Channels that belong to no server.
pub async fn direct(db: &impl ConnectionTrait) -> Result<Vec<ChannelId>, DbErr> {
    let find = Entity::find().select_only().column(Column::Id);
    let ids: Vec<i64> = find.filter(Column::GuildId.is_null()).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(|id| ChannelId(id.cast_unsigned())).collect())
}

/// Builds the list.
pub struct Channels;

impl Fold for Channels {
    const NAME: &'static str = "discord_channels";
    const VERSION: u32 = 1;
    type Key = i64;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<i64>> {
        let channel = match &recorded.event {
            Event::Channel(id, event) => match event {
                ChannelEvent::MessageCreated(_) => Some(*id),
                ChannelEvent::CaughtUp { .. }
                | ChannelEvent::InteractionAnswered { .. }
                | ChannelEvent::InteractionReceived { .. }
                | ChannelEvent::MessageDeleted { .. }
                | ChannelEvent::MessageEdited { .. }
                | ChannelEvent::ReactionAdded { .. }
                | ChannelEvent::ReactionRemoved { .. } => None,
            },
            Event::Guild(_, event) => match event {
                GuildEvent::ChannelDeleted { id } => Some(*id),
                GuildEvent::ChannelObserved(ChannelFact { id, .. }) => Some(*id),
                GuildEvent::Left
                | GuildEvent::MemberJoined { .. }
                | GuildEvent::MemberLeft { .. }
                | GuildEvent::MemberUpdated { .. }
                | GuildEvent::Observed { .. } => None,
            },
            Event::Alert(..)
            | Event::ApiKey(..)
            | Event::Behavior(..)
            | Event::Blob(..)
            | Event::Bot(..)
            | Event::Chain(..)
            | Event::Claim(..)
            | Event::Compensation(..)
            | Event::Conversation(..)
            | Event::Edit(..)
            | Event::Group(..)
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
        };
        channel.map(|id| Touch::Changes(snowflake(id.0)))
    }

    fn fold(id: &i64, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let mut row = row.unwrap_or(Model {
            id: *id,
            guild_id: None,
            name: None,
            kind: None,
            deleted: false,
            message_count: 0,
            last_message_at: None,
        });
        match &recorded.event {
            Event::Channel(_, ChannelEvent::MessageCreated(message)) => {
                row.guild_id = message.guild.map(|guild| snowflake(guild.0)).or(row.guild_id);
                row.message_count += 1;
                let at = recorded.occurred_at;
                let last = row.last_message_at.map_or(at, |last| last.0.max(at));
                row.last_message_at = Some(Millis(last));
            }
            Event::Guild(_, GuildEvent::ChannelDeleted { .. }) => row.deleted = true,
            Event::Guild(guild, GuildEvent::ChannelObserved(fact)) => {
                row.guild_id = Some(snowflake(guild.0));
                row.name = Some(fact.name.clone());
                row.kind = Some(fact.kind.clone());
                row.deleted = false;
            }
            // Nothing else touches a channel.
            _ => {}
        }
        Some(row)
    }

    fn values(key: &i64) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(row: &Model) -> i64 {
        row.id
    }
}
