//! `/self-editing/behaviors`: what is live, what it may do, and how it fares.

use commands::explain::{Explain, Failure, Fared, Unusable};
use poem_openapi::param::{Path, Query};
use poem_openapi::{Enum, Object, OpenApi};
use projections::Slice;
use projections::behaviors::calls;
use uuid::Uuid;

use crate::Tag;
use crate::answer::{Found, Result};
use crate::auth::{May, needs};
use crate::explain::PowerView;
use crate::page::{Pagination, default_limit};
use crate::request;
use crate::views::Views;

pub(crate) struct BehaviorsApi {
    pub(crate) explain: Explain,
    pub(crate) views: Views,
}

#[derive(Object)]
struct BehaviorList {
    behaviors: Vec<BehaviorView>,
    /// Files that should be behaviors and cannot be used.
    unusable: Vec<UnusableBehavior>,
}

/// A live behavior, and how it fared.
#[derive(Object)]
#[oai(rename = "Behavior")]
struct BehaviorView {
    name: String,
    file: String,
    /// `command`, `prefix_command`, `reaction`, `responder` or `schedule`.
    kind: String,
    /// What people type, where it is a command.
    #[oai(skip_serializing_if_is_none)]
    command: Option<String>,
    description: String,
    /// What it may do, and no more.
    powers: Vec<PowerView>,
    /// How long one person waits between two calls, in seconds.
    cooldown_s: u32,
    /// The revision of the workspace that changed its file last.
    revision_changed: Option<u64>,
    /// The edit that made that revision.
    edit_id: Option<Uuid>,
    calls: BehaviorCounts,
    /// The mean time of a run, in microseconds.
    mean_us: u64,
    #[oai(skip_serializing_if_is_none)]
    last_failure: Option<BehaviorFailure>,
}

/// Over its newest 32 revisions.
#[derive(Object)]
struct BehaviorCounts {
    ran: u64,
    failed: u64,
    /// Calls that were not run.
    held: u64,
    /// Actions that were refused.
    refused: u64,
}

#[derive(Object)]
struct BehaviorFailure {
    at: String,
    line: Option<u32>,
    /// `[erased]` once whoever called it was erased.
    reason: String,
}

#[derive(Object)]
struct UnusableBehavior {
    file: String,
    line: Option<u32>,
    reason: String,
}

#[derive(Object)]
struct CallList {
    calls: Vec<CallView>,
    pagination: Pagination,
}

/// One call of a behavior; what became of it: `GET /explain/{id}`.
#[derive(Object)]
#[oai(rename = "BehaviorCall")]
struct CallView {
    id: Uuid,
    timestamp: String,
    /// What called it: `command`, `prefix_command`, `message`, `member_joined` …
    what: String,
    /// `failed`, `held` or `ran`.
    status: String,
    revision: u64,
    #[oai(skip_serializing_if_is_none)]
    guild_id: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    channel_id: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    user_id: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    message_id: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    interaction_id: Option<String>,
    /// Of a call that was held: `cooldown` or `guild_limit`.
    #[oai(skip_serializing_if_is_none)]
    held_by: Option<String>,
    /// Of a failure: where in the script.
    #[oai(skip_serializing_if_is_none)]
    line: Option<u64>,
    /// Of a failure; `[erased]` once its owner was erased.
    #[oai(skip_serializing_if_is_none)]
    reason: Option<String>,
    operations: u64,
    took_us: u64,
    /// How many actions it wanted.
    actions: u64,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum CallStatus {
    Failed,
    Held,
    Ran,
}

#[OpenApi(prefix_path = "/api/v1/self-editing/behaviors", tag = "Tag::SelfEditing")]
impl BehaviorsApi {
    /// The behaviors that are live
    ///
    /// By file, with what each may do and how it fared.
    #[oai(path = "/", method = "get", operation_id = "listBehaviors")]
    async fn behaviors(&self, _may: May<needs::ReadSelfEdit>) -> Result<Found<BehaviorList>> {
        let (all, unusable) = self.explain.behaviors().await?;
        let behaviors = all.into_iter().map(BehaviorView::of).collect();
        let unusable = unusable
            .into_iter()
            .map(|Unusable { file, line, reason }| UnusableBehavior { file, line, reason });
        Ok(Found::of(BehaviorList { behaviors, unusable: unusable.collect() }))
    }

    /// The calls of a behavior
    ///
    /// Newest first; also of one that is not live any more.
    #[oai(path = "/:name/calls", method = "get", operation_id = "listBehaviorCalls")]
    async fn calls(
        &self,
        _may: May<needs::ReadSelfEdit>,
        #[oai(validator(min_length = 1, max_length = 200))] name: Path<String>,
        status: Query<Option<CallStatus>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<CallList>> {
        let status = status.0.map(|it| match it {
            CallStatus::Failed => "failed",
            CallStatus::Held => "held",
            CallStatus::Ran => "ran",
        });
        let status = status.map(ToOwned::to_owned);
        let filter = calls::Filter { behavior: Some(name.0), status };
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let page = calls::list(self.views.live()?.db(), &filter, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let calls = page.items.into_iter().map(CallView::from).collect();
        Ok(Found::of(CallList { calls, pagination }))
    }
}

impl BehaviorView {
    fn of(it: Fared) -> Self {
        let failure =
            |Failure { at, line, reason }| BehaviorFailure { at: request::shown(at), line, reason };
        Self {
            name: it.name.to_string(),
            file: it.file,
            kind: it.kind.as_str().to_owned(),
            command: it.command,
            description: it.description,
            powers: it.powers.into_iter().map(PowerView::of).collect(),
            cooldown_s: it.cooldown_s,
            revision_changed: it.changed.map(|(revision, _)| revision),
            edit_id: it.changed.map(|(_, edit)| edit.0),
            calls: BehaviorCounts {
                ran: it.tally.ran,
                failed: it.tally.failed,
                held: it.tally.held,
                refused: it.tally.refused,
            },
            mean_us: it.tally.mean_us(),
            last_failure: it.last_failure.map(failure),
        }
    }
}

impl From<calls::Model> for CallView {
    fn from(row: calls::Model) -> Self {
        let id = |id: Option<i64>| id.map(|id| id.cast_unsigned().to_string());
        Self {
            id: row.id,
            timestamp: request::shown(row.at.0),
            what: row.what,
            status: row.status,
            revision: row.revision.cast_unsigned(),
            guild_id: id(row.guild_id),
            channel_id: id(row.channel_id),
            user_id: id(row.user_id),
            message_id: id(row.message_id),
            interaction_id: id(row.interaction_id),
            held_by: row.hold,
            line: row.line.map(i64::cast_unsigned),
            reason: row.reason,
            operations: row.operations.cast_unsigned(),
            took_us: row.took_us.cast_unsigned(),
            actions: row.actions.cast_unsigned(),
        }
    }
}
