//! The live generation: followed, replayed, and handed over without a failed request.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use sea_orm::DbErr;

use super::batch::Refusal;
use super::build::{BuildError, Step, Tell};
use super::generations::Generations;
use super::proof::prove;
use super::reader::Goal;
use super::{
    Alarm, Checkpoint, Difference, Failure, Fence, Generation, Place, Snapshot, Stage, Standing,
};

/// How often a process that does not project looks whether another one switched.
const LOOK: Duration = Duration::from_secs(1);

/// How long whoever projects the live generation may take for its next step.
const PATIENCE: Duration = Duration::from_secs(10);

/// What there is to say about the views.
#[derive(Debug, Clone)]
pub struct Status {
    pub generation: u64,
    pub checkpoint: Checkpoint,
    /// The newest commit of the log.
    pub head: u64,
    /// What was set aside.
    pub failures: Vec<Failure>,
    /// Why the views stand still, if they do.
    pub alarm: Option<String>,
    /// Whether that is because the log is not the one these views were built from.
    pub differs: bool,
}

impl Status {
    /// How many commits the views are behind.
    pub fn lag(&self) -> u64 {
        self.head.saturating_sub(self.checkpoint.position)
    }
}

/// How a replay ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The generation that was built.
    pub generation: u64,
    pub position: u64,
    pub events: u64,
    /// Whether it is live now. It is not when it differs from the one that is.
    pub switched: bool,
    /// The first difference of each table, if it was asked to look.
    pub differences: Vec<Difference>,
}

