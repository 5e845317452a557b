//! Rehearsals of edits, and what they came to.

use domain::kernel::{EditId, Event, Recorded};
use domain::self_editing::{Plan, RehearsalEvent as Did, Report};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::{Fold, Millis, Touch};

/// One rehearsal. `status` is `running`, `done` or `failed`, as the log tells it: one whose process
/// was killed looks as if it ran for ever.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "self_editing_rehearsals")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub edit_id: Uuid,
    pub content_hash: String,
    pub by_kind: String,
    pub by_id: String,
    /// The revision of the workspace that it was compared with.
    pub revision: i64,
    pub status: String,
    /// Why it failed.
    pub failure: Option<String>,
    /// The report without its examples and errors, as JSON.
    pub figures: Option<String>,
    pub started_at: Millis,
    pub ended_at: Option<Millis>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// What it showed, without examples and errors; all zeros before it has ended.
    pub fn figures(&self) -> Report {
        let read = self.figures.as_deref().and_then(|json| serde_json::from_str(json).ok());
        read.unwrap_or_default()
    }

    /// Whether the log does not show its end.
    pub fn is_open(&self) -> bool {
        self.status == RUNNING
    }
}

const RUNNING: &str = "running";

/// How many rehearsals an edit shows.
const NEWEST: u64 = 50;

/// A rehearsal as its own history tells it, without a database.
pub fn told(history: &[Recorded]) -> Option<Model> {
    history.iter().fold(None, |row, recorded| match &recorded.event {
        Event::Rehearsal(id, _) => Rehearsals::fold(&id.0, row, recorded),
        _ => row,
    })
}

/// The newest of one edit, oldest first.
pub async fn of(db: &impl ConnectionTrait, edit: EditId) -> Result<Vec<Model>, DbErr> {
    let find = Entity::find().filter(Column::EditId.eq(edit.0));
    let find = find.order_by_desc(Column::StartedAt).order_by_desc(Column::Id);
    let mut found = find.limit(NEWEST).all(db).await?;
    found.reverse();
    Ok(found)
}

/// Builds the list.
pub struct Rehearsals;

impl Fold for Rehearsals {
    const NAME: &'static str = "self_editing_rehearsals";
    const VERSION: u32 = 1;
    type Key = Uuid;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Uuid>> {
        let Event::Rehearsal(id, event) = &recorded.event else { return None };
        Some(match event {
            Did::Started(_) => Touch::Creates(id.0),
            Did::Ended { .. } | Did::Failed { .. } => Touch::Changes(id.0),
        })
    }

    fn fold(id: &Uuid, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Rehearsal(_, event) = &recorded.event else { return row };
        let now = Millis(recorded.recorded_at);
        match event {
            Did::Started(Plan { edit, content_hash, by, revision, .. }) => Some(Model {
                id: *id,
                edit_id: edit.0,
                content_hash: content_hash.clone(),
                by_kind: by.kind.as_ref().to_owned(),
                by_id: by.id.clone(),
                revision: revision.cast_signed(),
                status: RUNNING.to_owned(),
                failure: None,
                figures: None,
                started_at: now,
                ended_at: None,
            }),
            Did::Ended { report } => row.map(|row| Model {
                status: "done".to_owned(),
                figures: figures(report),
                ended_at: Some(now),
                ..row
            }),
            Did::Failed { reason } => row.map(|row| Model {
                status: "failed".to_owned(),
                failure: Some(reason.clone()),
                ended_at: Some(now),
                ..row
            }),
        }
    }

    fn values(key: &Uuid) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(row: &Model) -> Uuid {
        row.id
    }
}

/// What people said stays in the log, where it can be forgotten.
fn figures(report: &Report) -> Option<String> {
    let figures = Report { examples: Vec::new(), errors: Vec::new(), ..report.clone() };
    serde_json::to_string(&figures).ok()
}
