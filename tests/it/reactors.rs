//! Reactors: each event at least once, by one of them, and never where nobody said.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::OperationalStore;
use async_trait::async_trait;
use chrono::TimeDelta;
use commands::ports::{Checkpoints as _, Lease, Leases as _, Reached};
use commands::{CommandError, Ground, Reactor, Setback, StartFrom, run_reactors};
use domain::kernel::{Actor, Event, Recorded, Singleton};
use domain::lifecycle::{SettingsEvent, SettingsPatch};
use tempfile::TempDir;
use tests::embedded::Embedded;
use tests::journals::TestJournal;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_stop_in_the_middle_of_a_page_skips_nothing() {
    let there = Place::with(20).await;
    there.journal.log.set_page(5);
    // Which of two things that are there a reactor looks at first may be chance.
    for _ in 0..30 {
        there.begin_at(0).await;
        let stop = CancellationToken::new();
        let reactor = Probe { upto: 5, stop: Some((3, stop.clone())), ..Probe::default() };
        let reactor = Arc::new(reactor);
        there.run(reactor.clone(), None, stop).await.unwrap().unwrap();
        assert_eq!(reactor.seen(), [1, 2, 3]);
        assert_eq!(there.store.read("probe").await.unwrap(), Some(Reached::default()));
    }
    let again = Arc::new(Probe { upto: 5, ..Probe::default() });
    let stop = CancellationToken::new();
    let running = there.run(again.clone(), None, stop.clone());
    until(async || again.seen() == [1, 2, 3, 4, 5]).await;
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_lost_the_lease_reacts_no_more() {
    let there = Place::with(3).await;
    there.begin_at(0).await;
    there.store.release(&there.lease).await.unwrap();
    let reactor = Arc::new(Probe { upto: 9, ..Probe::default() });
    let ended = there.run(reactor.clone(), None, CancellationToken::new()).await.unwrap();
    assert!(matches!(ended, Err(CommandError::Conflict)), "{ended:?}");
    assert!(reactor.seen().is_empty());
}

#[tokio::test]
async fn a_reactor_without_a_checkpoint_starts_where_it_is_told_or_not_at_all() {
    let there = Place::with(3).await;
    let reactor = Arc::new(Probe { upto: 9, ..Probe::default() });
    let ended = there.run(reactor.clone(), None, CancellationToken::new()).await.unwrap();
    let refused = ended.unwrap_err().to_string();
    assert!(refused.contains("--reactors-from"), "{refused}");
    assert_eq!(there.store.read("probe").await.unwrap(), None);

    let stop = CancellationToken::new();
    let running = there.run(reactor.clone(), Some(StartFrom::Head), stop.clone());
    until(async || there.store.read("probe").await.unwrap().is_some()).await;
    let fresh = there.write().await;
    until(async || reactor.seen() == [fresh]).await;
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_cannot_be_given_up_is_tried_again() {
    let there = Place::with(1).await;
    there.begin_at(0).await;
    let reactor = Arc::new(Probe { upto: 1, hopeless: true, ..Probe::default() });
    reactor.deaf.store(true, Ordering::SeqCst);
    let stop = CancellationToken::new();
    let running = there.run(reactor.clone(), None, stop.clone());
    let parked = async || there.store.parked("probe", 9).await.unwrap();
    until(async || parked().await.len() == 1).await;
    reactor.deaf.store(false, Ordering::SeqCst);
    there.journal.clock.pass(TimeDelta::hours(2));
    until(async || parked().await.is_empty()).await;
    assert_eq!(reactor.seen(), [1, 1]);
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn lanes_do_not_wait_for_one_another() {
    let there = Place::with(3).await;
    there.begin_at(0).await;
    let reactor = Arc::new(Meeting { both: Barrier::new(2), seen: Mutex::default() });
    let stop = CancellationToken::new();
    let running = there.run(reactor.clone(), None, stop.clone());
    until(async || reactor.seen.lock().unwrap().len() == 3).await;
    // What has no lane comes after what stands before it.
    assert_eq!(reactor.seen.lock().unwrap()[2], 3);
    stop.cancel();
    running.await.unwrap().unwrap();
}

/// The first two events are in lanes of their own, and done once both are begun.
struct Meeting {
    both: Barrier,
    seen: Mutex<Vec<u64>>,
}

#[async_trait]
impl Reactor for Meeting {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn concerns(&self, _: &Recorded) -> bool {
        true
    }

    fn lane(&self, recorded: &Recorded) -> Option<u64> {
        Some(recorded.position).filter(|it| *it < 3)
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        if recorded.position < 3 {
            self.both.wait().await;
        }
        self.seen.lock().unwrap().push(recorded.position);
        Ok(())
    }
}

/// A journal, a store, and the lease on reactors.
struct Place {
    journal: TestJournal,
    store: Arc<OperationalStore>,
    lease: Lease,
    _folder: TempDir,
}

impl Place {
    async fn with(commits: usize) -> Self {
        let (Embedded { operational: store, .. }, folder) = Embedded::start().await;
        let lease = store.acquire("reactors", "test", Duration::from_mins(10)).await;
        let lease = lease.unwrap().unwrap();
        let there = Self { journal: TestJournal::default(), store, lease, _folder: folder };
        for _ in 0..commits {
            there.write().await;
        }
        there
    }

    async fn write(&self) -> u64 {
        let (by, patch) = (Actor::system("test"), SettingsPatch::default());
        let changed = SettingsEvent::Changed { by, patch, reason: None };
        self.journal.write(&[Event::Settings(Singleton, changed)]).await
    }

    async fn begin_at(&self, position: u64) {
        self.store.advance("probe", Reached::position(position), &[], &self.lease).await.unwrap();
    }

    fn run(
        &self,
        reactor: Arc<dyn Reactor>,
        told: Option<StartFrom>,
        stop: CancellationToken,
    ) -> JoinHandle<Result<(), CommandError>> {
        let ground = Ground {
            journal: self.journal.journal.clone(),
            checkpoints: self.store.clone(),
            leases: self.store.clone(),
        };
        tokio::spawn(run_reactors(ground, vec![reactor], told, self.lease.clone(), stop))
    }
}

/// Remembers what it was shown.
#[derive(Default)]
struct Probe {
    /// What comes later does not concern it.
    upto: u64,
    /// It says so when it is shown this one.
    stop: Option<(u64, CancellationToken)>,
    hopeless: bool,
    /// Whether giving up fails.
    deaf: AtomicBool,
    seen: Mutex<Vec<u64>>,
}

impl Probe {
    fn seen(&self) -> Vec<u64> {
        self.seen.lock().unwrap().clone()
    }
}

#[async_trait]
impl Reactor for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        recorded.position <= self.upto
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        self.seen.lock().unwrap().push(recorded.position);
        if let Some((at, stop)) = &self.stop
            && *at == recorded.position
        {
            stop.cancel();
        }
        if self.hopeless { Err(Setback::Final("no".into())) } else { Ok(()) }
    }

    async fn give_up(&self, _: &Recorded, _: &str) -> Result<(), CommandError> {
        if self.deaf.load(Ordering::SeqCst) {
            return Err(CommandError::unavailable("nobody listens"));
        }
        Ok(())
    }
}

async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, wait).await.expect("it becomes so");
}
