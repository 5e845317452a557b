//! Replays that were asked for over HTTP, one after the other.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::kernel::Journal;
use poem::http::StatusCode;
use poem_openapi::{Enum, Object};
use projections::{BuildError, Generations, Progress, Step, Until};
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
    journal: Journal,
    folder: PathBuf,
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
    /// The database that the state of a moment is built into, for `palimpsest serve --views`.
    #[oai(skip_serializing_if_is_none)]
    into: Option<String>,
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
    pub(crate) fn new(
        generations: Generations,
        journal: Journal,
        folder: PathBuf,
        stop: CancellationToken,
    ) -> Self {
        Self { generations, journal, folder, stop, known: Arc::default() }
    }

    /// Begins another replay, unless one is running: of everything, or up to a moment.
    pub(crate) fn begin(&self, check: bool, until: Option<Until>) -> Result<Uuid> {
        let mut known = self.known();
        if known.iter().any(|(_, it)| it.status == ReplayStatus::Running) {
            return Err(ApiError::new(StatusCode::CONFLICT, "a replay is running already"));
        }
        let id = request::id();
        if known.len() == REMEMBERED {
            known.pop_front();
        }
        let file = until.map(|_| self.folder.join(format!("then-{id}.db")));
        let into = file.as_ref().map(|it| format!("sqlite://{}", it.display()));
        known.push_back((id, ReplayProgress::begun(into.clone())));
        match (until, file, into) {
            (Some(until), Some(file), Some(into)) => {
                tokio::spawn(self.clone().build(id, until, file, into));
            }
            _ => {
                tokio::spawn(self.clone().run(id, check));
            }
        }
        Ok(id)
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<ReplayProgress> {
        self.known().iter().find(|(known, _)| *known == id).map(|(_, it)| it.clone())
    }

    async fn run(self, id: Uuid, check: bool) {
        let tell = |progress: Progress| self.change(id, |it| it.tell(progress));
        let replay = Box::pin(self.generations.replay(check, &tell));
        let ended = self.stop.run_until_cancelled(replay).await;
        self.ended(id, ended, |it, done| {
            (it.position, it.switched) = (done.position, done.switched);
            it.differences = done.differences.iter().map(ToString::to_string).collect();
        });
    }

    /// Builds the state of a moment into a file of its own, beside everything else.
    async fn build(self, id: Uuid, until: Until, file: PathBuf, into: String) {
        let tell = |progress: Progress| self.change(id, |it| it.tell(progress));
        let built = Box::pin(projections::build_into(&self.journal, &into, until, &tell));
        let ended = self.stop.run_until_cancelled(built).await;
        if !matches!(ended, Some(Ok(_))) {
            // What is not whole is of no use; there may be nothing yet.
            for end in ["", "-journal", "-shm", "-wal"] {
                let _ = std::fs::remove_file(format!("{}{end}", file.display()));
            }
        }
        self.ended(id, ended, |it, built| it.position = built.position);
    }

    fn ended<T>(
        &self,
        id: Uuid,
        ended: Option<std::result::Result<T, BuildError>>,
        well: impl FnOnce(&mut ReplayProgress, T),
    ) {
        self.change(id, |it| match ended {
            Some(Ok(done)) => {
                it.status = ReplayStatus::Completed;
                well(it, done);
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
    fn begun(into: Option<String>) -> Self {
        Self {
            status: ReplayStatus::Running,
            step: Step::Projecting.as_ref().to_owned(),
            position: 0,
            head: 0,
            events_per_second: 0.0,
            differences: Vec::new(),
            switched: false,
            into,
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
