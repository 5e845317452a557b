//! The servers the bot is or was in.

use domain::discord::GuildEvent as Did;
use domain::kernel::{Event, GuildId, Recorded};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::{Fold, Millis, Paged, Slice, Touch, snowflake};

/// One server.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "discord_guilds")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub name: String,
    pub member_count: i64,
    /// Whether the bot is in it.
    pub present: bool,
    pub observed_at: Millis,
}

impl ActiveModelBehavior for ActiveModel {}

/// One server.
pub async fn find(db: &impl ConnectionTrait, id: u64) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(snowflake(id)).one(db).await
}

/// The servers the bot is in.
pub async fn list(db: &impl ConnectionTrait, slice: Slice) -> Result<Paged<Model>, DbErr> {
    let find = Entity::find().filter(Column::Present.eq(true));
    slice.of(find.order_by_asc(Column::Id), db).await
}

/// The servers that the bot is in, by id.
pub async fn present(db: &impl ConnectionTrait) -> Result<Vec<GuildId>, DbErr> {
    let find = Entity::find().select_only().column(Column::Id).filter(Column::Present.eq(true));
    let ids: Vec<i64> = find.order_by_asc(Column::Id).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(|id| GuildId(id.cast_unsigned())).collect())
}

/// Builds the list.
pub struct Guilds;

impl Fold for Guilds {
    const NAME: &'static str = "discord_guilds";
    const VERSION: u32 = 1;
    type Key = i64;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<i64>> {
        match &recorded.event {
            Event::Guild(id, event) => match event {
                Did::Left | Did::Observed { .. } => Some(Touch::Changes(snowflake(id.0))),
                Did::ChannelDeleted { .. }
                | Did::ChannelObserved(_)
                | Did::MemberJoined { .. }
                | Did::MemberLeft { .. }
                | Did::MemberUpdated { .. } => None,
            },
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

    fn fold(id: &i64, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Guild(_, event) = &recorded.event else { return row };
        match event {
            Did::Left => row.map(|row| Model { present: false, ..row }),
            Did::Observed { name, member_count } => Some(Model {
                id: *id,
                name: name.clone(),
                member_count: member_count.cast_signed(),
                // An import names a server without knowing who is in it.
                present: *member_count > 0 || row.is_some_and(|row| row.present),
                observed_at: Millis(recorded.recorded_at),
            }),
            Did::ChannelDeleted { .. }
            | Did::ChannelObserved(_)
            | Did::MemberJoined { .. }
            | Did::MemberLeft { .. }
            | Did::MemberUpdated { .. } => row,
        }
    }

    fn values(key: &i64) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(row: &Model) -> i64 {
        row.id
    }
}

#[cfg(test)]
mod tests {
    use domain::kernel::GuildId;

    use super::*;
    use crate::testing::folded;

    #[test]
    fn an_import_does_not_say_that_the_bot_is_there() {
        assert!(!seen([observed(0)]).present);
        assert!(seen([observed(0), observed(7)]).present);
        assert!(seen([observed(7), observed(0)]).present);
        assert!(!seen([observed(7), Did::Left, observed(0)]).present);
    }

    fn seen(events: impl IntoIterator<Item = Did>) -> Model {
        folded::<Guilds>(events.into_iter().map(|event| Event::Guild(GuildId(9), event))).unwrap()
    }

    fn observed(member_count: u64) -> Did {
        Did::Observed { name: "Home".into(), member_count }
    }
}