impl Generations {
    /// Keeps the live generation at the head of the log until told to stop; then what the log
    /// holds at that moment is still projected. Hands over when a replay offers a new one.
    pub async fn follow(
        &self,
        fence: Fence,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), BuildError> {
        struct Projecting<'a>(&'a Generations);
        impl Drop for Projecting<'_> {
            fn drop(&mut self) {
                self.0.inner.projecting.send_replace(false);
            }
        }
        let mut live = match self.live() {
            Some(live) => live,
            None => self.open_or_build(&|_| ()).await?,
        };
        if live.checkpoint().await?.stage == Stage::Snapshot {
            // It never moves.
            stop.await;
            return Ok(());
        }
        if let Err(error) = self.clean_up(false).await {
            tracing::warn!(%error, "what crashed builds left cannot be removed");
        }
        let mut offered = self.inner.offered.subscribe();
        self.inner.projecting.send_replace(true);
        let _projecting = Projecting(self);
        let stop = stop.shared();
        loop {
            let ended = {
                let run = self.run(&live, fence, stop.clone());
                let next = self.another(&live, &mut offered);
                tokio::select! {
                    biased;
                    ended = run => Some(ended),
                    next = next => { live = next?; None }
                }
            };
            match ended {
                None => {}
                // Nothing can be added to these; a replay builds others.
                Some(Err(BuildError::Alarm(Alarm::Differs(_)))) => tokio::select! {
                    () = stop.clone() => return Ok(()),
                    () = tokio::time::sleep(LOOK) => {}
                    next = self.another(&live, &mut offered) => live = next?,
                },
                Some(ended) => return ended,
            }
        }
    }

    async fn run(
        &self,
        live: &Arc<Generation>,
        fence: Fence,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), BuildError> {
        struct Released<'a>(&'a Generation);
        impl Drop for Released<'_> {
            fn drop(&mut self) {
                self.0.released();
            }
        }
        let projections = Arc::clone(&self.inner.projections);
        let journal = self.inner.journal.clone();
        let projector = live.projector(journal, projections, fence, Refusal::SetsAside).await?;
        let _released = Released(live);
        Ok(projector.run(Goal::Forever, stop).await?)
    }

    /// Answers when another generation is to be followed, and makes it live.
    async fn another(
        &self,
        live: &Arc<Generation>,
        offered: &mut tokio::sync::watch::Receiver<Option<Arc<Generation>>>,
    ) -> Result<Arc<Generation>, BuildError> {
        let mut changed = self.changes();
        loop {
            let offer = offered.borrow_and_update().clone();
            // What was offered is not live yet while it is followed already: only newer ones count.
            if let Some(next) = offer.filter(|next| next.number() > live.number()) {
                return Ok(next);
            }
            if let Some(next) = self.live().filter(|next| next.number() > live.number()) {
                return Ok(next);
            }
            tokio::select! {
                // Both senders live as long as this does.
                _ = offered.changed() => {}
                _ = changed.changed() => {}
                () = tokio::time::sleep(LOOK) => self.refresh().await?,
            }
        }
    }

    /// For a process that only reads: opens the live generation as soon as there is one, and
    /// goes along when another process switches. Runs until dropped.
    pub async fn keep_up(&self) {
        loop {
            if let Err(error) = self.refresh().await {
                tracing::warn!(%error, "the live generation of the views is not known");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Builds all views anew beside the live ones, compares when asked, and switches.
    ///
    /// Dropped, it leaves the live views as they are; what it built is cleaned away later.
    pub async fn replay(&self, check: bool, tell: Tell<'_>) -> Result<Replayed, BuildError> {
        if check {
            self.refresh().await?;
        }
        let _one = self.inner.replaying.lock().await;
        if let Some(live) = self.live()
            && live.checkpoint().await?.stage == Stage::Snapshot
        {
            return Err(BuildError::ReadOnly);
        }
        self.clean_up(true).await?;
        let former = if check { Some(self.comparable().await?) } else { None };
        let pointed = self.inner.pointed().await?;
        let (held, build) = self.inner.next(pointed, tell).await?;
        let address = self.inner.place.generation(held.number);
        let next = Arc::new(Generation::open(held.number, address.clone()).await?);

        let mut differences = Vec::new();
        if let Some(former) = &former {
            // Views of another log cannot be compared with.
            self.proof(&former.checkpoint().await?).await?;
            self.not_behind(former, next.checkpoint().await?.position).await?;
            let snapshot = Snapshot::of(former.db()).await?;
            self.catch_up(&next, snapshot.position(), Refusal::Fails).await?;
            build.say(Step::Comparing, &next.checkpoint().await?, snapshot.position());
            differences = self.compare(&snapshot, &Snapshot::of(next.db()).await?).await?;
        }
        let switched = differences.is_empty();
        if switched {
            build.say(Step::Switching, &next.checkpoint().await?, self.head().await?);
            self.hand_over(pointed, &next).await?;
        }
        let reached = next.checkpoint().await?;
        build.say(Step::Done, &reached, reached.position);
        if !switched {
            next.db().clone().close().await?;
            address.remove().await?;
        }
        let generation = held.number;
        let (position, events) = (reached.position, reached.events);
        Ok(Replayed { generation, position, events, switched, differences })
    }

    /// The first difference of each table between two generations at the same position.
    pub async fn compare(&self, a: &Snapshot, b: &Snapshot) -> Result<Vec<Difference>, DbErr> {
        if a.position() != b.position() {
            let (a, b) = (a.position(), b.position());
            return Err(DbErr::Custom(format!("one stands at {a}, the other at {b}")));
        }
        let mut differences = Vec::new();
        for projection in &*self.inner.projections {
            differences.extend(projection.compare(a, b).await?);
        }
        Ok(differences)
    }

    /// The live generation, when it can be compared with.
    async fn comparable(&self) -> Result<Arc<Generation>, BuildError> {
        let pointed = self.inner.pointed().await?;
        let live = self.live().filter(|live| Some(live.number()) == pointed);
        live.ok_or(BuildError::Incomparable)
    }

    /// Waits for the live generation to reach a position; where nobody projects it, does so.
    async fn not_behind(&self, live: &Generation, position: u64) -> Result<(), BuildError> {
        let here = *self.inner.projecting.borrow();
        let elsewhere = matches!(self.inner.place, Place::Postgres { .. });
        let mut at = live.checkpoint().await?.position;
        let mut waits = here || elsewhere;
        while waits {
            if let Ok(reached) = tokio::time::timeout(PATIENCE, live.reach(position)).await {
                return Ok(reached?);
            }
            let before = std::mem::replace(&mut at, live.checkpoint().await?.position);
            if here && at == before {
                return Err(BuildError::Behind { at, position });
            }
            waits = at > before;
        }
        self.catch_up(live, position, Refusal::SetsAside).await
    }

    /// Projects a generation up to a position, at least. Should somebody else project it as well,
    /// the checkpoint that each of them claims keeps the rows right.
    async fn catch_up(
        &self,
        next: &Generation,
        position: u64,
        refusal: Refusal,
    ) -> Result<(), BuildError> {
        let projections = Arc::clone(&self.inner.projections);
        let journal = self.inner.journal.clone();
        let projector = next.projector(journal, projections, Fence::Alone, refusal).await?;
        let ended = projector.run(Goal::Position(position), std::future::pending()).await;
        next.released();
        Ok(ended?)
    }

    /// Makes a generation live once it has caught up with the one that is.
    async fn hand_over(
        &self,
        pointed: Option<u64>,
        next: &Arc<Generation>,
    ) -> Result<(), BuildError> {
        self.catch_up(next, self.head().await?, Refusal::Fails).await?;
        self.inner.point(pointed, next.number()).await?;
        if *self.inner.projecting.borrow() {
            // Who projects goes on with the new one: then the former one stands still.
            let (mut here, mut projecting) =
                (next.here.subscribe(), self.inner.projecting.subscribe());
            self.inner.offered.send_replace(Some(Arc::clone(next)));
            tokio::select! {
                // Both senders live as long as this does.
                _ = here.wait_for(|here| *here) => {}
                _ = projecting.wait_for(|projecting| !*projecting) => {}
            }
        }
        // Views of a log that was longer show more than there is: nobody waits for that.
        let reached = self.live().map_or(0, |live| live.standing().borrow().position);
        let reached = reached.min(self.head().await?);
        if next.standing().borrow().position < reached {
            if *next.here.borrow() {
                next.reach(reached).await?;
            } else {
                self.catch_up(next, reached, Refusal::SetsAside).await?;
            }
        }
        self.inner.make_live(Arc::clone(next));
        self.inner.offered.send_replace(None);
        Ok(())
    }

    async fn head(&self) -> Result<u64, BuildError> {
        Ok(self.inner.journal.log().head().await.map_err(Alarm::from)?)
    }

    /// What there is to say about the live views; none while there are none.
    pub async fn status(&self) -> Result<Option<Status>, BuildError> {
        let Some(live) = self.live() else { return Ok(None) };
        let checkpoint = live.checkpoint().await?;
        let Standing { mut alarm, mut differs, .. } = live.standing().borrow().clone();
        if checkpoint.stage == Stage::Complete
            && let Err(found @ Alarm::Differs(_)) = self.proof(&checkpoint).await
        {
            // Not every process projects, and who does looks only now and then.
            (alarm, differs) = (Some(found.to_string().into()), true);
        }
        Ok(Some(Status {
            generation: live.number(),
            head: self.head().await?,
            failures: Failure::list(live.db()).await?,
            checkpoint,
            alarm: alarm.as_deref().map(str::to_owned),
            differs,
        }))
    }

    /// Why the live views cannot go on with this log: it is not the one they were built from. None
    /// when it is, or when there are no views.
    pub async fn differ(&self) -> Result<Option<String>, BuildError> {
        self.refresh().await?;
        let Some(live) = self.live() else { return Ok(None) };
        match self.proof(&live.checkpoint().await?).await {
            Err(found @ Alarm::Differs(_)) => Ok(Some(found.to_string())),
            proof => Ok(proof.map(|()| None)?),
        }
    }

    async fn proof(&self, checkpoint: &Checkpoint) -> Result<(), Alarm> {
        prove(self.inner.journal.log().as_ref(), checkpoint).await
    }
}
