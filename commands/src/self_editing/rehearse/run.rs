//! One rehearsal at work: reads the log, and has another thread run the scripts.

use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{Actor, Cause, ChainHash, Journal, LogError, Recorded, RehearsalId};
use domain::self_editing::{Plan, RehearsalCommand, Report};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::at_work::Job;
use super::beside::{Beside, Known};
use super::compare::Comparison;
use super::{Rehearsals, lease_of, range};
use crate::behaviors::{Fed, Registry};
use crate::{CommandError, describe, while_leased};

/// How long one may take.
const LONGEST: Duration = Duration::from_mins(30);

/// How many pages of events may wait for the scripts.
const AHEAD: usize = 2;

/// How often its end is tried to be recorded.
const TRIES: u32 = 5;

/// See the module.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) id: RehearsalId,
    pub(super) cause: Cause,
    pub(super) plan: Plan,
    pub(super) before: Arc<Registry>,
    pub(super) after: Arc<Registry>,
    pub(super) job: Arc<Job>,
}

/// Some events with what is known beside them, and the commit they go up to.
type Page = (Vec<(Recorded, Beside)>, u64);

impl Rehearsals {
    /// From the first word to the last, in turn, under a lease that tells others that it is alive.
    pub(super) async fn work(self, run: Run) {
        let over = CancellationToken::new();
        let (id, this) = (run.id, &self);
        let work = |_, _| {
            let (run, over) = (run.clone(), over.clone());
            async move {
                this.perform(run).await;
                over.cancel();
            }
        };
        let (leases, holder) = (self.leases.clone(), &self.at_work.holder);
        while_leased(leases, &lease_of(id), holder, over.clone(), work).await;
        self.at_work.end(id);
    }

    async fn perform(&self, run: Run) {
        let (id, cause) = (run.id, run.cause.then("ended"));
        let cause = Cause { actor: Actor::system("rehearsals"), ..cause };
        let report = tokio::select! {
            biased;
            () = self.at_work.stop.cancelled() => Err("the platform was stopped".to_owned()),
            report = self.report(&run) => report,
        };
        let command = match report {
            Ok(report) => RehearsalCommand::End { report },
            Err(reason) => RehearsalCommand::Fail { reason },
        };
        let mut wait = Duration::from_millis(100);
        for _ in 0..TRIES {
            match self.aggregates.execute(&id, command.clone(), &cause).await {
                Ok(_) => return,
                Err(error) => {
                    let error = describe(&error);
                    tracing::warn!(rehearsal.id = %id, error, "its end is not recorded yet");
                }
            }
            tokio::time::sleep(wait).await;
            wait *= 4;
        }
    }

    /// What it shows, or why it shows nothing.
    async fn report(&self, run: &Run) -> Result<Report, String> {
        let _turn = self.at_work.turns.acquire().await;
        match tokio::time::timeout(LONGEST, self.compared(run)).await {
            Ok(Ok(report)) => Ok(report),
            Ok(Err(error)) => {
                tracing::error!(rehearsal.id = %run.id, error = %describe(&error), "it failed");
                Err("the log could not be read; the application's log says why".to_owned())
            }
            Err(_) => Err(format!(
                "it took longer than {} minutes; rehearse fewer events",
                LONGEST.as_secs() / 60
            )),
        }
    }

    async fn compared(&self, run: &Run) -> Result<Report, CommandError> {
        let journal = &self.self_editing.journal;
        let (from, to) = (range::begin(journal, &run.plan).await?, run.plan.to);
        // Dropped with this future, it ends the thread as well.
        let quit = CancellationToken::new();
        let _quit = quit.clone().drop_guard();
        let (pages, waiting) = mpsc::channel::<Page>(AHEAD);
        let comparison = Comparison::new(run.before.clone(), run.after.clone());
        let job = run.job.clone();
        let running = tokio::task::spawn_blocking(move || {
            compare(comparison, waiting, &job, (from, to), &quit)
        });
        // Live, too, an event is looked at once the read models show what stood before it.
        self.surroundings.reach(to).await;
        let known = Known::new(self.surroundings.clone());
        read(journal, (from, to), known, pages).await?;
        let report = running.await.map_err(CommandError::unavailable)?;
        let first = if from < to { from + 1 } else { 0 };
        let report = Report { from: first, to: if from < to { to } else { 0 }, ..report };
        still_readable(journal, report).await
    }
}

/// Hands over the events after one commit and up to another.
async fn read(
    journal: &Journal,
    (from, to): (u64, u64),
    mut known: Known,
    pages: mpsc::Sender<Page>,
) -> Result<(), LogError> {
    if from >= to {
        return Ok(());
    }
    let mut follower = journal.follow(from, ChainHash::default());
    while let Some(page) = follower.next().await {
        let page = page?;
        let mut events = Vec::with_capacity(page.events.len());
        for recorded in page.events.into_iter().filter(|it| it.position <= to) {
            let beside = known.beside(&recorded).await;
            events.push((recorded, beside));
        }
        if pages.send((events, page.position.min(to))).await.is_err() || page.position >= to {
            return Ok(());
        }
    }
    Ok(())
}

/// Runs the scripts; this takes a thread.
fn compare(
    mut comparison: Comparison,
    mut waiting: mpsc::Receiver<Page>,
    job: &Job,
    (from, to): (u64, u64),
    quit: &CancellationToken,
) -> Report {
    while let Some((events, position)) = waiting.blocking_recv() {
        for (recorded, beside) in &events {
            if quit.is_cancelled() {
                return Report::default();
            }
            comparison.feed(recorded, *beside);
        }
        job.moved((from, position, to), comparison.events(), comparison.differing());
    }
    comparison.report()
}

/// What it shows of people who were erased meanwhile is left out: nobody's words come back.
async fn still_readable(journal: &Journal, mut report: Report) -> Result<Report, CommandError> {
    let examples = report.examples.iter().map(|it| (it.position, it.index));
    let errors = report.errors.iter().map(|it| (it.position, it.index));
    let mut gone = Vec::new();
    for (position, index) in examples.chain(errors) {
        let (events, _) = journal.read_all(position.saturating_sub(1), 1).await?;
        let event = events.iter().find(|it| it.position == position && it.index == index);
        if event.and_then(Fed::of).is_none() {
            gone.push((position, index));
        }
    }
    report.examples.retain(|it| !gone.contains(&(it.position, it.index)));
    report.errors.retain(|it| !gone.contains(&(it.position, it.index)));
    Ok(report)
}
