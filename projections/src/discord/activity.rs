//! How much happens on one server.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, FromQueryResult,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::{channels, guilds, members, messages};
use crate::analytics::commands;
use crate::snowflake;

/// Discord's epoch, the first second of 2015, in milliseconds since 1970.
const EPOCH_MS: i64 = 1_420_070_400_000;

/// How many channels are named.
const CHANNELS: u64 = 5;

/// The figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    pub members: u64,
    pub channels: u64,
    /// Since midnight (UTC).
    pub messages_today: u64,
    /// In the last seven times 24 hours, as the next ones.
    pub messages_7_days: u64,
    pub active_users_7_days: u64,
    pub commands_7_days: u64,
    /// The busiest ones, by id, with their messages.
    pub top_channels: Vec<(u64, u64)>,
}

#[derive(FromQueryResult)]
struct Counted {
    channel_id: i64,
    messages: i64,
}

/// What happened on a server lately.
pub async fn activity(
    db: &impl ConnectionTrait,
    guild: u64,
    now: DateTime<Utc>,
) -> Result<Activity, DbErr> {
    let week = now - TimeDelta::days(7);
    let midnight = now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    let guild = snowflake(guild);
    let there = members::Entity::find()
        .filter(members::Column::GuildId.eq(guild))
        .filter(members::Column::LeftAt.is_null());
    let known = guilds::Entity::find_by_id(guild).one(db).await?;
    let told = known.map_or(0, |it| it.member_count.cast_unsigned());
    let open = channels::Entity::find()
        .filter(channels::Column::GuildId.eq(guild))
        .filter(channels::Column::Deleted.eq(false));
    let authors = said(guild, week).select_only().column(messages::Column::AuthorId).distinct();
    let used = commands::Entity::find()
        .filter(commands::Column::ServerId.eq(guild))
        .filter(commands::Column::OccurredAt.gte(week.timestamp_millis()));
    let busiest = said(guild, week)
        .select_only()
        .column(messages::Column::ChannelId)
        .expr_as(Expr::col(messages::Column::Id).count(), "messages")
        .group_by(messages::Column::ChannelId)
        .order_by_desc(Expr::cust("messages"))
        .order_by_asc(messages::Column::ChannelId)
        .limit(CHANNELS);
    let busiest = busiest.into_model::<Counted>().all(db).await?;
    Ok(Activity {
        // Not every member was seen by name.
        members: Ord::max(there.count(db).await?, told),
        channels: open.count(db).await?,
        messages_today: said(guild, midnight).count(db).await?,
        messages_7_days: said(guild, week).count(db).await?,
        active_users_7_days: authors.count(db).await?,
        commands_7_days: used.count(db).await?,
        top_channels: busiest
            .into_iter()
            .map(|it| (it.channel_id.cast_unsigned(), it.messages.cast_unsigned()))
            .collect(),
    })
}

/// What people said since, found by channel and id: an id tells the time.
fn said(guild: i64, since: DateTime<Utc>) -> Select<messages::Entity> {
    let of_guild = Query::select()
        .column(channels::Column::Id)
        .from(channels::Entity)
        .and_where(channels::Column::GuildId.eq(guild))
        .to_owned();
    let first = Ord::max(since.timestamp_millis() - EPOCH_MS, 0) << 22;
    messages::Entity::find()
        .filter(messages::Column::ChannelId.in_subquery(of_guild))
        .filter(messages::Column::Id.gte(first))
        .filter(messages::Column::Bot.eq(false))
        .filter(messages::Column::DeletedAt.is_null())
}
