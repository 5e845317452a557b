//! The revisions of the workspace, and which edit made each.

use chrono::{DateTime, Utc};
use domain::kernel::{Event, Recorded};
use domain::self_editing::{RevisionKind, WorkspaceEvent as Did};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::{Append, Millis, Paged, Slice};

/// One revision. `kind` is `applied`, `rolled_back` or `seeded`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "self_editing_revisions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub revision: i64,
    pub kind: String,
    /// The edit that made it.
    pub edit_id: Uuid,
    /// The edit that it takes back.
    pub rolls_back: Option<Uuid>,
    pub by_kind: String,
    pub by_id: String,
    pub position: i64,
    pub recorded_at: Millis,
}

impl ActiveModelBehavior for ActiveModel {}

/// A moment of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Now,
    Position(u64),
    Revision(u64),
    Time(DateTime<Utc>),
}

/// The newest revision at a moment.
pub async fn newest(db: &impl ConnectionTrait, at: At) -> Result<Option<Model>, DbErr> {
    let find = Entity::find();
    let find = match at {
        At::Now => find,
        At::Position(position) => find.filter(Column::Position.lte(position.cast_signed())),
        At::Revision(revision) => find.filter(Column::Revision.lte(revision.cast_signed())),
        At::Time(time) => find.filter(Column::RecordedAt.lte(time.timestamp_millis())),
    };
    find.order_by_desc(Column::Revision).one(db).await
}

/// The revisions, the newest first.
pub async fn list(db: &impl ConnectionTrait, slice: Slice) -> Result<Paged<Model>, DbErr> {
    slice.of(Entity::find().order_by_desc(Column::Revision), db).await
}

/// Builds the list.
pub struct Revisions;

impl Append for Revisions {
    const NAME: &'static str = "self_editing_revisions";
    const VERSION: u32 = 1;
    type Row = Model;

    fn rows(recorded: &Recorded) -> impl IntoIterator<Item = Model> {
        match &recorded.event {
            Event::Workspace(_, Did::Revised { revision, kind, edit, by, changes: _ }) => {
                let (kind, rolls_back) = match kind {
                    RevisionKind::Applied => ("applied", None),
                    RevisionKind::RolledBack { of } => ("rolled_back", of.map(|edit| edit.0)),
                    RevisionKind::Seeded => ("seeded", None),
                };
                Some(Model {
                    revision: revision.cast_signed(),
                    kind: kind.to_owned(),
                    edit_id: edit.0,
                    rolls_back,
                    by_kind: by.kind.as_ref().to_owned(),
                    by_id: by.id.clone(),
                    position: recorded.position.cast_signed(),
                    recorded_at: Millis(recorded.recorded_at),
                })
            }
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
            | Event::Watch(..) => None,
        }
    }
}
