//! The bot's presence on Discord, and what it counts.

use domain::kernel::{Event, Recorded};
use domain::lifecycle::BotEvent as Did;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{ExprTrait, FromQueryResult, QuerySelect};

use crate::analytics::overview::whole;
use crate::analytics::{days, users};
use crate::discord::guilds;
use crate::{Fold, Millis, Touch};

/// The only bot there is.
const MAIN: &str = "main";

/// Where it stands.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lifecycle_bots")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub online: bool,
    /// `running` or `stopped`
    pub wanted: String,
    /// The name of its Discord account.
    pub account: Option<String>,
    /// As the gateway told when it connected.
    pub guilds: i64,
    pub connected_at: Option<Millis>,
    pub disconnected_at: Option<Millis>,
    pub disconnect_reason: Option<String>,
    pub restarts: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// Presence and headline counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// None when it never connected.
    pub bot: Option<Model>,
    /// Servers it is in.
    pub guilds: u64,
    /// People who ever did something.
    pub users: u64,
    /// Commands that were ever used.
    pub commands: u64,
}

#[derive(FromQueryResult)]
struct Commands {
    commands: Option<i64>,
}

/// How the bot is.
pub async fn status(db: &impl ConnectionTrait) -> Result<Status, DbErr> {
    let commands = days::Entity::find()
        .select_only()
        .expr_as(whole(Expr::col(days::Column::Commands).sum()), "commands")
        .into_model::<Commands>();
    let commands = commands.one(db).await?.and_then(|row| row.commands);
    Ok(Status {
        bot: Entity::find_by_id(MAIN).one(db).await?,
        guilds: guilds::Entity::find().filter(guilds::Column::Present.eq(true)).count(db).await?,
        users: users::Entity::find().count(db).await?,
        commands: commands.unwrap_or(0).cast_unsigned(),
    })
}

/// Follows the bot.
pub struct Bots;

impl Fold for Bots {
    const NAME: &'static str = "lifecycle_bots";
    const VERSION: u32 = 1;
    type Key = &'static str;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<&'static str>> {
        match &recorded.event {
            Event::Bot(..) => Some(Touch::Changes(MAIN)),
            Event::Alert(..)
            | Event::ApiKey(..)
            | Event::Behavior(..)
            | Event::Blob(..)
            | Event::Chain(..)
            | Event::Channel(..)
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

    fn fold(id: &&'static str, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Bot(_, event) = &recorded.event else { return row };
        let now = Some(Millis(recorded.recorded_at));
        let mut row = row.unwrap_or_else(|| Model {
            id: (*id).to_owned(),
            online: false,
            wanted: "running".to_owned(),
            account: None,
            guilds: 0,
            connected_at: None,
            disconnected_at: None,
            disconnect_reason: None,
            restarts: 0,
        });
        match event {
            Did::Connected { user, guilds } => {
                row.online = true;
                row.account = Some(user.clone());
                row.guilds = guilds.cast_signed();
                row.connected_at = now;
            }
            Did::Disconnected { reason } => {
                row.online = false;
                row.disconnected_at = now;
                row.disconnect_reason = Some(reason.clone());
            }
            Did::RestartRequested { .. } => {
                "running".clone_into(&mut row.wanted);
                row.restarts += 1;
            }
            Did::ShutdownRequested { .. } => "stopped".clone_into(&mut row.wanted),
        }
        Some(row)
    }

    fn values(key: &&'static str) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(_: &Model) -> &'static str {
        MAIN
    }
}
