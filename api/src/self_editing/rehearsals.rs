//! `/self-editing/edits/{id}/rehearse`: what an edit would change of what happened lately.

use std::collections::HashMap;

use commands::self_editing::{Ending, Rehearsals, RehearsedRange, Standing};
use domain::identity::Permission;
use domain::kernel::{Actor, EditId, Event, Personal, Recorded, RehearsalId};
use domain::self_editing::{Example, Failing, RehearsalEvent, Report};
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use projections::identity::actors;
use projections::self_editing::rehearsals::{self as list, Model};
use uuid::Uuid;

use super::edits::EditsApi;
use super::shapes::actor;
use super::words::moment;
use crate::Tag;
use crate::answer::{Accepted, Found, Result};
use crate::audit::ActorView;
use crate::auth::{May, needs};
use crate::error::ApiError;
use crate::request;

pub(crate) struct RehearsalsApi {
    pub(crate) edits: EditsApi,
}

/// Which events; without all of them, the newest 1000 commits that say something to behaviors.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewRehearsal {
    /// So many commits that say something to behaviors, the newest ones; 1000 unless `from` or
    /// `to` says more.
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000")))]
    last: Option<u64>,
    /// From this time (RFC 3339, when it was recorded) or position on.
    #[oai(validator(min_length = 1, max_length = 40))]
    from: Option<String>,
    /// Up to this time or position.
    #[oai(validator(min_length = 1, max_length = 40))]
    to: Option<String>,
}

#[derive(Object)]
struct RehearsalStarted {
    rehearsal_id: Uuid,
}

/// A rehearsal, in short.
#[derive(Object)]
pub(super) struct EditRehearsal {
    id: Uuid,
    status: RehearsalStatus,
    /// How far it has come, in percent; null when another process runs it.
    progress: Option<u64>,
    /// Why it failed.
    #[oai(skip_serializing_if_is_none)]
    failure: Option<String>,
    by: ActorView,
    started_at: String,
    #[oai(skip_serializing_if_is_none)]
    ended_at: Option<String>,
    /// How many events were fed in.
    events: u64,
    /// How many of them would be answered otherwise.
    differing: u64,
    errors_before: u64,
    errors_after: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum RehearsalStatus {
    Done,
    Failed,
    Running,
}

/// What an edit would change of what happened.
#[derive(Object)]
struct RehearsalView {
    #[oai(flatten)]
    short: EditRehearsal,
    edit_id: Uuid,
    /// The content that was rehearsed.
    content_hash: String,
    /// The revision of the workspace that it was compared with.
    revision: u64,
    /// The first and the last commit that were looked at; 0 when there was none.
    from: u64,
    to: u64,
    /// The behaviors that would answer otherwise, and how many events each.
    behaviors: Vec<RehearsedBehavior>,
    /// Up to 20 events that would be answered otherwise, of each behavior its share. Empty for who
    /// may not read the history: it needs `read:history`.
    examples: Vec<RehearsalExample>,
    /// The errors, each once, up to 20; it needs `read:history` as well.
    errors: Vec<RehearsalError>,
    /// How often behaviors were called, of those that can answer otherwise.
    calls_before: u64,
    calls_after: u64,
    /// How long their scripts ran together, in microseconds.
    time_before_us: u64,
    time_after_us: u64,
    /// How many steps their scripts did together.
    operations_before: u64,
    operations_after: u64,
    /// How many actions a single event led to at most.
    most_actions_before: u64,
    most_actions_after: u64,
}

#[derive(Object)]
struct RehearsedBehavior {
    behavior: String,
    differing: u64,
}

/// An answer that is null is silence.
#[derive(Object)]
struct RehearsalExample {
    event: RehearsedEvent,
    behavior: String,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Object)]
struct RehearsedEvent {
    position: u64,
    index: u32,
    /// `message`, `prefix_command`, `command`, `member_joined` …
    what: String,
    #[oai(skip_serializing_if_is_none)]
    channel_id: Option<String>,
    /// What was said, or put under a message, or who came.
    text: String,
}

#[derive(Object)]
struct RehearsalError {
    behavior: String,
    #[oai(skip_serializing_if_is_none)]
    line: Option<u32>,
    reason: String,
    /// How often, before and after.
    before: u64,
    after: u64,
}

#[OpenApi(prefix_path = "/api/v1/self-editing/edits", tag = "Tag::SelfEditing")]
impl RehearsalsApi {
    /// Rehearse an edit
    ///
    /// Recorded events are run through the behaviors as they are and as the edit would make them,
    /// in the background and without effects.
    #[oai(path = "/:edit_id/rehearse", method = "post", operation_id = "rehearseEdit")]
    async fn rehearse(
        &self,
        may: May<needs::ProposeSelfEdit>,
        edit_id: Path<Uuid>,
        body: Json<NewRehearsal>,
    ) -> Result<Accepted<RehearsalStarted>> {
        let NewRehearsal { last, from, to } = body.0;
        let when = |field, text: Option<String>| text.map(|it| moment(field, &it)).transpose();
        let range = RehearsedRange { last, from: when("from", from)?, to: when("to", to)? };
        let edit = EditId(edit_id.0);
        let (id, position) = self.edits.rehearsals.start(&may.caller, edit, range).await?;
        let path = format!("/api/v1/self-editing/edits/{edit}/rehearsals/{id}");
        Ok(Accepted::at(position, RehearsalStarted { rehearsal_id: id.0 }).location(path))
    }

