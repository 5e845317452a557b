//! `/self-editing`: the switch, and the history.

pub(crate) mod behaviors;
pub(crate) mod compensations;
pub(crate) mod edits;
pub(crate) mod effects;
pub(crate) mod rehearsals;
pub(crate) mod rollback;
mod shapes;
pub(crate) mod suggest;
mod watch;
mod words;
pub(crate) mod workspace;

use commands::lifecycle::Lifecycle;
use commands::self_editing::{SelfEditing, UnderWay};
use domain::kernel::Singleton;
use domain::lifecycle::{SelfEditingSettings, SettingsPatch};
use domain::self_editing::Status;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use projections::Slice;
use projections::self_editing::{edits as list, files};
use uuid::Uuid;

use crate::Tag;
use crate::answer::{Found, Result, Written};
use crate::auth::{May, needs};
use crate::page::{Pagination, default_limit};
use crate::request;
use crate::views::Views;
use shapes::{EditChanges, past_status};
pub(crate) use shapes::{EditFinding, EditView};
use words::PastStatus;
pub(crate) use words::{ScopeWord, moment};

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
    /// Whether edits of some scope are approved by themselves.
    auto_approve: bool,
    auto_approve_scopes: Vec<ScopeWord>,
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

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct EnableSelfEditing {
    /// True unless it says otherwise.
    enabled: Option<bool>,
    /// The areas that are open; absent, they stay as they are.
    #[oai(validator(max_items = 3))]
    scope: Option<Vec<ScopeWord>>,
    /// In all scopes, unless `auto_approve_scopes` names some.
    auto_approve: Option<bool>,
    #[oai(validator(max_items = 3))]
    auto_approve_scopes: Option<Vec<ScopeWord>>,
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
        let EnableSelfEditing {
            enabled,
            scope,
            auto_approve,
            auto_approve_scopes,
            backup_before_edit,
        } = body.0;
        let scope = scope.map(ScopeWord::scopes);
        let patch = SettingsPatch {
            self_editing_enabled: Some(enabled.unwrap_or(true)),
            scope,
            auto_approve,
            auto_approve_scopes: auto_approve_scopes.map(ScopeWord::scopes),
            backup_before_edit,
            ..SettingsPatch::default()
        };
        // Without read models the answer could not be given: then nothing is done either.
        self.views.live()?;
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
        let changes = files::counted(files::changed_by(db, &page.items).await?).await?;
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
}

impl SelfEditingApi {
    /// What the read models know to be under way; without them, the log is asked for all of it.
    async fn under_way(&self) -> UnderWay {
        let Ok(live) = self.views.live() else { return UnderWay::default() };
        let position = live.standing().borrow().position;
        let edits = list::under_way(live.db()).await;
        edits.map_or_else(|_| UnderWay::default(), |edits| UnderWay { edits, position })
    }

    /// How things stand after a switch; the counts are those of the read models as they are.
    async fn switched(&self, position: u64) -> Result<Written<SelfEditingStatus>> {
        let (live, _) = self.views.once_at(position).await?;
        let settings = self.lifecycle.settings.load(&Singleton).await?.aggregate;
        let status = self.shown(live.db(), settings.self_editing).await?;
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
            timestamp: request::shown(edit.ended_at().0),
            success: edit.status != Status::Failed.word(),
            rollback_available: edit.rollback_available(),
            kind: edit.kind,
        });
        let auto_approve = settings.auto_approve();
        let SelfEditingSettings { enabled, scope, auto_approve_scopes, backup_before_edit } =
            settings;
        Ok(SelfEditingStatus {
            enabled,
            active: !under_way.is_empty(),
            scope: ScopeWord::all(&scope),
            auto_approve,
            auto_approve_scopes: ScopeWord::all(&auto_approve_scopes),
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
