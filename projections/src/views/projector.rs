//! Reads the log once for all views and keeps them at one position.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{Event, Journal, LogError, Recorded};
use futures_util::FutureExt;
use futures_util::future::FusedFuture;
use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::batch::{Batch, Refusal, WriteError};
use super::proof::prove;
use super::reader::{Goal, Reader};
use super::{Checkpoint, Fence, Projection, database};

/// How many events one transaction takes in when the projector is behind.
const MOST: usize = 16_384;

/// How often it is looked whether the log still is the same.
const LOOK: Duration = Duration::from_secs(2);

/// How long to wait before a database is tried again, at first and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Where a projector stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The last commit that is in the views.
    pub position: u64,
    /// How many events are in the views.
    pub events: u64,
    /// Why it stands still, if it does.
    pub alarm: Option<Arc<str>>,
    /// Whether that is because the log is not the one these views were built from.
    pub differs: bool,
}

/// Why the views stand still until somebody looks.
#[derive(Debug, thiserror::Error)]
pub enum Alarm {
    #[error(
        "the log is not the one these views were built from: {0}. If that is meant, `palimpsest \
         replay` builds them from the log as it is"
    )]
    Differs(String),
    #[error("another process projects these views now")]
    Fenced,
    #[error("the log cannot be read: {0}")]
    Log(#[from] LogError),
    #[error("the views cannot be written: {0}")]
    Views(#[from] DbErr),
}

/// The only writer of one generation.
pub(super) struct Projector {
    pub(super) journal: Journal,
    pub(super) db: DatabaseConnection,
    pub(super) projections: Arc<[Box<dyn Projection>]>,
    pub(super) fence: Fence,
    /// What becomes of a row that the database refuses.
    pub(super) refusal: Refusal,
    pub(super) standing: watch::Sender<Standing>,
}

impl Projector {
    /// Projects until the goal is reached, or, when told to stop, until what the log holds at
    /// that moment is in the views, or their database is away. Dropped, it leaves the last
    /// transaction undone.
    pub(super) async fn run(
        &self,
        goal: Goal,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), Alarm> {
        let ended = self.follow(goal, stop).await;
        if let Err(alarm) = &ended {
            let (differs, alarm) = (matches!(alarm, Alarm::Differs(_)), alarm.to_string());
            // Whoever is told to go on tries again and again; that is said once.
            if self.standing.borrow().alarm.as_deref() != Some(&alarm) {
                tracing::error!(alarm, "the projector stands still");
            }
            self.standing.send_modify(|it| (it.alarm, it.differs) = (Some(alarm.into()), differs));
        }
        ended
    }

    async fn follow(&self, goal: Goal, stop: impl Future<Output = ()> + Send) -> Result<(), Alarm> {
        let mut checkpoint = Checkpoint::read(&self.db).await?;
        prove(self.journal.log().as_ref(), &checkpoint).await?;
        self.tell(&checkpoint);
        let (at, chain) = (checkpoint.position, checkpoint.chain);
        let mut reader = Reader::start(self.journal.clone(), at, chain, goal);

        let mut stop = std::pin::pin!(stop.fuse());
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = u64::MAX;
        // Whether people were erased of whom the database's journal still says something.
        let mut stained = false;
        while checkpoint.position < last {
            let page = tokio::select! {
                page = reader.next() => page,
                _ = looks.tick() => {
                    self.look_again(&checkpoint).await?;
                    stained = stained && !self.wiped().await;
                    continue;
                }
                () = &mut stop => {
                    last = self.journal.log().head().await?;
                    continue;
                }
            };
            let Some(page) = page else { return Ok(()) };
            let mut batch = Batch::from(page?);
            let mut failed = None;
            while batch.events.len() < MOST
                && let Some(page) = reader.waiting()
            {
                match page {
                    Ok(page) => batch.add(page),
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            let written = self.write(checkpoint, &batch, stop.as_mut()).await?;
            let Some(written) = written else { return Ok(()) };
            checkpoint = written;
            stained |= batch.events.iter().any(|it| matches!(it.event, Event::Person(..)));
            stained = stained && !self.wiped().await;
            self.tell(&checkpoint);
            if let Some(error) = failed {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Writes a batch, again and again while the database is away; none when told to stop
    /// meanwhile.
    async fn write(
        &self,
        mut at: Checkpoint,
        batch: &Batch,
        mut stop: Pin<&mut impl FusedFuture<Output = ()>>,
    ) -> Result<Option<Checkpoint>, Alarm> {
        let (mut wait, longest) = PATIENCE;
        loop {
            let error = match batch.write(self, &at).await {
                Ok(checkpoint) => return Ok(Some(checkpoint)),
                Err(WriteError::Fenced) => return Err(Alarm::Fenced),
                Err(WriteError::Views(error)) => return Err(error.into()),
                Err(WriteError::Moved) => match Checkpoint::read(&self.db).await {
                    Ok(found) => {
                        prove(self.journal.log().as_ref(), &found).await?;
                        at = found;
                        continue;
                    }
                    Err(error) => error,
                },
                Err(WriteError::Away(error)) => error,
            };
            let error = error.to_string();
            tracing::warn!(error, "the views cannot be reached; trying again");
            self.standing.send_modify(|it| it.alarm = Some(error.into()));
            if stop.is_terminated() {
                return Ok(None);
            }
            tokio::select! {
                () = &mut stop => return Ok(None),
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(longest),
            }
        }
    }

    fn tell(&self, checkpoint: &Checkpoint) {
        let Checkpoint { position, events, .. } = *checkpoint;
        self.standing.send_replace(Standing { position, events, ..Standing::default() });
    }

    /// Whether nothing of erased people is left in the database's journal.
    async fn wiped(&self) -> bool {
        database::wipe(&self.db).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the journal of the read models is wiped later");
            false
        })
    }

    /// Whether an earlier log, or another one, was put in the place of this one meanwhile.
    async fn look_again(&self, checkpoint: &Checkpoint) -> Result<(), Alarm> {
        let proof = prove(self.journal.log().as_ref(), checkpoint);
        match tokio::time::timeout(LOOK, proof).await {
            Ok(Err(alarm @ Alarm::Differs(_))) => Err(alarm),
            // A log that is away comes back; what cannot be read is the reader's to say.
            Ok(Ok(()) | Err(_)) | Err(_) => Ok(()),
        }
    }
}

/// What a projector takes in at once.
impl Batch {
    fn add(&mut self, page: domain::kernel::Page) {
        let Self { events, position, before, chain } = self;
        (*position, *before, *chain) = (page.position, page.before, page.chain);
        Arc::make_mut(events).extend(page.events);
    }
}

impl From<domain::kernel::Page> for Batch {
    fn from(page: domain::kernel::Page) -> Self {
        let domain::kernel::Page { events, position, before, chain, caught_up: _ } = page;
        Self { events: Arc::new(events), position, before, chain }
    }
}

/// The events after a position.
pub(super) fn news(events: &[Recorded], after: u64) -> &[Recorded] {
    &events[events.partition_point(|recorded| recorded.position <= after)..]
}
