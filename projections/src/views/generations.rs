//! Sets of views: one is live, the next is built beside it, and a pointer says which is which.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::kernel::Journal;
use sea_orm::DbErr;
use tokio::sync::watch;

use super::build::{Build, BuildError, Tell};
use super::building::Building;
use super::generation::{bring_up_to_date, versions};
use super::place::{Address, Place};
use super::{Generation, Projection, Stage};

/// How long requests, here and in processes that have not noticed a switch yet, may go on reading
/// what was live before.
const GRACE: Duration = Duration::from_secs(30);

/// How often a generation that was switched away from is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Which generation is live; kept in the operational store.
#[async_trait]
pub trait LivePointer: Send + Sync {
    /// The number of the live generation; none before the first one.
    async fn get(&self) -> Result<Option<u64>, PointerError>;

    /// Moves it, if it still says what is believed; whether it did.
    async fn switch(&self, from: Option<u64>, to: u64) -> Result<bool, PointerError>;
}

/// Why the pointer cannot be read or moved.
pub type PointerError = Box<dyn std::error::Error + Send + Sync>;

/// The views of one installation.
#[derive(Clone)]
pub struct Generations {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) journal: Journal,
    pub(super) place: Place,
    pub(super) pointer: Arc<dyn LivePointer>,
    pub(super) projections: Arc<[Box<dyn Projection>]>,
    live: RwLock<Option<Arc<Generation>>>,
    /// The number of the live generation; moves when it does.
    pub(super) changed: watch::Sender<Option<u64>>,
    /// A generation that is ready to become live, for the one who projects to hand over to.
    pub(super) offered: watch::Sender<Option<Arc<Generation>>>,
    /// Whether somebody in this process projects, and so must hand over.
    pub(super) projecting: watch::Sender<bool>,
    /// Numbers in use by this process that are not live.
    held: Mutex<HashSet<u64>>,
    /// See [`GRACE`].
    grace: Duration,
    /// One replay at a time.
    pub(super) replaying: tokio::sync::Mutex<()>,
}

/// A generation of this number is not cleaned away while this lives.
pub(super) struct Held<'a> {
    inner: &'a Inner,
    pub(super) number: u64,
    _building: Option<Building>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut held = self.inner.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(&self.number);
    }
}

impl Generations {
    pub fn new(journal: Journal, place: Place, pointer: Arc<dyn LivePointer>) -> Self {
        Self::with(journal, place, pointer, crate::all())
    }

    /// With projections of one's own: for tests of what keeps them.
    pub fn with(
        journal: Journal,
        place: Place,
        pointer: Arc<dyn LivePointer>,
        projections: Vec<Box<dyn Projection>>,
    ) -> Self {
        let inner = Inner {
            journal,
            place,
            pointer,
            projections: projections.into(),
            live: RwLock::default(),
            changed: watch::Sender::default(),
            offered: watch::Sender::default(),
            projecting: watch::Sender::default(),
            held: Mutex::default(),
            grace: GRACE,
            replaying: tokio::sync::Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The same, with another time for requests to end after a switch.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        // Nobody else has it yet; if somebody had, the usual time would stay.
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.grace = grace;
        }
        self
    }

    /// The state of one moment, served as it is; nothing moves it.
    pub async fn snapshot(journal: Journal, database: &str) -> Result<Self, BuildError> {
        struct Fixed;
        #[async_trait]
        impl LivePointer for Fixed {
            async fn get(&self) -> Result<Option<u64>, PointerError> {
                Ok(Some(0))
            }
            async fn switch(&self, _: Option<u64>, _: u64) -> Result<bool, PointerError> {
                Ok(false)
            }
        }
        let address = Address::parse(database)?;
        let place = match &address {
            Address::Postgres { url, .. } => Place::Postgres { url: url.clone() },
            Address::Sqlite(file) => {
                Place::Sqlite { folder: file.clone(), stem: "snapshot".to_owned() }
            }
        };
        let generations = Self::new(journal, place, Arc::new(Fixed));
        let generation = Generation::open(0, address).await?;
        generations.inner.make_live(Arc::new(generation));
        Ok(generations)
    }

    /// The generation that answers questions; none while the first one is built. Keep it for the
    /// whole of a request, and no longer.
    pub fn live(&self) -> Option<Arc<Generation>> {
        self.inner.live()
    }

    /// Where the live generation's number can be watched.
    pub fn changes(&self) -> watch::Receiver<Option<u64>> {
        self.inner.changed.subscribe()
    }