    /// What a rehearsal showed
    #[oai(
        path = "/:edit_id/rehearsals/:rehearsal_id",
        method = "get",
        operation_id = "getRehearsal"
    )]
    async fn get(
        &self,
        may: May<needs::ReadSelfEdit>,
        edit_id: Path<Uuid>,
        rehearsal_id: Path<Uuid>,
    ) -> Result<Found<RehearsalView>> {
        let (edit, id) = (EditId(edit_id.0), RehearsalId(rehearsal_id.0));
        let rehearsals = &self.edits.rehearsals;
        let live = self.edits.views.live()?;
        // Its own history is small, and never late.
        let (history, row, short) = loop {
            let history = rehearsals.history(id).await?;
            let row = list::told(&history).filter(|row| row.edit_id == edit.0);
            let row = row.ok_or_else(|| ApiError::not_found("rehearsal"))?;
            let short = short(live.db(), rehearsals, &row).await?;
            // When it ended right between, there is more to tell.
            if !row.is_open() || short.status != RehearsalStatus::Done {
                break (history, row, short);
            }
        };
        let mut view = RehearsalView::bare(&row, short);
        if may.caller.permissions.allow(Permission::ReadHistory)
            && let Some(report) = history.into_iter().find_map(report)
        {
            view.examples = report.examples.into_iter().map(RehearsalExample::from).collect();
            view.errors = report.errors.into_iter().map(RehearsalError::from).collect();
        }
        Ok(Found::of(view))
    }
}

/// The rehearsals of an edit, in short.
pub(super) async fn of_edit(
    db: &projections::DatabaseConnection,
    rehearsals: &Rehearsals,
    edit: EditId,
) -> Result<Vec<EditRehearsal>> {
    let mut all = Vec::new();
    for row in list::of(db, edit).await? {
        all.push(short(db, rehearsals, &row).await?);
    }
    Ok(all)
}

async fn short(
    db: &projections::DatabaseConnection,
    rehearsals: &Rehearsals,
    row: &Model,
) -> Result<EditRehearsal> {
    let figures = row.figures();
    let done = |it: Report| (RehearsalStatus::Done, Some(100), it, None);
    let failed =
        |why: &str| (RehearsalStatus::Failed, None, Report::default(), Some(why.to_owned()));
    let running = |progress, events, differing| {
        let figures = Report { events, differing, ..Report::default() };
        (RehearsalStatus::Running, progress, figures, None)
    };
    let (status, progress, figures, failure) = match &row.failure {
        Some(why) => failed(why),
        None if !row.is_open() => done(figures),
        None => match rehearsals.standing(RehearsalId(row.id)).await? {
            Standing::Here { percent, events, differing } => {
                running(Some(percent), events, differing)
            }
            Standing::Elsewhere => running(None, 0, 0),
            Standing::Gone => failed("the process that ran it ended before it did"),
            Standing::Over(Ending::Ended(report)) => done(report),
            Standing::Over(Ending::Failed(why)) => failed(&why),
        },
    };
    let by = actor(&row.by_kind, &row.by_id).unwrap_or_else(|| Actor::system(&row.by_id));
    let names: HashMap<_, _> = actors::names(db, [&by]).await?;
    Ok(EditRehearsal {
        id: row.id,
        status,
        progress,
        failure,
        by: ActorView::of(&by, &names),
        started_at: request::shown(row.started_at.0),
        ended_at: row.ended_at.map(|at| request::shown(at.0)),
        events: figures.events,
        differing: figures.differing,
        errors_before: figures.errors_before,
        errors_after: figures.errors_after,
    })
}

impl RehearsalView {
    /// Without what people said.
    fn bare(row: &Model, short: EditRehearsal) -> Self {
        let Report {
            from,
            to,
            differing_by,
            calls_before,
            calls_after,
            time_before_us,
            time_after_us,
            operations_before,
            operations_after,
            most_actions_before,
            most_actions_after,
            ..
        } = row.figures();
        let behaviors = differing_by.into_iter();
        Self {
            short,
            behaviors: behaviors
                .map(|(id, differing)| RehearsedBehavior { behavior: id.to_string(), differing })
                .collect(),
            edit_id: row.edit_id,
            content_hash: row.content_hash.clone(),
            revision: row.revision.cast_unsigned(),
            from,
            to,
            examples: Vec::new(),
            errors: Vec::new(),
            calls_before,
            calls_after,
            time_before_us,
            time_after_us,
            operations_before,
            operations_after,
            most_actions_before,
            most_actions_after,
        }
    }
}

/// What it showed, once it has ended.
fn report(recorded: Recorded) -> Option<Report> {
    match recorded.event {
        Event::Rehearsal(_, RehearsalEvent::Ended { report }) => Some(report),
        _ => None,
    }
}

impl From<Example> for RehearsalExample {
    fn from(it: Example) -> Self {
        let shown = |text: Option<Personal<String>>| text.map(|it| it.shown().to_owned());
        let event = RehearsedEvent {
            position: it.position,
            index: it.index,
            what: it.what,
            channel_id: it.channel.map(|id| id.to_string()),
            text: it.said.shown().to_owned(),
        };
        let (before, after) = (shown(it.before), shown(it.after));
        Self { event, behavior: it.behavior.to_string(), before, after }
    }
}

impl From<Failing> for RehearsalError {
    fn from(it: Failing) -> Self {
        Self {
            behavior: it.behavior.to_string(),
            line: it.line,
            reason: it.reason.shown().to_owned(),
            before: it.before,
            after: it.after,
        }
    }
}
