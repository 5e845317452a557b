//! `/self-editing`: the switch, the history, and taking back.

pub(crate) mod edits;
mod shapes;
pub(crate) mod workspace;

use std::collections::BTreeSet;

use commands::lifecycle::Lifecycle;
use commands::self_editing::{Moment, Rollback, SelfEditing, Target, UnderWay};
use domain::kernel::{Scope, Singleton};
use domain::lifecycle::{SelfEditingSettings, SettingsPatch};
use domain::self_editing::Status;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use projections::Slice;
use projections::self_editing::{edits as list, files};
use uuid::Uuid;

use crate::Tag;
use crate::answer::{Found, Result, Written};
use crate::auth::{May, needs};
use crate::error::ApiError;
use crate::page::{Pagination, default_limit};
use crate::request;
use crate::views::Views;
use shapes::{EditChanges, past_status};

pub(crate) struct SelfEditingApi {
    pub(crate) lifecycle: Lifecycle,
    pub(crate) self_editing: SelfEditing,
    pub(crate) views: Views,
}

/// How self-editing stands.
#[derive(Object)]
#[expect(clippy::struct_excessive_bools, reason = "four switches are four switches")]
struct SelfEditingStatus {
    /// Whether it is allowed.
    enabled: bool,
    /// Whether an edit is under way now.
    active: bool,
    scope: Vec<ScopeWord>,
    auto_approve: bool,
    backup_before_edit: bool,
    last_edit: Option<LastEdit>,
    statistics: EditStatistics,
}

#[derive(Object)]
struct LastEdit {
    timestamp: String,
    #[oai(rename = "type")]
    kind: String,
    success: bool,
    rollback_available: bool,
}

#[derive(Object)]
struct EditStatistics {
    total_edits: u64,
    successful_edits: u64,
    failed_edits: u64,
    /// Counted apart from the edits.
    rollbacks: u64,
}

/// What an edit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "Scope", rename_all = "snake_case")]
pub(crate) enum ScopeWord {
    Features,
    Performance,
    Security,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct EnableSelfEditing {
    /// True unless it says otherwise.
    enabled: Option<bool>,
    /// The areas that are open; absent, they stay as they are.
    #[oai(validator(max_items = 3))]
    scope: Option<Vec<ScopeWord>>,
    auto_approve: Option<bool>,
    backup_before_edit: Option<bool>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct DisableSelfEditing {
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: String,
    /// Also reject the edits that are under way.
    #[oai(default)]
    emergency: bool,
}

#[derive(Object)]
struct EditHistory {
    edits: Vec<PastEdit>,
    pagination: Pagination,
}

/// An edit, in short.
#[derive(Object)]
struct PastEdit {
    id: Uuid,
    timestamp: String,
    #[oai(rename = "type")]
    kind: String,
    description: String,
    /// `pending`, `success`, `failed`, `rejected` or `rolled_back`.
    status: String,
    changes: EditChanges,
    rollback_available: bool,
}

/// A status to look for; those of the history, and the finer ones of edits.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
enum PastStatus {
    Applied,
    Approved,
    Checked,
    Failed,
    Pending,
    Proposed,
    Rejected,
    RolledBack,
    Success,
}

/// Either an edit to take back, or a moment to go back to.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewRollback {
    #[oai(validator(min_length = 1, max_length = 64))]
    edit_id: Option<String>,
    /// A time (RFC 3339) or a position.
    #[oai(validator(min_length = 1, max_length = 40))]
    to: Option<String>,
    #[oai(validator(min_length = 1, max_length = 2000))]
    reason: String,
    /// Where later edits changed the same lines, restore the older content.
    #[oai(default)]
    force: bool,
    /// Only say what would happen.
    #[oai(default)]
    preview: bool,
}

#[derive(Object)]
struct RollbackDone {
    rollback_id: Option<Uuid>,
    #[oai(skip_serializing_if_is_none)]
    edit_id: Option<Uuid>,
    /// `rolled_back` or `preview`.
    status: String,
    /// The revision of the workspace that is live now.
    revision: u64,
    changes: EditChanges,
    conflicts: Vec<RollbackConflict>,
}

#[derive(Object)]
struct RollbackConflict {
    file: String,
    hunk: String,
}

#[OpenApi(prefix_path = "/api/v1/self-editing", tag = "Tag::SelfEditing")]
impl SelfEditingApi {
    /// How self-editing stands
    #[oai(path = "/status", method = "get", operation_id = "getSelfEditingStatus")]
    async fn status(&self, _may: May<needs::ReadSelfEdit>) -> Result<Found<SelfEditingStatus>> {
        let settings = self.lifecycle.settings.load(&Singleton).await?;
        let status = self.shown(self.views.live()?.db(), settings.aggregate.self_editing).await?;
        Ok(Found::of(status))
    }

