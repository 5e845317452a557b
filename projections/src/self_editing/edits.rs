//! The list of edits, and where each of them stands.

use domain::kernel::{ERASED, EditId, Event, Person, Recorded};
use domain::self_editing::{Check, EditEvent as Did, KeptChange, Status};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, Func};
use sea_orm::{Condition, Order, QueryOrder, QuerySelect};

use crate::views::tallies;
use crate::{CountsAs, Fold, Millis, Paged, Slice, Touch, Tx};

/// What an edit that takes another one back calls itself.
const ROLLBACK: &str = "rollback";

/// The words that only the platform calls its own edits: what takes another one back, and what lays
/// the starting workspace.
const OWN: [&str; 2] = [ROLLBACK, "seed"];

/// What edits count as besides.
const SUCCESSFUL: &str = "successful";
const FAILED: &str = "failed";

/// One edit.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "self_editing_edits")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// `features`, `performance` or `security`
    pub scope: String,
    /// The finer type; `rollback` for one that takes another one back.
    pub kind: String,
    /// See [`Status::word`].
    pub status: String,
    /// Whose the description is.
    pub owner: String,
    /// `[erased]` once its owner was erased.
    pub description: String,
    pub author_kind: String,
    pub author_id: String,
    pub base_revision: i64,
    pub content_hash: String,
    /// JSON: path and new content of each file; see [`Model::changes`].
    pub changes: String,
    pub files_modified: i64,
    /// JSON; see [`Model::checks`].
    pub checks: Option<String>,
    pub failure: Option<String>,
    pub created_at: Millis,
    pub updated_at: Millis,
    /// The revision of the workspace that it made.
    pub revision: Option<i64>,
    pub applied_at: Option<Millis>,
    /// Where in the log it went live.
    pub applied_position: Option<i64>,
    pub rolled_back_at: Option<Millis>,
    /// The edit that took it back.
    pub rolled_back_by: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// What it does to files, relative to its base revision.
    pub fn changes(&self) -> Vec<KeptChange> {
        serde_json::from_str(&self.changes).unwrap_or_default()
    }

    /// What its checks found; empty before they ran.
    pub fn checks(&self) -> Vec<Check> {
        let checks = self.checks.as_deref().and_then(|json| serde_json::from_str(json).ok());
        checks.unwrap_or_default()
    }

    /// When it went live or failed; while it is under way, when it last moved.
    pub fn ended_at(&self) -> Millis {
        self.applied_at.unwrap_or(self.updated_at)
    }

    /// Whether it is live and can be taken back; the starting workspace cannot.
    pub fn rollback_available(&self) -> bool {
        self.status == Status::Applied.word() && self.revision.is_some_and(|it| it > 1)
    }
}

/// An edit as its own history tells it, without a database.
pub fn told(history: &[Recorded]) -> Option<Model> {
    history.iter().fold(None, |row, recorded| match &recorded.event {
        Event::Edit(id, _) => Edits::fold(&id.0, row, recorded),
        _ => row,
    })
}

/// What to look for; everything at once.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// A scope or a finer type.
    pub kind: Option<String>,
    /// Any of these; every status when empty.
    pub statuses: Vec<Status>,
}

/// How the edits fared. Those still under way, and those somebody rejected, count as neither.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Those that went live, also when they were taken back later.
    pub successful: u64,
    pub failed: u64,
    /// Rollbacks, which are edits of their own and counted apart. The starting workspace is not
    /// counted.
    pub rollbacks: u64,
}

impl Statistics {
    /// Successful and failed.
    pub fn total(&self) -> u64 {
        self.successful + self.failed
    }
}

/// One edit.
pub async fn find(db: &impl ConnectionTrait, id: EditId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id.0).one(db).await
}

/// Edits, the newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    filter: &Filter,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    let mut all = Condition::all();
    if let Some(kind) = &filter.kind {
        all = all.add(Condition::any().add(Column::Scope.eq(kind)).add(Column::Kind.eq(kind)));
    }
    if !filter.statuses.is_empty() {
        all = all.add(Column::Status.is_in(filter.statuses.iter().map(|status| status.word())));
    }
    let find = Entity::find().filter(all);
    slice.of(find.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id), db).await
}

/// The edits with these ids and those between; at most two, to know whether there is only one.
pub async fn between(
    db: &impl ConnectionTrait,
    low: Uuid,
    high: Uuid,
) -> Result<Vec<EditId>, DbErr> {
    let find = Entity::find().select_only().column(Column::Id);
    let find = find.filter(Column::Id.between(low, high)).limit(2);
    let ids: Vec<Uuid> = find.into_tuple().all(db).await?;
    Ok(ids.into_iter().map(EditId).collect())
}

/// Those that have not ended yet.
pub async fn under_way(db: &impl ConnectionTrait) -> Result<Vec<EditId>, DbErr> {
    let open = [Status::Approved, Status::Checked, Status::Proposed].map(Status::word);
    let find = Entity::find().select_only().column(Column::Id);
    let ids: Vec<Uuid> = find.filter(Column::Status.is_in(open)).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(EditId).collect())
}

