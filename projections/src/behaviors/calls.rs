//! Every call of a behavior that led to something, or should have.

use domain::behaviors::{BehaviorEvent as Did, Call, Effort};
use domain::kernel::{ERASED, Event, Person, Recorded};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{Condition, QueryOrder, QuerySelect};

use crate::{Append, Millis, Paged, Slice, Tx, snowflake};

/// One call. `status` is `ran`, `failed` or `held`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "behavior_calls")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub idx: i64,
    pub id: Uuid,
    pub behavior: String,
    pub revision: i64,
    /// What happened: `command`, `message`, `member_joined` …
    pub what: String,
    /// The event that called it; none for the clock.
    pub event_position: Option<i64>,
    /// When that happened.
    pub at: Millis,
    pub guild_id: Option<i64>,
    pub channel_id: Option<i64>,
    pub user_id: Option<i64>,
    pub message_id: Option<i64>,
    pub interaction_id: Option<i64>,
    pub status: String,
    /// Of a call that was held: `cooldown` or `guild_limit`.
    pub hold: Option<String>,
    /// Of a failure: where in the script, from 1.
    pub line: Option<i64>,
    /// Whose the reason is.
    pub owner: Option<String>,
    /// Of a failure; `[erased]` once its owner was erased.
    pub reason: Option<String>,
    pub operations: i64,
    pub took_us: i64,
    /// How many actions it wanted.
    pub actions: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// The calls that an id names: a call's own, a message's, a slash command's.
pub async fn named(db: &impl ConnectionTrait, id: &str) -> Result<Vec<Model>, DbErr> {
    let mut any = Condition::any();
    match (id.parse::<Uuid>(), id.parse::<u64>()) {
        (Ok(call), _) => any = any.add(Column::Id.eq(call)),
        (_, Ok(id)) => {
            any = any.add(Column::MessageId.eq(snowflake(id)));
            any = any.add(Column::InteractionId.eq(snowflake(id)));
        }
        _ => return Ok(Vec::new()),
    }
    let find = Entity::find().filter(any).limit(100);
    find.order_by_asc(Column::Position).order_by_asc(Column::Idx).all(db).await
}

/// What to look for; everything at once.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub behavior: Option<String>,
    pub status: Option<String>,
}

/// Calls, the newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    filter: &Filter,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    let mut all = Condition::all();
    for (column, wanted) in [(Column::Behavior, &filter.behavior), (Column::Status, &filter.status)]
    {
        if let Some(wanted) = wanted {
            all = all.add(column.eq(wanted));
        }
    }
    let find = Entity::find().filter(all);
    let find = find.order_by_desc(Column::Position).order_by_desc(Column::Idx);
    slice.of(find, db).await
}

/// The calls of a behavior before a commit, the newest first.
pub async fn before(
    db: &impl ConnectionTrait,
    behavior: &str,
    position: u64,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let find = Entity::find()
        .filter(Column::Behavior.eq(behavior))
        .filter(Column::Position.lt(position.cast_signed()));
    let find = find.order_by_desc(Column::Position).order_by_desc(Column::Idx);
    find.limit(limit).all(db).await
}

/// The calls of the revisions from one on and before another.
pub async fn of_revisions(
    db: &impl ConnectionTrait,
    from: u64,
    before: Option<u64>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut find = Entity::find().filter(Column::Revision.gte(from.cast_signed()));
    if let Some(before) = before {
        find = find.filter(Column::Revision.lt(before.cast_signed()));
    }
    find.order_by_asc(Column::Position).limit(limit).all(db).await
}

/// Builds the list.
pub struct Calls;

impl Append for Calls {
    const NAME: &'static str = "behavior_calls";
    const VERSION: u32 = 1;
    type Row = Model;

    fn rows(recorded: &Recorded) -> impl IntoIterator<Item = Model> {
        let Event::Behavior(behavior, event) = &recorded.event else { return None };
        let row = |call: &Call, status: &str, Effort { operations, took_us }| Model {
            position: recorded.position.cast_signed(),
            idx: recorded.index.into(),
            id: call.id,
            behavior: behavior.to_string(),
            revision: call.revision.cast_signed(),
            what: call.what.clone(),
            event_position: call.position.map(u64::cast_signed),
            at: Millis(chrono::DateTime::from_timestamp_millis(call.at_ms).unwrap_or_default()),
            guild_id: call.guild.map(|it| snowflake(it.0)),
            channel_id: call.channel.map(|it| snowflake(it.0)),
            user_id: call.user.map(|it| snowflake(it.0)),
            message_id: call.message.map(|it| snowflake(it.0)),
            interaction_id: call.interaction.map(|it| snowflake(it.0)),
            status: status.to_owned(),
            hold: None,
            line: None,
            owner: None,
            reason: None,
            operations: operations.cast_signed(),
            took_us: took_us.cast_signed(),
            actions: 0,
        };
        match event {
            Did::Ran { call, kinds, effort, .. } => {
                let actions = i64::try_from(kinds.len()).unwrap_or(i64::MAX);
                Some(Model { actions, ..row(call, "ran", *effort) })
            }
            Did::Failed { call, line, reason, effort } => Some(Model {
                line: line.map(i64::from),
                owner: Some(reason.person().as_str().to_owned()),
                reason: Some(reason.shown().to_owned()),
                ..row(call, "failed", *effort)
            }),
            Did::Held { call, why } => {
                let hold = Some(why.as_ref().to_owned());
                Some(Model { hold, ..row(call, "held", Effort::default()) })
            }
            Did::ActionSettled { .. } | Did::AiAnswered { .. } | Did::ReminderDue { .. } => None,
        }
    }

    async fn forget(person: &Person, tx: &Tx) -> Result<(), DbErr> {
        let update = Entity::update_many().filter(Column::Owner.eq(person.as_str()));
        update.col_expr(Column::Reason, Expr::value(ERASED)).exec(tx).await?;
        Ok(())
    }
}