    /// Switch self-editing on
    #[oai(path = "/enable", method = "post", operation_id = "enableSelfEditing")]
    async fn enable(
        &self,
        may: May<needs::ManageSelfEditing>,
        body: Json<EnableSelfEditing>,
    ) -> Result<Written<SelfEditingStatus>> {
        let EnableSelfEditing { enabled, scope, auto_approve, backup_before_edit } = body.0;
        let scope: Option<BTreeSet<Scope>> =
            scope.map(|words| words.into_iter().map(Scope::from).collect());
        let patch = SettingsPatch {
            self_editing_enabled: Some(enabled.unwrap_or(true)),
            scope,
            auto_approve,
            backup_before_edit,
            ..SettingsPatch::default()
        };
        let changed = self.lifecycle.change_self_editing(&may.caller, patch, None).await?;
        self.switched(changed.position).await
    }

    /// Switch self-editing off
    ///
    /// In an emergency the edits that are under way are rejected as well.
    #[oai(path = "/disable", method = "post", operation_id = "disableSelfEditing")]
    async fn disable(
        &self,
        may: May<needs::ManageSelfEditing>,
        body: Json<DisableSelfEditing>,
    ) -> Result<Written<SelfEditingStatus>> {
        let DisableSelfEditing { reason, emergency } = body.0;
        let under_way = if emergency { Some(self.under_way().await) } else { None };
        let position = self.self_editing.disable(&may.caller, reason, under_way).await?;
        self.switched(position).await
    }

    /// The history of edits
    ///
    /// Newest first.
    #[oai(path = "/history", method = "get", operation_id = "listSelfEditingHistory")]
    async fn history(
        &self,
        _may: May<needs::ReadSelfEdit>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
        /// A scope, or a finer type.
        #[oai(name = "type", validator(min_length = 1, max_length = 64))]
        kind: Query<Option<String>>,
        status: Query<Option<PastStatus>>,
    ) -> Result<Found<EditHistory>> {
        let statuses = status.0.map(PastStatus::statuses).unwrap_or_default();
        let filter = list::Filter { kind: kind.0, statuses };
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let live = self.views.live()?;
        let db = live.db();
        let page = list::list(db, &filter, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let changes = files::changed_by(db, &page.items).await?;
        let edits = page.items.into_iter().zip(changes).map(|(edit, changes)| PastEdit {
            id: edit.id,
            timestamp: request::shown(edit.created_at.0),
            status: past_status(&edit.status).to_owned(),
            changes: EditChanges::of(&changes),
            rollback_available: edit.rollback_available(),
            kind: edit.kind,
            description: edit.description,
        });
        Ok(Found::of(EditHistory { edits: edits.collect(), pagination }))
    }

    /// Take an edit back, or go back to a moment
    ///
    /// History stays as it was: a rollback is a new revision, and can be taken back itself.
    #[oai(path = "/rollback", method = "post", operation_id = "rollBack")]
    async fn roll_back(
        &self,
        may: May<needs::RollbackSelfEdit>,
        body: Json<NewRollback>,
    ) -> Result<Written<RollbackDone>> {
        let NewRollback { edit_id, to, reason, force, preview } = body.0;
        let target = match (edit_id, to) {
            (Some(id), None) => Target::Edit(id.parse().map_err(|_| no_edit(&id))?),
            (None, Some(to)) => Target::Moment(moment("to", &to)?),
            _ => return Err(ApiError::field("edit_id", "give either edit_id or to")),
        };
        let rollback = Rollback { target, reason, force, preview };
        let done = self.self_editing.roll_back(&may.caller, rollback).await?;
        let data = RollbackDone {
            rollback_id: done.id.map(|id| id.0),
            edit_id: done.edit.map(|id| id.0),
            status: if preview { "preview" } else { "rolled_back" }.to_owned(),
            revision: done.revision,
            changes: EditChanges::from(done.changes),
            conflicts: Vec::new(),
        };
        Ok(match done.position {
            Some(position) => Written::at(position, data),
            None => Written::nothing(data),
        })
    }
}

impl SelfEditingApi {
    /// What the read models know to be under way; without them, the log is asked for all of it.
    async fn under_way(&self) -> UnderWay {
        let Ok(live) = self.views.live() else { return UnderWay::default() };
        let position = live.standing().borrow().position;
        let edits = list::under_way(live.db()).await;
        edits.map_or_else(|_| UnderWay::default(), |edits| UnderWay { edits, position })
    }