    /// Waits for the views to reach a position; whether they did in time. Without views, they
    /// did not.
    pub async fn wait_for(&self, position: u64, timeout: Duration) -> bool {
        let reach = async {
            let mut changed = self.inner.changed.subscribe();
            loop {
                let live = changed.borrow_and_update().and_then(|_| self.live());
                let reached = async {
                    match live {
                        Some(live) => live.reach(position).await.is_ok(),
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    reached = reached => return reached,
                    // Another generation is live: ask that one.
                    _ = changed.changed() => {}
                }
            }
        };
        tokio::time::timeout(timeout, reach).await.unwrap_or(false)
    }

    /// Looks whether another process has switched, and goes along. A generation made by another
    /// version of the program is left to that version.
    pub async fn refresh(&self) -> Result<(), BuildError> {
        // Whoever replays here moves the pointer first, and goes along himself.
        let Ok(_one) = self.inner.replaying.try_lock() else { return Ok(()) };
        let pointed = self.inner.pointed().await?;
        let here = self.live().map(|live| live.number());
        if let Some(number) = pointed.filter(|_| pointed != here)
            && let Some(found) = self.inner.open(number).await?
        {
            self.inner.make_live(Arc::new(found));
        }
        Ok(())
    }

    /// Opens the live generation, or builds the first one, or a new one where the projections of
    /// this program have other versions than those that wrote it.
    pub async fn open_or_build(&self, tell: Tell<'_>) -> Result<Arc<Generation>, BuildError> {
        let _one = self.inner.replaying.lock().await;
        let pointed = self.inner.pointed().await?;
        if let Some(number) = pointed
            && let Some(found) = self.inner.open(number).await?
        {
            return Ok(self.inner.make_live(Arc::new(found)));
        }
        if pointed.is_none() {
            // The pointer was lost, but perhaps not the views.
            for number in self.inner.place.numbers().await?.into_iter().rev() {
                if let Some(found) = self.inner.open(number).await? {
                    self.inner.point(None, number).await?;
                    return Ok(self.inner.make_live(Arc::new(found)));
                }
            }
        }
        self.clean_up(true).await?;
        let (held, _) = self.inner.next(pointed, tell).await?;
        self.inner.point(pointed, held.number).await?;
        let found = Generation::open(held.number, self.inner.place.generation(held.number)).await?;
        Ok(self.inner.make_live(Arc::new(found)))
    }

    /// Removes what crashed builds left, and where asked to, what former switches left.
    pub async fn clean_up(&self, former: bool) -> Result<(), BuildError> {
        let live = self.inner.pointed().await?;
        let here = self.live().map(|live| live.number());
        for number in self.inner.place.numbers().await? {
            let kept = Some(number) == live || Some(number) == here || self.inner.holds(number);
            let shared = matches!(self.inner.place, Place::Postgres { .. });
            // Other processes may not have noticed yet that it is not live any more.
            let in_use = shared && !former && live.is_some_and(|live| number < live);
            if kept || in_use {
                continue;
            }
            let address = self.inner.place.generation(number);
            // Another process may be building it.
            let Some(_alone) = address.claim().await? else { continue };
            if self.inner.pointed().await? != Some(number) {
                tracing::info!(number, "removing a generation of views that nobody uses");
                address.remove().await?;
            }
        }
        Ok(())
    }
}

impl Inner {
    pub(super) fn live(&self) -> Option<Arc<Generation>> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn holds(&self, number: u64) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).contains(&number)
    }

    pub(super) async fn pointed(&self) -> Result<Option<u64>, BuildError> {
        self.pointer.get().await.map_err(BuildError::Pointer)
    }

    pub(super) async fn point(&self, from: Option<u64>, to: u64) -> Result<(), BuildError> {
        let moved = self.pointer.switch(from, to).await.map_err(BuildError::Pointer)?;
        if moved { Ok(()) } else { Err(BuildError::Overtaken) }
    }

    /// Requests that begin from here on read this one; the former one goes when nobody reads it.
    pub(super) fn make_live(self: &Arc<Self>, generation: Arc<Generation>) -> Arc<Generation> {
        let former = {
            let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
            live.replace(Arc::clone(&generation))
        };
        self.changed.send_replace(Some(generation.number()));
        if let Some(former) = former.filter(|it| it.number() != generation.number()) {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(former.number());
            tokio::spawn(retire(Arc::clone(self), former));
        }
        generation
    }

    /// A finished generation that this program's projections wrote.
    pub(super) async fn open(&self, number: u64) -> Result<Option<Generation>, BuildError> {
        let address = self.place.generation(number);
        if !address.exists().await? {
            return Ok(None);
        }
        // A database without a checkpoint was left by a crash before its first step.
        let Ok(found) = Generation::open(number, address.clone()).await else { return Ok(None) };
        let checkpoint = found.checkpoint().await?;
        let current = versions(&self.projections);
        if checkpoint.stage != Stage::Complete || checkpoint.versions != current {
            return Ok(None);
        }
        bring_up_to_date(&address).await?;
        Ok(Some(found))
    }

    /// Builds the next generation.
    pub(super) async fn next<'a>(
        &'a self,
        live: Option<u64>,
        tell: Tell<'a>,
    ) -> Result<(Held<'a>, Build<'a>), BuildError> {
        let newest = self.place.numbers().await?.last().copied();
        let mut number = 1 + newest.max(live).unwrap_or(0);
        let building = loop {
            match self.place.generation(number).claim().await? {
                Some(building) => break building,
                // Another process was faster.
                None => number += 1,
            }
        };
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        let held = Held { inner: self, number, _building: Some(building) };
        let build = Build {
            journal: &self.journal,
            projections: Arc::clone(&self.projections),
            tell,
            started: Instant::now(),
            search: true,
        };
        build.fill(&self.place.generation(number), None, Stage::Complete).await?;
        Ok((held, build))
    }
}

/// Removes a generation once nobody reads it any more.
async fn retire(inner: Arc<Inner>, former: Arc<Generation>) {
    let _held = Held { inner: &inner, number: former.number(), _building: None };
    tokio::time::sleep(inner.grace).await;
    while Arc::strong_count(&former) > 1 {
        tokio::time::sleep(LOOK).await;
    }
    let address = former.address().clone();
    let closed = former.db().clone().close().await;
    let removed: Result<(), DbErr> = match closed {
        Ok(()) => address.remove().await,
        Err(error) => Err(error),
    };
    if let Err(error) = removed {
        // The next start cleans up.
        tracing::warn!(%error, %address, "a former generation of views could not be removed");
    }
}
