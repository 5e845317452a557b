//! Replays that were asked for over HTTP, one after the other.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use poem::http::StatusCode;
use poem_openapi::{Enum, Object};
use projections::{Generations, Progress, Step};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::answer::Result;
use crate::error::ApiError;
use crate::request;

/// How many replays are remembered.
const REMEMBERED: usize = 100;

/// Begins replays, and remembers how they went as long as the process lives.
#[derive(Clone)]
pub(crate) struct Replays {
    generations: Generations,
    stop: CancellationToken,
    known: Arc<Mutex<VecDeque<(Uuid, ReplayProgress)>>>,
}

/// How far a replay has come.
#[derive(Debug, Clone, PartialEq, Object)]
pub(crate) struct ReplayProgress {
    status: ReplayStatus,
    /// What it is doing: `projecting`, `indexing`, `catching_up`, `comparing`, `switching`, `done`.
    step: String,
    position: u64,
    head: u64,
    events_per_second: f64,
    /// Where the new generation differs from the live one, when that was asked.
    differences: Vec<String>,
    /// Whether the new generation is live.
    switched: bool,
    /// Why it failed; more is in the log.
    #[oai(skip_serializing_if_is_none)]
    error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum ReplayStatus {
    Completed,
    Failed,
    Running,
}

impl Replays {
    pub(crate) fn new(generations: Generations, stop: CancellationToken) -> Self {
        Self { generations, stop, known: Arc::default() }
    }

    /// Begins another replay, unless one is running.
    pub(crate) fn begin(&self, check: bool) -> Result<Uuid> {
        let mut known = self.known();
        if known.iter().any(|(_, it)| it.status == ReplayStatus::Running) {
            return Err(ApiError::new(StatusCode::CONFLICT, "a replay is running already"));
        }
        let id = request::id();
        if known.len() == REMEMBERED {
            known.pop_front();
        }
        known.push_back((id, ReplayProgress::begun()));
        tokio::spawn(self.clone().run(id, check));
        Ok(id)
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<ReplayProgress> {
        self.known().iter().find(|(known, _)| *known == id).map(|(_, it)| it.clone())
    }

    async fn run(self, id: Uuid, check: bool) {
        let tell = |progress: Progress| self.change(id, |it| it.tell(progress));
        let replay = Box::pin(self.generations.replay(check, &tell));
        let ended = self.stop.run_until_cancelled(replay).await;
        self.change(id, |it| match ended {
            Some(Ok(done)) => {
                it.status = ReplayStatus::Completed;
                (it.position, it.switched) = (done.position, done.switched);
                it.differences = done.differences.iter().map(ToString::to_string).collect();
            }
            Some(Err(error)) => {
                tracing::error!(replay.id = %id, %error, "a replay failed");
                it.status = ReplayStatus::Failed;
                it.error = Some(error.to_string());
            }
            None => {
                it.status = ReplayStatus::Failed;
                it.error = Some("the server was stopped".to_owned());
            }
        });
    }

    fn change(&self, id: Uuid, change: impl FnOnce(&mut ReplayProgress)) {
        if let Some((_, progress)) = self.known().iter_mut().find(|(known, _)| *known == id) {
            change(progress);
        }
    }

    fn known(&self) -> MutexGuard<'_, VecDeque<(Uuid, ReplayProgress)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReplayProgress {
    fn begun() -> Self {
        Self {
            status: ReplayStatus::Running,
            step: Step::Projecting.as_ref().to_owned(),
            position: 0,
            head: 0,
            events_per_second: 0.0,
            differences: Vec::new(),
            switched: false,
            error: None,
        }
    }

    fn tell(&mut self, progress: Progress) {
        progress.step.as_ref().clone_into(&mut self.step);
        self.position = progress.position;
        self.head = progress.head;
        self.events_per_second = progress.events_per_second;
    }
}
