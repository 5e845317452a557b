//! One narrow row for every event; what it says stays in the log and is read there.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::discord::ChannelEvent;
use domain::kernel::{Event, Journal, LogError, Recorded};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect};

use crate::{Append, Millis, snowflake};

/// How far apart two entries may be to be fetched from the log together.
const NEAR: u64 = 16;

/// Who did what to what, and when.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub idx: i64,
    pub recorded_at: Millis,
    /// The type of the event: `edit.approved`. What stands before the full stop is the type of
    /// the target.
    pub action: String,
    pub actor_kind: String,
    pub actor_id: String,
    pub target_id: String,
    /// The Discord server it happened in, where there is one.
    pub server_id: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The type of what it was done to: `edit`, `guild`, `conversation` …
    pub fn target_type(&self) -> &str {
        self.action.split_once('.').map_or("", |(kind, _)| kind)
    }
}

/// What to look for; everything at once.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The actor's id.
    pub user_id: Option<String>,
    pub action: Option<String>,
    pub target_type: Option<String>,
    pub target_id: Option<String>,
    pub from: Option<DateTime<Utc>>,
    /// Not included.
    pub to: Option<DateTime<Utc>>,
}

/// An entry with the event it stands for.
#[derive(Debug, Clone)]
pub struct Entry {
    pub row: Model,
    pub recorded: Recorded,
}

/// Why a page of the trail cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Views(#[from] DbErr),
}

/// The entries of commits after a position, oldest first, with what the log says about each.
///
/// At most `limit`, or more where the last commit has more events: a page never splits a commit.
/// Also answers the position to go on after; none when there is nothing more for now.
pub async fn page(
    db: &impl ConnectionTrait,
    journal: &Journal,
    filter: &Filter,
    after: u64,
    limit: u64,
) -> Result<(Vec<Entry>, Option<u64>), TrailError> {
    let find = Entity::find()
        .filter(condition(filter))
        .order_by_asc(Column::Position)
        .order_by_asc(Column::Idx);
    let next = find.clone().filter(Column::Position.gt(after.cast_signed()));
    let mut rows = next.limit(limit.max(1)).all(db).await?;
    let full = rows.len() as u64 == limit.max(1);
    if let Some(last) = rows.last().filter(|_| full).map(|row| (row.position, row.idx)) {
        let rest = find.filter(Column::Position.eq(last.0)).filter(Column::Idx.gt(last.1));
        rows.extend(rest.all(db).await?);
    }
    let next = rows.last().filter(|_| full).map(|row| row.position.cast_unsigned());
    Ok((described(rows, journal).await?, next))
}

/// Where events of one action stand that happened to one thing after a commit, oldest first.
pub async fn later(
    db: &impl ConnectionTrait,
    target_id: &str,
    action: &str,
    after: u64,
    limit: u64,
) -> Result<Vec<(u64, u32)>, DbErr> {
    let find = Entity::find()
        .filter(Column::TargetId.eq(target_id))
        .filter(Column::Action.eq(action))
        .filter(Column::Position.gt(after.cast_signed()));
    let find = find.order_by_asc(Column::Position).order_by_asc(Column::Idx).limit(limit);
    let rows = find.all(db).await?.into_iter();
    let place = |row: Model| (row.position.cast_unsigned(), u32::try_from(row.idx).ok());
    Ok(rows.map(place).filter_map(|(position, idx)| Some((position, idx?))).collect())
}

fn condition(filter: &Filter) -> Condition {
    let Filter { user_id, action, target_type, target_id, from, to } = filter;
    let mut all = Condition::all();
    if let Some(id) = user_id {
        all = all.add(Column::ActorId.eq(id));
    }
    if let Some(action) = action {
        all = all.add(Column::Action.eq(action));
    }
    if let Some(kind) = target_type {
        // `/` is what follows the full stop: so the index on actions serves.
        all = all.add(Column::Action.gte(format!("{kind}.")));
        all = all.add(Column::Action.lt(format!("{kind}/")));
    }
    if let Some(id) = target_id {
        all = all.add(Column::TargetId.eq(id));
    }
    if let Some(from) = from {
        all = all.add(Column::RecordedAt.gte(from.timestamp_millis()));
    }
    if let Some(to) = to {
        all = all.add(Column::RecordedAt.lt(to.timestamp_millis()));
    }
    all
}

/// Fetches what the log holds for each row; rows near each other come in one read.
async fn described(rows: Vec<Model>, journal: &Journal) -> Result<Vec<Entry>, LogError> {
    let mut positions: Vec<u64> = rows.iter().map(|row| row.position.cast_unsigned()).collect();
    positions.dedup();
    let mut events: HashMap<(i64, i64), Recorded> = HashMap::with_capacity(rows.len());
    let mut rest = positions.as_slice();
    while let Some(first) = rest.first().copied() {
        let run = 1 + rest.windows(2).take_while(|pair| pair[1] - pair[0] <= NEAR).count();
        let last = rest[run - 1];
        rest = &rest[run..];
        let (mut at, wanted) = (first - 1, |position| positions.binary_search(&position).is_ok());
        while at < last {
            let limit = usize::try_from(last - at).unwrap_or(usize::MAX);
            let commits = journal.log().read_all(at, limit).await?;
            let Some(end) = commits.last().map(|commit| commit.position) else { break };
            let commits: Vec<_> = commits.into_iter().filter(|it| wanted(it.position)).collect();
            for recorded in journal.decode(&commits).await? {
                let key = (recorded.position.cast_signed(), i64::from(recorded.index));
                events.insert(key, recorded);
            }
            at = end;
        }
    }
    let entries = rows.into_iter().map(|row| {
        let recorded = events.remove(&(row.position, row.idx));
        let missing = || LogError::Corrupt(format!("commit {} is missing", row.position));
        recorded.ok_or_else(missing).map(|recorded| Entry { row, recorded })
    });
    entries.collect()
}

/// Builds the trail.
pub struct Trail;

impl Append for Trail {
    const NAME: &'static str = "audit_entries";
    const VERSION: u32 = 1;
    type Row = Model;

    fn rows(recorded: &Recorded) -> impl IntoIterator<Item = Model> {
        Some(Model {
            position: recorded.position.cast_signed(),
            idx: recorded.index.into(),
            recorded_at: Millis(recorded.recorded_at),
            action: recorded.event.type_name(),
            actor_kind: recorded.actor.kind.as_ref().to_owned(),
            actor_id: recorded.actor.id.clone(),
            target_id: recorded.stream.id().to_owned(),
            server_id: server(&recorded.event),
        })
    }
}

fn server(event: &Event) -> Option<i64> {
    match event {
        Event::Channel(_, event) => match event {
            ChannelEvent::InteractionReceived { guild, .. } => *guild,
            ChannelEvent::MessageCreated(message) => message.guild,
            ChannelEvent::CaughtUp { .. }
            | ChannelEvent::InteractionAnswered { .. }
            | ChannelEvent::MessageDeleted { .. }
            | ChannelEvent::MessageEdited { .. }
            | ChannelEvent::ReactionAdded { .. }
            | ChannelEvent::ReactionRemoved { .. } => None,
        },
        Event::Guild(id, _) => Some(*id),
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
    }
    .map(|guild| snowflake(guild.0))
}
