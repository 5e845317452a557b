//! Every use of a slash command: one row each.

use domain::discord::ChannelEvent as Did;
use domain::kernel::{ChannelId, Event, Person, Recorded};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;

use crate::{Fold, Millis, Touch, Tx, snowflake};

/// One use of a command. It succeeded, failed, or was not answered yet.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "analytics_commands")]
pub struct Model {
    /// Discord's id of the interaction.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub server_id: Option<i64>,
    pub channel_id: i64,
    pub user_id: i64,
    pub command: String,
    /// JSON; none once the user was erased.
    pub args: Option<String>,
    pub success: Option<bool>,
    pub error_message: Option<String>,
    pub occurred_at: Millis,
    pub execution_ms: Option<i64>,
    /// The commit that brought it.
    pub position: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// One use, by Discord's id of it.
pub async fn find(db: &impl ConnectionTrait, id: u64) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(snowflake(id)).one(db).await
}

/// Builds the list.
pub struct Commands;

impl Fold for Commands {
    const NAME: &'static str = "analytics_commands";
    const VERSION: u32 = 2;
    type Key = i64;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<i64>> {
        match &recorded.event {
            Event::Channel(_, Did::InteractionReceived { id, .. }) => {
                Some(Touch::Creates(snowflake(id.0)))
            }
            Event::Channel(_, Did::InteractionAnswered { id, .. }) => {
                Some(Touch::Changes(snowflake(id.0)))
            }
            Event::Channel(
                _,
                Did::CaughtUp { .. }
                | Did::MessageCreated(_)
                | Did::MessageDeleted { .. }
                | Did::MessageEdited { .. }
                | Did::ReactionAdded { .. }
                | Did::ReactionRemoved { .. },
            )
            | Event::Alert(..)
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

    fn fold(_: &i64, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Channel(channel, event) = &recorded.event else { return row };
        match event {
            Did::InteractionReceived { id, user, guild, command, options, .. } => Some(Model {
                id: snowflake(id.0),
                server_id: guild.map(|guild| snowflake(guild.0)),
                channel_id: channel_id(*channel),
                user_id: snowflake(user.0),
                command: command.clone(),
                args: options.clear().map(ToString::to_string),
                success: None,
                error_message: None,
                occurred_at: Millis(recorded.occurred_at),
                execution_ms: None,
                position: recorded.position.cast_signed(),
            }),
            Did::InteractionAnswered { success, error, duration_ms, .. } => row.map(|row| Model {
                success: Some(*success),
                error_message: error.clone(),
                execution_ms: Some(duration_ms.cast_signed()),
                ..row
            }),
            Did::CaughtUp { .. }
            | Did::MessageCreated(_)
            | Did::MessageDeleted { .. }
            | Did::MessageEdited { .. }
            | Did::ReactionAdded { .. }
            | Did::ReactionRemoved { .. } => row,
        }
    }

    fn values(key: &i64) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(row: &Model) -> i64 {
        row.id
    }

    async fn forget(person: &Person, tx: &Tx) -> Result<(), DbErr> {
        let Some(user) = crate::discord_account(person) else { return Ok(()) };
        let update = Entity::update_many().filter(Column::UserId.eq(user));
        update.col_expr(Column::Args, Expr::value(None::<String>)).exec(tx).await?;
        Ok(())
    }
}

fn channel_id(channel: ChannelId) -> i64 {
    snowflake(channel.0)
}
