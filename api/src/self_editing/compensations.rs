//! `/self-editing/compensations`: taking back what the behaviors of an edit did, once somebody else
//! approves it.

use std::collections::HashMap;

use commands::self_editing::Compensations;
use domain::kernel::{Actor, CompensationId, EditId, Expected, StreamId};
use domain::self_editing::Compensation;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use projections::Slice;
use projections::identity::actors;
use projections::self_editing::compensation_steps::{self as steps, Model as StepModel};
use projections::self_editing::compensations::{self as list, Model};
use uuid::Uuid;

use super::shapes::actor;
use crate::Tag;
use crate::answer::{Created, Found, Result, Written};
use crate::audit::ActorView;
use crate::auth::{May, needs};
use crate::error::ApiError;
use crate::page::{Pagination, default_limit};
use crate::request;
use crate::views::Views;

/// How many events one has at most: proposed, decided, and its steps.
const EVENTS: usize = domain::self_editing::MAX_STEPS + 2;

pub(crate) struct CompensationsApi {
    pub(crate) compensations: Compensations,
    pub(crate) views: Views,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewCompensation {
    #[oai(validator(min_length = 1, max_length = 2000))]
    reason: String,
    /// What to take back; without it, the newest 1000 effects that can be.
    #[oai(validator(min_items = 1, max_items = 1000))]
    actions: Option<Vec<CompensatedAction>>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct CompensatedAction {
    call_id: Uuid,
    /// Its place among the actions of the call, from 0.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000")))]
    action: u32,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct CompensationApproval {
    /// Approve your own, as the only administrator.
    #[oai(default)]
    force: bool,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct CompensationRejection {
    #[oai(validator(min_length = 1, max_length = 2000))]
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum CompensationStatus {
    Approved,
    Done,
    Proposed,
    Rejected,
}

/// What takes effects of an edit back.
#[derive(Object)]
#[oai(rename = "Compensation")]
struct CompensationView {
    id: Uuid,
    edit_id: Uuid,
    status: CompensationStatus,
    by: ActorView,
    /// `[erased]` once who proposed it was erased.
    reason: String,
    created_at: String,
    /// How many effects it takes back.
    total: u64,
    /// How many of them are taken back; what was gone already counts.
    delivered: u64,
    /// How many could not be.
    failed: u64,
    /// Who approved or rejected it.
    #[oai(skip_serializing_if_is_none)]
    decided_by: Option<ActorView>,
    #[oai(skip_serializing_if_is_none)]
    decided_at: Option<String>,
    /// Why it was rejected.
    #[oai(skip_serializing_if_is_none)]
    rejection: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    ended_at: Option<String>,
}

#[derive(Object)]
struct CompensationList {
    compensations: Vec<CompensationView>,
    pagination: Pagination,
}

/// A compensation, and a part of its steps.
#[derive(Object)]
struct CompensationSteps {
    #[oai(flatten)]
    short: CompensationView,
    steps: Vec<CompensationStep>,
    pagination: Pagination,
}

#[derive(Object)]
struct CompensationStep {
    /// From 0, in the order in which they are done: the newest effect first.
    step: u32,
    behavior: String,
    call_id: Uuid,
    action: u32,
    /// What is done.
    undo: String,
    #[oai(skip_serializing_if_is_none)]
    channel_id: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    message_id: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    user_id: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    role_id: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    emoji: Option<String>,
    /// `delivered` or `failed`; null before it is done.
    outcome: Option<String>,
    /// Why it failed.
    #[oai(skip_serializing_if_is_none)]
    reason: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    settled_at: Option<String>,
}

#[OpenApi(prefix_path = "/api/v1/self-editing", tag = "Tag::SelfEditing")]
impl CompensationsApi {
    /// Propose to take back what the behaviors of an edit did
    ///
    /// Nothing is done before somebody else approves it.
    #[oai(
        path = "/edits/:edit_id/compensations",
        method = "post",
        operation_id = "proposeCompensation"
    )]
    async fn propose(
        &self,
        may: May<needs::RollbackSelfEdit>,
        edit_id: Path<Uuid>,
        body: Json<NewCompensation>,
    ) -> Result<Created<CompensationView>> {
        let NewCompensation { reason, actions } = body.0;
        let actions = actions
            .map(|all| all.into_iter().map(|it| (it.call_id, it.action)).collect::<Vec<_>>());
        let edit = EditId(edit_id.0);
        let proposed = self.compensations.propose(&may.caller, edit, reason, actions).await?;
        let view = self.told(proposed.id).await?;
        let path = format!("/api/v1/self-editing/compensations/{}", proposed.id);
        let created = Created::at(proposed.position, view).location(path);
        Ok(match proposed.left {
            0 => created,
            left => created.saying(format!(
                "one compensation takes at most {} effects back; {left} more need another one",
                domain::self_editing::MAX_STEPS
            )),
        })
    }

    /// The compensations of an edit
    ///
    /// Newest first.
    #[oai(
        path = "/edits/:edit_id/compensations",
        method = "get",
        operation_id = "listCompensations"
    )]
    async fn of_edit(
        &self,
        _may: May<needs::ReadSelfEdit>,
        edit_id: Path<Uuid>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<CompensationList>> {
        let edit = self.compensations.self_editing.edits.load(&EditId(edit_id.0)).await?;
        if edit.version == 0 {
            return Err(ApiError::not_found("edit"));
        }
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let live = self.views.live()?;
        let page = list::of(live.db(), EditId(edit_id.0), slice).await?;
        let pagination = Pagination::over(&page, slice);
        let people: Vec<_> = page.items.iter().flat_map(people).collect();
        let names = actors::names(live.db(), &people).await?;
        let compensations = page.items.into_iter().map(|it| shown(it, &names)).collect();
        Ok(Found::of(CompensationList { compensations, pagination }))
    }

    /// A compensation with its steps
    #[oai(
        path = "/compensations/:compensation_id",
        method = "get",
        operation_id = "getCompensation"
    )]
    async fn get(
        &self,
        _may: May<needs::ReadSelfEdit>,
        compensation_id: Path<Uuid>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<CompensationSteps>> {
        let id = CompensationId(compensation_id.0);
        let position = self.compensations.aggregates.load(&id).await?.position;
        let (live, _) = self.views.once_at(position).await?;
        let none = || ApiError::not_found("compensation");
        let row = list::find(live.db(), id).await?.ok_or_else(none)?;
        let names = actors::names(live.db(), &people(&row)).await?;
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let page = steps::of(live.db(), id, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let steps = page.items.into_iter().map(CompensationStep::from).collect();
        Ok(Found::of(CompensationSteps { short: shown(row, &names), steps, pagination }))
    }

    /// Approve a compensation
    ///
    /// Its steps are taken at once, each of them once.
    #[oai(
        path = "/compensations/:compensation_id/approve",
        method = "post",
        operation_id = "approveCompensation"
    )]
    async fn approve(
        &self,
        may: May<needs::ApproveSelfEdit>,
        compensation_id: Path<Uuid>,
        body: Json<CompensationApproval>,
    ) -> Result<Written<CompensationView>> {
        let id = CompensationId(compensation_id.0);
        let position = self.compensations.approve(&may.caller, id, body.0.force).await?;
        Ok(Written::at(position, self.told(id).await?))
    }

