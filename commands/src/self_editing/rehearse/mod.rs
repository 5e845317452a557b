//! Rehearsals: recorded events are run through the behaviors as they are and as an edit would make
//! them, in the background and without effects, so that its approvers see what would change.

mod at_work;
mod beside;
mod compare;
mod lately;
mod range;
mod run;
mod words;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::identity::Permission;
use domain::kernel::{EditId, Event, Expected, Ground, Recorded, RehearsalId, StreamId};
use domain::self_editing::{Plan, Rehearsal, RehearsalCommand, RehearsalEvent, Report, Status};
use tokio_util::sync::CancellationToken;

pub use range::{MOST as MOST_REHEARSED, Range as RehearsedRange};

use self::at_work::AtWork;
use super::{Moment, SelfEditing};
use crate::behaviors::Registries;
use crate::ports::{Caller, Execute, Leases, Surroundings};
use crate::{CommandError, Refusal};

/// See the module.
#[derive(Clone)]
pub struct Rehearsals {
    leases: Arc<dyn Leases>,
    registries: Registries,
    aggregates: Arc<dyn Execute<Rehearsal>>,
    self_editing: SelfEditing,
    surroundings: Arc<dyn Surroundings>,
    at_work: Arc<AtWork>,
}

/// How one stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// This process runs it, or will.
    Here { percent: u64, events: u64, differing: u64 },
    /// Another process does.
    Elsewhere,
    /// The process that ran it is gone.
    Gone,
    /// It has ended.
    Over(Ending),
}

/// How one ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    Ended(Report),
    Failed(String),
}

impl Rehearsals {
    pub fn new(
        leases: Arc<dyn Leases>,
        registries: Registries,
        rehearsals: Arc<dyn Execute<Rehearsal>>,
        self_editing: SelfEditing,
        surroundings: Arc<dyn Surroundings>,
    ) -> Self {
        let (aggregates, at_work) = (rehearsals, Arc::default());
        Self { leases, registries, aggregates, self_editing, surroundings, at_work }
    }

    /// Rehearse an edit in the background. Answers the rehearsal, and the commit that says that it
    /// was begun.
    pub async fn start(
        &self,
        caller: &Caller,
        edit: EditId,
        range: RehearsedRange,
    ) -> Result<(RehearsalId, u64), CommandError> {
        caller.require(Permission::ProposeSelfEdit)?;
        let id = RehearsalId(caller.cause.command);
        let known = self.aggregates.load(&id).await?;
        if known.version > 0 {
            return Ok((id, known.position));
        }
        let loaded = self.self_editing.existing(edit).await?.aggregate;
        require_open(loaded.status())?;
        let (now, position) = self.self_editing.workspace_at(Moment::Now).await?;
        let changes = self.self_editing.merged(&loaded, &now).await?;
        let range = range.bounds(&self.self_editing.journal).await?;
        let plan = Plan {
            edit,
            content_hash: loaded.content_hash().to_owned(),
            by: caller.actor().clone(),
            revision: now.revision(),
            last: range.last,
            from: range.from,
            to: range.to,
        };
        let after = now.changed(&changes);
        let before = self.registries.of(now, position).await?;
        let after = self.registries.compiled(after, position).await?;

        let job = self.at_work.take(id)?;
        let start = RehearsalCommand::Start(plan.clone());
        let started = match self.aggregates.execute(&id, start, &caller.cause).await {
            Ok(started) => started,
            Err(error) => {
                self.at_work.end(id);
                return Err(error);
            }
        };
        let run = run::Run { id, cause: caller.cause.clone(), plan, before, after, job };
        self.at_work.tasks.spawn(self.clone().work(run));
        Ok((id, started.position))
    }

    /// All that happened to one; nothing when there is no such rehearsal.
    pub async fn history(&self, id: RehearsalId) -> Result<Vec<Recorded>, CommandError> {
        let stream = StreamId::of::<Rehearsal>(&id);
        Ok(self.self_editing.journal.read_stream(&stream, Expected::New, 10).await?)
    }

    /// How one stands of which no end was seen; it may have come meanwhile.
    pub async fn standing(&self, id: RehearsalId) -> Result<Standing, CommandError> {
        if let Some(job) = self.at_work.find(id) {
            return Ok(Standing::Here {
                percent: job.percent.load(Ordering::Relaxed),
                events: job.events.load(Ordering::Relaxed),
                differing: job.differing.load(Ordering::Relaxed),
            });
        }
        if let Some(ending) = ending(self.history(id).await?) {
            return Ok(Standing::Over(ending));
        }
        // Whoever runs it holds its lease; one that is had for the asking is held by nobody.
        let asked = self.leases.acquire(&lease_of(id), "asks", Duration::ZERO).await?;
        Ok(if asked.is_some() { Standing::Gone } else { Standing::Elsewhere })
    }

    /// How one ended, once it has; waits for those that this process runs.
    pub async fn ending(&self, id: RehearsalId) -> Result<Option<Ending>, CommandError> {
        if let Some(job) = self.at_work.find(id) {
            job.ended.cancelled().await;
        }
        Ok(ending(self.history(id).await?))
    }

    /// Stops those that run when the platform stops, and records that.
    pub async fn until_stopped(self, stop: CancellationToken) {
        stop.cancelled().await;
        self.at_work.stop.cancel();
        self.at_work.tasks.close();
        self.at_work.tasks.wait().await;
    }
}

fn ending(history: Vec<Recorded>) -> Option<Ending> {
    history.into_iter().rev().find_map(|it| match it.event {
        Event::Rehearsal(_, RehearsalEvent::Ended { report }) => Some(Ending::Ended(report)),
        Event::Rehearsal(_, RehearsalEvent::Failed { reason }) => Some(Ending::Failed(reason)),
        _ => None,
    })
}

fn lease_of(id: RehearsalId) -> String {
    format!("rehearsal.{id}")
}

/// What has ended shows nothing new.
fn require_open(status: Option<Status>) -> Result<(), CommandError> {
    let word = match status {
        Some(Status::Approved | Status::Checked | Status::Proposed) => return Ok(()),
        Some(status) => status.word(),
        None => "unknown",
    };
    Err(CommandError::Rejected(Box::new(Refusal {
        ground: Ground::State,
        reason: format!(
            "the edit is {word}; only an edit that is checked or approved can be rehearsed"
        ),
        code: None,
        field: None,
        details: None,
    })))
}