/// The edit that went live or failed last; rollbacks and the starting workspace are not looked at.
pub async fn last(db: &impl ConnectionTrait) -> Result<Option<Model>, DbErr> {
    let mut last: Option<Model> = None;
    // An index has the end of each status; all together would have to be sorted.
    for status in [Status::Applied, Status::Failed, Status::RolledBack] {
        let find = Entity::find().filter(Column::Status.eq(status.word()));
        let find = find.filter(Column::Kind.is_not_in(OWN));
        let when = Func::coalesce([Expr::col(Column::AppliedAt), Expr::col(Column::UpdatedAt)]);
        let found = find.order_by(Expr::from(when), Order::Desc).one(db).await?;
        let ended = |it: &Model| (it.applied_at.unwrap_or(it.updated_at).0, it.id);
        last = last.into_iter().chain(found).max_by_key(ended);
    }
    Ok(last)
}

/// How the edits fared.
pub async fn statistics(db: &impl ConnectionTrait) -> Result<Statistics, DbErr> {
    let numbers = tallies::of(db, Edits::NAME).await?;
    let of = |word: &str| numbers.get(word).copied().unwrap_or_default();
    Ok(Statistics { successful: of(SUCCESSFUL), failed: of(FAILED), rollbacks: of(ROLLBACK) })
}

fn counts_as(row: &Model) -> Option<&'static str> {
    let live = [Status::Applied.word(), Status::RolledBack.word()];
    match (row.kind.as_str(), row.status.as_str()) {
        (ROLLBACK, _) => Some(ROLLBACK),
        (kind, _) if OWN.contains(&kind) => None,
        (_, status) if live.contains(&status) => Some(SUCCESSFUL),
        (_, status) if status == Status::Failed.word() => Some(FAILED),
        _ => None,
    }
}

/// Builds the list.
pub struct Edits;

impl Fold for Edits {
    const NAME: &'static str = "self_editing_edits";
    const VERSION: u32 = 3;
    const COUNTED: Option<CountsAs<Model>> = Some(counts_as);
    type Key = Uuid;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Uuid>> {
        match &recorded.event {
            Event::Edit(id, event) => match event {
                Did::Proposed { .. } => Some(Touch::Creates(id.0)),
                Did::Applied { .. }
                | Did::Approved { .. }
                | Did::ChecksFailed { .. }
                | Did::ChecksPassed { .. }
                | Did::Failed { .. }
                | Did::Rejected { .. }
                | Did::RolledBack { .. } => Some(Touch::Changes(id.0)),
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

    fn fold(id: &Uuid, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Edit(_, event) = &recorded.event else { return row };
        let now = Millis(recorded.recorded_at);
        if let Did::Proposed { .. } = event {
            return proposed(*id, event, now);
        }
        let mut row = row?;
        event.status().word().clone_into(&mut row.status);
        row.updated_at = now;
        match event {
            Did::Applied { revision, position } => {
                row.revision = Some(revision.cast_signed());
                row.applied_at = Some(now);
                row.applied_position = Some(position.cast_signed());
                row.failure = None;
            }
            Did::ChecksFailed { checks } | Did::ChecksPassed { checks } => {
                row.checks = serde_json::to_string(checks).ok();
            }
            Did::Failed { reason } => row.failure = Some(reason.clone()),
            Did::RolledBack { by } => {
                row.rolled_back_at = Some(now);
                row.rolled_back_by = Some(by.0);
            }
            Did::Approved { .. } | Did::Proposed { .. } | Did::Rejected { .. } => {}
        }
        Some(row)
    }

    fn values(key: &Uuid) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(row: &Model) -> Uuid {
        row.id
    }

    async fn forget(person: &Person, tx: &Tx) -> Result<(), DbErr> {
        let update = Entity::update_many().filter(Column::Owner.eq(person.as_str()));
        update.col_expr(Column::Description, Expr::value(ERASED)).exec(tx).await?;
        Ok(())
    }
}

fn proposed(id: Uuid, event: &Did, now: Millis) -> Option<Model> {
    let Did::Proposed {
        author,
        scope,
        kind,
        description,
        base_revision,
        changes,
        content_hash,
        ..
    } = event
    else {
        return None;
    };
    Some(Model {
        id,
        scope: scope.as_ref().to_owned(),
        kind: kind.clone(),
        status: event.status().word().to_owned(),
        owner: description.person().as_str().to_owned(),
        description: description.shown().to_owned(),
        author_kind: author.kind.as_ref().to_owned(),
        author_id: author.id.clone(),
        base_revision: base_revision.cast_signed(),
        content_hash: content_hash.clone(),
        changes: serde_json::to_string(changes).unwrap_or_default(),
        files_modified: i64::try_from(changes.len()).unwrap_or(i64::MAX),
        checks: None,
        failure: None,
        created_at: now,
        updated_at: now,
        revision: None,
        applied_at: None,
        applied_position: None,
        rolled_back_at: None,
        rolled_back_by: None,
    })
}