    async fn switched(&self, position: u64) -> Result<Written<SelfEditingStatus>> {
        let live = self.views.showing(position).await?;
        let db = live.db();
        let settings = self.lifecycle.settings.load(&Singleton).await?.aggregate;
        let status = self.shown(db, settings.self_editing).await?;
        let word = if status.enabled { "on" } else { "off" };
        Ok(Written::at(position, status).saying(format!("self-editing is {word}")))
    }

    async fn shown(
        &self,
        db: &projections::DatabaseConnection,
        settings: SelfEditingSettings,
    ) -> Result<SelfEditingStatus> {
        let counted = list::statistics(db).await?;
        let under_way = list::under_way(db).await?;
        let last = list::last(db).await?.map(|edit| LastEdit {
            timestamp: request::shown(edit.updated_at.0),
            success: edit.status != Status::Failed.word(),
            rollback_available: edit.rollback_available(),
            kind: edit.kind,
        });
        let SelfEditingSettings { enabled, scope, auto_approve, backup_before_edit } = settings;
        Ok(SelfEditingStatus {
            enabled,
            active: !under_way.is_empty(),
            scope: scope.into_iter().map(ScopeWord::from).collect(),
            auto_approve,
            backup_before_edit,
            last_edit: last,
            statistics: EditStatistics {
                total_edits: counted.total(),
                successful_edits: counted.successful,
                failed_edits: counted.failed,
                rollbacks: counted.rollbacks,
            },
        })
    }
}

/// A rollback that names no edit has an error code of its own.
fn no_edit(id: &str) -> ApiError {
    ApiError {
        code: "INVALID_EDIT_ID",
        ..ApiError::field("edit_id", format!("there is no edit {id}"))
    }
}

/// A time or a position.
pub(crate) fn moment(field: &str, text: &str) -> Result<Moment> {
    if let Ok(position) = text.parse() {
        return Ok(Moment::Position(position));
    }
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(Moment::Time(time.to_utc())),
        Err(_) => {
            Err(ApiError::field(field, "must be a time as RFC 3339 writes it, or a position"))
        }
    }
}

impl PastStatus {
    fn statuses(self) -> Vec<Status> {
        match self {
            Self::Applied | Self::Success => vec![Status::Applied],
            Self::Approved => vec![Status::Approved],
            Self::Checked => vec![Status::Checked],
            Self::Failed => vec![Status::Failed],
            Self::Pending => vec![Status::Proposed, Status::Checked, Status::Approved],
            Self::Proposed => vec![Status::Proposed],
            Self::Rejected => vec![Status::Rejected],
            Self::RolledBack => vec![Status::RolledBack],
        }
    }
}

impl From<Scope> for ScopeWord {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Features => Self::Features,
            Scope::Performance => Self::Performance,
            Scope::Security => Self::Security,
        }
    }
}

impl From<ScopeWord> for Scope {
    fn from(word: ScopeWord) -> Self {
        match word {
            ScopeWord::Features => Self::Features,
            ScopeWord::Performance => Self::Performance,
            ScopeWord::Security => Self::Security,
        }
    }
}