    /// Reject a compensation
    #[oai(
        path = "/compensations/:compensation_id/reject",
        method = "post",
        operation_id = "rejectCompensation"
    )]
    async fn reject(
        &self,
        may: May<needs::ApproveSelfEdit>,
        compensation_id: Path<Uuid>,
        body: Json<CompensationRejection>,
    ) -> Result<Written<CompensationView>> {
        let id = CompensationId(compensation_id.0);
        let position = self.compensations.reject(&may.caller, id, body.0.reason).await?;
        Ok(Written::at(position, self.told(id).await?))
    }
}

impl CompensationsApi {
    /// Right after a command, as its own history tells it.
    async fn told(&self, id: CompensationId) -> Result<CompensationView> {
        let stream = StreamId::of::<Compensation>(&id);
        let journal = &self.compensations.self_editing.journal;
        let history = journal.read_stream(&stream, Expected::New, EVENTS).await?;
        let row = list::told(&history).ok_or_else(|| ApiError::not_found("compensation"))?;
        let names = match self.views.live() {
            Ok(live) => actors::names(live.db(), &people(&row)).await.unwrap_or_default(),
            Err(_) => HashMap::new(),
        };
        Ok(shown(row, &names))
    }
}

/// The people and machines that it names.
fn people(row: &Model) -> Vec<Actor> {
    let decided = row.decided_by_kind.as_deref().zip(row.decided_by_id.as_deref());
    let by = actor(&row.by_kind, &row.by_id);
    by.into_iter().chain(decided.and_then(|(kind, id)| actor(kind, id))).collect()
}

fn shown(row: Model, names: &HashMap<Actor, String>) -> CompensationView {
    let mut people = people(&row).into_iter().map(|it| ActorView::of(&it, names));
    let nobody = || ActorView::of(&Actor::system(&row.by_id), names);
    CompensationView {
        by: people.next().unwrap_or_else(nobody),
        decided_by: people.next(),
        id: row.id,
        edit_id: row.edit_id,
        status: match row.status.as_str() {
            "approved" => CompensationStatus::Approved,
            "done" => CompensationStatus::Done,
            "rejected" => CompensationStatus::Rejected,
            _ => CompensationStatus::Proposed,
        },
        reason: row.reason,
        created_at: request::shown(row.created_at.0),
        total: row.steps.cast_unsigned(),
        delivered: row.delivered.cast_unsigned(),
        failed: row.failed.cast_unsigned(),
        decided_at: row.decided_at.map(|at| request::shown(at.0)),
        rejection: row.word,
        ended_at: row.ended_at.map(|at| request::shown(at.0)),
    }
}

impl From<StepModel> for CompensationStep {
    fn from(row: StepModel) -> Self {
        let undo = row.undo();
        let ids = undo.as_ref().and_then(|undo| serde_json::to_value(undo).ok());
        let id = |name: &str| {
            let found = ids.as_ref().and_then(|ids| ids[name].as_str());
            found.map(ToOwned::to_owned)
        };
        Self {
            step: u32::try_from(row.step).unwrap_or_default(),
            call_id: row.call_id,
            action: u32::try_from(row.action).unwrap_or_default(),
            undo: undo.as_ref().map(|undo| undo.words().to_owned()).unwrap_or_default(),
            channel_id: id("channel"),
            message_id: id("message"),
            user_id: id("user"),
            role_id: id("role"),
            emoji: id("emoji"),
            behavior: row.behavior,
            outcome: row.outcome,
            reason: row.reason,
            settled_at: row.settled_at.map(|at| request::shown(at.0)),
        }
    }
}
