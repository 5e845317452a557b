//! The headline figures of a period.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, FromQueryResult, PaginatorTrait,
    QueryFilter, QuerySelect,
};

use super::performance::{self, Summary};
use super::{days, users};

/// The last so many days (UTC), today included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::AsRefStr, strum::EnumString)]
pub enum Period {
    #[strum(serialize = "1d")]
    Day,
    #[strum(serialize = "7d")]
    Week,
    #[strum(serialize = "30d")]
    Month,
    #[strum(serialize = "90d")]
    Quarter,
}

impl Period {
    /// How many days it has.
    pub fn days(self) -> i64 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }

    /// When it begins: at the start of a day.
    pub fn start(self, now: DateTime<Utc>) -> DateTime<Utc> {
        days::start(days::day(now) - self.days() + 1)
    }
}

/// The figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// People who ever did something.
    pub users_total: u64,
    /// Of those, the ones who did so in the period.
    pub users_active: u64,
    /// Of those, the ones who did so for the first time.
    pub users_new: u64,
    pub commands: u64,
    pub messages: u64,
    /// Requests, errors, times and uptime in the period.
    pub performance: Summary,
}

impl Overview {
    /// Everything people did: commands and messages.
    pub fn interactions(&self) -> u64 {
        self.commands + self.messages
    }
}

#[derive(FromQueryResult)]
struct Sums {
    commands: Option<i64>,
    messages: Option<i64>,
}

/// What happened since the start of a day.
pub async fn overview(
    db: &impl ConnectionTrait,
    start: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Overview, DbErr> {
    let since = start.timestamp_millis();
    let people = users::Entity::find();
    let active = people.clone().filter(users::Column::LastAt.gte(since));
    let new = people.clone().filter(users::Column::FirstAt.gte(since));
    let counted = days::Entity::find()
        .select_only()
        .expr_as(whole(Expr::col(days::Column::Commands).sum()), "commands")
        .expr_as(whole(Expr::col(days::Column::Messages).sum()), "messages")
        .filter(days::Column::Day.gte(days::day(start)))
        .into_model::<Sums>();
    let sums = counted.one(db).await?.unwrap_or(Sums { commands: None, messages: None });
    let count = |sum: Option<i64>| sum.unwrap_or(0).cast_unsigned();
    Ok(Overview {
        users_total: people.count(db).await?,
        users_active: active.count(db).await?,
        users_new: new.count(db).await?,
        commands: count(sums.commands),
        messages: count(sums.messages),
        performance: performance::summary(db, start, now).await?,
    })
}

/// PostgreSQL sums whole numbers to a decimal.
pub(crate) fn whole(sum: impl ExprTrait) -> Expr {
    sum.cast_as("bigint")
}
