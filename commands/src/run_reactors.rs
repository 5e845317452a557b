//! Feeds the log to the reactors: each with a checkpoint of its own, each event at least once.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::kernel::{ChainHash, Journal, Page, Recorded};
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::CommandError;
use crate::lanes::stretches;
use crate::ports::{Checkpoints, Lease, Leases, Parked, Reached};
use crate::put_back::{known, put_back_reactors};
use crate::reactor::{Reactor, Setback, describe};

/// How many pages may wait for a reactor before the others wait with it.
const WAITING_PAGES: usize = 4;

/// How many lanes of a reactor go on at the same time.
const LANES_AT_ONCE: usize = 4;

/// How often an event is tried before it is given up.
const TRIES: u32 = 12;

/// The first pause before another try; it doubles up to an hour.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// How often events that wait for another try are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Without anything to do, a checkpoint is written after so many commits.
const IDLE_COMMITS: u64 = 1_000;

/// And after so long, so that what is read of it elsewhere is no older.
const IDLE_TIME: Duration = Duration::from_secs(5);

/// Where reactors start that never ran on this log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFrom {
    /// After what is there: old events get no reaction.
    Head,
    /// After this commit.
    Position(u64),
}

/// What reactors run on.
#[derive(Clone)]
pub struct Ground {
    pub journal: Journal,
    pub checkpoints: Arc<dyn Checkpoints>,
    pub leases: Arc<dyn Leases>,
}

/// Gives every reactor a checkpoint: on an empty log before anything is written, else where told.
///
/// # Errors
/// A reactor that never ran on a log that is not empty needs to be told where to start: it could
/// repeat old effects, or miss some, and nobody but the operator knows which is worse.
pub async fn prepare_reactors(
    ground: &Ground,
    reactors: &[Arc<dyn Reactor>],
    told: Option<StartFrom>,
    lease: &Lease,
) -> Result<(), CommandError> {
    let head = ground.journal.log().head().await?;
    for reactor in reactors {
        if ground.checkpoints.read(reactor.name()).await?.is_some() {
            continue;
        }
        let start = match told {
            Some(StartFrom::Head) => head,
            Some(StartFrom::Position(position)) => position.min(head),
            None if head == 0 => 0,
            None => {
                return Err(CommandError::invalid(
                    "reactors-from",
                    format!(
                        "the reactor {} never ran on this log, which holds {head} commits. Say \
                         where it starts: --reactors-from head (old events get no reaction) or \
                         --reactors-from <position>",
                        reactor.name()
                    ),
                ));
            }
        };
        let start = known(&ground.journal, start).await?;
        ground.checkpoints.advance(reactor.name(), start, &[], lease).await?;
    }
    Ok(())
}

/// Runs until it is told to stop, or the log or the checkpoints fail for good.
///
/// # Errors
/// See [`prepare_reactors`]: no reactor ever starts where nobody said.
pub async fn run_reactors(
    ground: Ground,
    reactors: Vec<Arc<dyn Reactor>>,
    told: Option<StartFrom>,
    lease: Lease,
    stop: CancellationToken,
) -> Result<(), CommandError> {
    prepare_reactors(&ground, &reactors, told, &lease).await?;
    put_back_reactors(&ground, &reactors, &lease).await?;
    let mut checkpoints = Vec::new();
    for reactor in &reactors {
        let reached = ground.checkpoints.read(reactor.name()).await?;
        let lost = || format!("the checkpoint of the reactor {} is gone", reactor.name());
        checkpoints.push(reached.ok_or_else(|| CommandError::unavailable(lost()))?);
    }
    let first = checkpoints.iter().map(|reached| reached.position).min();
    let Some(first) = first else { return Ok(()) };

    // Who cannot go on ends the others as well: the log may bring nothing for a long time.
    let stop = stop.child_token();
    let (mut senders, mut running) = (Vec::new(), Vec::new());
    for (reactor, checkpoint) in reactors.into_iter().zip(checkpoints) {
        let (sender, pages) = mpsc::channel(WAITING_PAGES);
        senders.push(sender);
        let runner = Runner { ground: ground.clone(), reactor, checkpoint, lease: lease.clone() };
        let stop = stop.clone();
        running.push(async move {
            let ended = runner.run(pages, stop.clone()).await;
            if ended.is_err() {
                stop.cancel();
            }
            ended
        });
    }
    let feed = feed(&ground.journal, first, senders, &stop);
    let (fed, ended) = tokio::join!(feed, join_all(running));
    ended.into_iter().collect::<Result<Vec<()>, _>>()?;
    fed
}

