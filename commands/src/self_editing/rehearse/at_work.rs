//! The rehearsals that this process runs now.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::kernel::{Ground, RehearsalId};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::{CommandError, Refusal};

/// How many run at a time, and how many may wait for that.
const RUNNING: usize = 2;
const WAITING: usize = 10;

/// See the module.
pub(super) struct AtWork {
    /// Names this process where it holds leases.
    pub(super) holder: String,
    pub(super) turns: Semaphore,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    jobs: Mutex<HashMap<RehearsalId, Arc<Job>>>,
}

/// How far one has come.
#[derive(Default)]
pub(super) struct Job {
    pub(super) percent: AtomicU64,
    pub(super) events: AtomicU64,
    pub(super) differing: AtomicU64,
    pub(super) ended: CancellationToken,
}

impl Default for AtWork {
    fn default() -> Self {
        Self {
            holder: Uuid::now_v7().to_string(),
            turns: Semaphore::new(RUNNING),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            jobs: Mutex::default(),
        }
    }
}

impl AtWork {
    /// A place for one more.
    pub(super) fn take(&self, id: RehearsalId) -> Result<Arc<Job>, CommandError> {
        let refused = |reason: String| {
            let (ground, code) = (Ground::State, None);
            let refusal = Refusal { ground, reason, code, field: None, details: None };
            Err(CommandError::Rejected(Box::new(refusal)))
        };
        if self.stop.is_cancelled() {
            return refused("the platform is being stopped; try again when it is back".to_owned());
        }
        let mut jobs = self.jobs();
        if jobs.len() >= RUNNING + WAITING {
            return refused(format!(
                "{RUNNING} rehearsals run and {WAITING} wait already; try again when one has ended"
            ));
        }
        if jobs.contains_key(&id) {
            return Err(CommandError::Conflict);
        }
        let job = Arc::<Job>::default();
        jobs.insert(id, job.clone());
        Ok(job)
    }

    pub(super) fn find(&self, id: RehearsalId) -> Option<Arc<Job>> {
        self.jobs().get(&id).cloned()
    }

    /// It has ended, and what came of it is in the log.
    pub(super) fn end(&self, id: RehearsalId) {
        if let Some(job) = self.jobs().remove(&id) {
            job.ended.cancel();
        }
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<RehearsalId, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    /// How far it has come, of a stretch that ends there.
    pub(super) fn moved(&self, (from, at, to): (u64, u64, u64), events: u64, differing: u64) {
        let percent = at.saturating_sub(from) * 100 / to.saturating_sub(from).max(1);
        self.percent.store(percent.min(100), Ordering::Relaxed);
        self.events.store(events, Ordering::Relaxed);
        self.differing.store(differing, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_some_and_the_next_is_told_why_not() {
        let at_work = AtWork::default();
        let all: Vec<_> = (0..RUNNING + WAITING).map(|_| RehearsalId::new()).collect();
        for id in &all {
            at_work.take(*id).unwrap();
        }
        let next = RehearsalId::new();
        let no = at_work.take(next).err().unwrap().to_string();
        assert_eq!(no, "2 rehearsals run and 10 wait already; try again when one has ended");
        at_work.end(all[0]);
        let job = at_work.take(next).unwrap();
        job.moved((10, 60, 110), 40, 2);
        assert_eq!(at_work.find(next).unwrap().percent.load(Ordering::Relaxed), 50);
        at_work.stop.cancel();
        at_work.end(next);
        assert!(at_work.take(next).err().unwrap().to_string().contains("being stopped"));
    }
}
