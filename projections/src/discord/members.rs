//! Who is or was in which server, and by what name.

use domain::discord::GuildEvent as Did;
use domain::kernel::{DiscordUserId, Event, GuildId, Person, Personal, Recorded};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;

use crate::{Fold, Millis, Touch, Tx, discord_account, snowflake};

/// One account in one server. The name is none once the person was erased.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "discord_members")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub guild_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: i64,
    pub name: Option<String>,
    /// A JSON array of role ids.
    pub roles: String,
    pub joined_at: Option<Millis>,
    pub left_at: Option<Millis>,
}

impl ActiveModelBehavior for ActiveModel {}

/// One member of one server.
pub async fn find(
    db: &impl ConnectionTrait,
    guild: u64,
    user: u64,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id((snowflake(guild), snowflake(user))).one(db).await
}

/// Builds the list.
pub struct Members;

fn touched(event: &Did) -> Option<DiscordUserId> {
    match event {
        Did::MemberJoined { user, .. }
        | Did::MemberLeft { user }
        | Did::MemberUpdated { user, .. } => Some(*user),
        Did::ChannelDeleted { .. } | Did::ChannelObserved(_) | Did::Left | Did::Observed { .. } => {
            None
        }
    }
}

impl Fold for Members {
    const NAME: &'static str = "discord_members";
    const VERSION: u32 = 1;
    type Key = (GuildId, DiscordUserId);
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Self::Key>> {
        match &recorded.event {
            Event::Guild(guild, event) => touched(event).map(|user| Touch::Changes((*guild, user))),
            Event::Alert(..)
            | Event::ApiKey(..)
            | Event::Behavior(..)
            | Event::Blob(..)
            | Event::Bot(..)
            | Event::Chain(..)
            | Event::Channel(..)
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
        }
    }

    fn fold((guild, user): &Self::Key, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Guild(_, event) = &recorded.event else { return row };
        let known = |name: &Personal<String>| Model {
            guild_id: snowflake(guild.0),
            user_id: snowflake(user.0),
            name: name.clear().cloned(),
            roles: row.as_ref().map_or_else(|| "[]".to_owned(), |row| row.roles.clone()),
            joined_at: row.as_ref().and_then(|row| row.joined_at),
            left_at: None,
        };
        match event {
            Did::MemberJoined { name, joined_at, .. } => {
                Some(Model { joined_at: Some(Millis(*joined_at)), ..known(name) })
            }
            Did::MemberUpdated { name, roles, .. } => {
                let roles = serde_json::Value::from(roles.clone()).to_string();
                Some(Model { roles, ..known(name) })
            }
            Did::MemberLeft { .. } => {
                row.map(|row| Model { left_at: Some(Millis(recorded.recorded_at)), ..row })
            }
            Did::ChannelDeleted { .. }
            | Did::ChannelObserved(_)
            | Did::Left
            | Did::Observed { .. } => row,
        }
    }

    fn values((guild, user): &Self::Key) -> Vec<Value> {
        vec![snowflake(guild.0).into(), snowflake(user.0).into()]
    }

    fn key(row: &Model) -> Self::Key {
        (GuildId(row.guild_id.cast_unsigned()), DiscordUserId(row.user_id.cast_unsigned()))
    }

    async fn forget(person: &Person, tx: &Tx) -> Result<(), DbErr> {
        let Some(user) = discord_account(person) else { return Ok(()) };
        let update = Entity::update_many().filter(Column::UserId.eq(user));
        update.col_expr(Column::Name, Expr::value(None::<String>)).exec(tx).await?;
        Ok(())
    }
}