async fn feed(
    journal: &Journal,
    after: u64,
    senders: Vec<mpsc::Sender<Arc<Page>>>,
    stop: &CancellationToken,
) -> Result<(), CommandError> {
    // Reactors do not look at the chain: the projector and `verify` do.
    let mut pages = journal.follow(after, ChainHash::default());
    loop {
        let page = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            page = pages.next() => page,
        };
        let Some(page) = page else { return Ok(()) };
        let page = Arc::new(page?);
        for sender in &senders {
            // A reactor that is gone has an error of its own to tell.
            if sender.send(page.clone()).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// How a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worked {
    /// Nothing in it concerned the reactor; the checkpoint is not written.
    Idle,
    /// It was told to stop before the end: nothing after this page may be looked at.
    Stopped,
    /// The checkpoint is written.
    Through,
}

/// One reactor at work.
struct Runner {
    ground: Ground,
    reactor: Arc<dyn Reactor>,
    checkpoint: Reached,
    lease: Lease,
}

impl Runner {
    async fn run(
        mut self,
        mut pages: mpsc::Receiver<Arc<Page>>,
        stop: CancellationToken,
    ) -> Result<(), CommandError> {
        let mut look = tokio::time::interval(LOOK);
        let (mut written, mut idle) = (self.checkpoint, tokio::time::Instant::now());
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                page = pages.recv() => {
                    let Some(page) = page else { break };
                    match self.work_through(&page, &stop).await? {
                        Worked::Stopped => break,
                        Worked::Through => written = self.checkpoint,
                        Worked::Idle => {
                            if self.checkpoint.position >= written.position + IDLE_COMMITS {
                                self.advance(&[]).await?;
                                written = self.checkpoint;
                            }
                        }
                    }
                }
                _ = look.tick() => {
                    self.try_again(&stop).await?;
                    if self.checkpoint.position == written.position {
                        idle = tokio::time::Instant::now();
                    } else if idle.elapsed() >= IDLE_TIME {
                        self.advance(&[]).await?;
                        written = self.checkpoint;
                    }
                }
            }
        }
        if self.checkpoint.position > written.position {
            self.advance(&[]).await?;
        }
        Ok(())
    }

    /// Reacts to a page's events. The checkpoint moves at the end of the page, or not at all.
    async fn work_through(
        &mut self,
        page: &Page,
        stop: &CancellationToken,
    ) -> Result<Worked, CommandError> {
        let after = self.checkpoint.position;
        let news = page.events.iter().filter(|it| it.position > after);
        let news: Vec<_> = news.filter(|it| self.reactor.concerns(it)).collect();
        let worked = !news.is_empty();
        let mut parked = Vec::new();
        for lanes in stretches(&news, |it| self.reactor.lane(it)) {
            let lanes: Vec<_> = lanes.iter().map(|lane| self.in_order(lane, stop)).collect();
            let done = stream::iter(lanes).buffer_unordered(LANES_AT_ONCE);
            // All of them come to their ends: an effect that is cut off may be done or not.
            let done: Result<Vec<_>, _> = done.collect::<Vec<_>>().await.into_iter().collect();
            for lane in done? {
                // What was done so far is done again after the next start: reactions bear that.
                let Some(later) = lane else { return Ok(Worked::Stopped) };
                parked.extend(later);
            }
        }
        if page.position > after {
            let newest = page.events.iter().rfind(|it| it.index == 0);
            let newest = newest.filter(|it| it.position == page.position);
            // A commit's first event has its id.
            let commit = newest.map(|it| it.id);
            self.checkpoint = Reached { position: page.position, commit };
        }
        if !worked {
            return Ok(Worked::Idle);
        }
        self.advance(&parked).await?;
        Ok(Worked::Through)
    }

    /// Reacts to the events of one lane; answers those that are to be tried again, or none when it
    /// was told to stop before the end.
    async fn in_order(
        &self,
        lane: &[&Recorded],
        stop: &CancellationToken,
    ) -> Result<Option<Vec<Parked>>, CommandError> {
        let mut parked = Vec::new();
        for recorded in lane {
            if stop.is_cancelled() {
                return Ok(None);
            }
            self.hold().await?;
            if let Err(setback) = self.reactor.react(recorded).await {
                parked.extend(self.put_off(recorded, 1, setback).await?);
            }
        }
        Ok(Some(parked))
    }

    /// Nobody else reacts: an effect cannot be taken back, as a checkpoint can be refused.
    async fn hold(&self) -> Result<(), CommandError> {
        if self.ground.leases.holds(&self.lease).await? {
            Ok(())
        } else {
            Err(CommandError::Conflict)
        }
    }

    async fn advance(&self, parked: &[Parked]) -> Result<(), CommandError> {
        self.ground
            .checkpoints
            .advance(self.reactor.name(), self.checkpoint, parked, &self.lease)
            .await
    }

    /// When to try an event again; none when it is given up, and that is recorded.
    async fn put_off(
        &self,
        recorded: &Recorded,
        attempts: u32,
        setback: Setback,
    ) -> Result<Option<Parked>, CommandError> {
        let (reactor, reason) = (self.reactor.name(), setback.to_string());
        let pause = FIRST_PAUSE.saturating_mul(1 << (attempts - 1).min(12)).min(LONGEST_PAUSE);
        let is_normal = matches!(setback, Setback::Waits { .. });
        let after = match setback {
            Setback::Waits { after, .. } if attempts < TRIES => after,
            Setback::Retry { after, .. } if attempts < TRIES => {
                after.unwrap_or_default().max(pause)
            }
            Setback::Final(_) | Setback::Retry { .. } | Setback::Waits { .. } => {
                let (position, index) = (recorded.position, recorded.index);
                tracing::error!(
                    reactor,
                    position,
                    index,
                    attempts,
                    reason,
                    "a reaction was given up"
                );
                let Err(error) = self.reactor.give_up(recorded, &reason).await else {
                    return Ok(None);
                };
                let error = describe(&error);
                tracing::error!(reactor, position, index, error, "giving up failed");
                pause
            }
        };
        let position = recorded.position;
        if is_normal {
            tracing::info!(reactor, position, reason, "it is looked at again later");
        } else {
            tracing::warn!(reactor, position, attempts, reason, "trying again later");
        }
        let pause = TimeDelta::from_std(after).unwrap_or(TimeDelta::hours(1));
        Ok(Some(Parked {
            reactor: reactor.to_owned(),
            position: recorded.position,
            index: recorded.index,
            attempts,
            next_at: self.ground.journal.clock().now() + pause,
            error: reason,
        }))
    }

    async fn try_again(&self, stop: &CancellationToken) -> Result<(), CommandError> {
        let Ground { journal, checkpoints, .. } = &self.ground;
        for parked in checkpoints.parked(self.reactor.name(), 16).await? {
            if stop.is_cancelled() || parked.next_at > journal.clock().now() {
                return Ok(());
            }
            let (events, _) = journal.read_all(parked.position - 1, 1).await?;
            let found = events.into_iter().find(|it| it.index == parked.index);
            self.hold().await?;
            let again = match &found {
                Some(recorded) => match self.reactor.react(recorded).await {
                    Ok(()) => None,
                    Err(setback) => self.put_off(recorded, parked.attempts + 1, setback).await?,
                },
                None => None,
            };
            match again {
                Some(again) => checkpoints.park_again(&again, &self.lease).await?,
                None => checkpoints.unpark(&parked, &self.lease).await?,
            }
        }
        Ok(())
    }
}
