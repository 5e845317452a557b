//! Imports that run in the background, one after the other, while somebody asks how far they are.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::identity::Permission;
use serde::{Deserialize, Serialize};
use tokio::fs;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{ImportReport, Imports, Progress};
use crate::ports::Caller;
use crate::{CommandError, Refusal};

/// How many imports are remembered.
const REMEMBERED: usize = 200;

/// How many files may wait on disk to be imported.
const WAITING: usize = 20;

/// How much of an upload is in memory at once.
const PIECE: usize = 256 * 1024;

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum JobStatus {
    Done,
    Failed,
    Queued,
    Running,
    /// The server was shut down; what was recorded stays, and the import can be repeated.
    Stopped,
}

/// An import in the background.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportJob {
    pub import_id: Uuid,
    pub status: JobStatus,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(flatten)]
    pub report: ImportReport,
}

/// Takes files, imports them, and tells how it went. What it knows is lost with the process; the
/// imports themselves can be repeated.
#[derive(Clone)]
pub struct ImportJobs {
    imports: Imports,
    folder: PathBuf,
    stop: CancellationToken,
    jobs: Arc<Mutex<VecDeque<ImportJob>>>,
    turn: Arc<Semaphore>,
}

/// A file that waits to be imported; it goes away with its import.
struct Spooled(PathBuf);

impl ImportJobs {
    /// Uploads wait in this folder; what an earlier process left there is removed.
    pub async fn new(
        imports: Imports,
        folder: PathBuf,
        stop: CancellationToken,
    ) -> std::io::Result<Self> {
        fs::create_dir_all(&folder).await?;
        let mut left = fs::read_dir(&folder).await?;
        while let Some(entry) = left.next_entry().await? {
            if entry.path().extension().is_some_and(|it| it == "upload") {
                fs::remove_file(entry.path()).await?;
            }
        }
        let (jobs, turn) = (Arc::default(), Arc::new(Semaphore::new(1)));
        Ok(Self { imports, folder, stop, jobs, turn })
    }

    /// Take a file of at most so many bytes, and import it in the background.
    pub async fn accept(
        &self,
        caller: &Caller,
        file: &str,
        body: impl AsyncRead + Send + Unpin,
        most: u64,
    ) -> Result<ImportJob, CommandError> {
        caller.require(Permission::ImportHistory)?;
        let waiting = |job: &&ImportJob| job.status == JobStatus::Queued;
        if self.jobs().iter().filter(waiting).count() >= WAITING {
            return Err(CommandError::unavailable("too many files wait to be imported"));
        }

        let import_id = Uuid::now_v7();
        let spooled = Spooled(self.folder.join(format!("{import_id}.upload")));
        let total_bytes = spool(body, &spooled.0, most).await?;
        let file: String = file.chars().filter(|it| !it.is_control()).take(200).collect();
        let report = ImportReport { file, total_bytes, ..ImportReport::default() };
        let job = ImportJob { import_id, status: JobStatus::Queued, error: None, report };
        self.remember(job.clone());
        tokio::spawn(self.clone().run(caller.clone(), job.clone(), spooled));
        Ok(job)
    }

    /// How far an import is.
    pub fn get(&self, caller: &Caller, id: Uuid) -> Result<ImportJob, CommandError> {
        caller.require(Permission::ImportHistory)?;
        let found = self.jobs().iter().find(|job| job.import_id == id).cloned();
        found.ok_or_else(|| CommandError::NotFound(format!("import {id}")))
    }

    async fn run(self, caller: Caller, job: ImportJob, spooled: Spooled) {
        let id = job.import_id;
        let heard = self.clone();
        let progress: Progress = Arc::new(move |report: &ImportReport| {
            heard.change(id, |job| {
                (job.status, job.report) = (JobStatus::Running, report.clone());
            });
        });
        let import = async {
            let _turn = self.turn.acquire().await;
            self.imports.import(&caller, &job.report.file, &spooled.0, &progress).await
        };
        let ended = tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            ended = import => Some(ended),
        };
        drop(spooled);
        self.change(id, |job| match ended {
            None => job.status = JobStatus::Stopped,
            Some(Ok(report)) => (job.status, job.report) = (JobStatus::Done, report),
            Some(Err(error)) => {
                if let CommandError::Unavailable(source) = &error {
                    tracing::error!(import.id = %id, error = %source, "an import failed");
                }
                (job.status, job.error) = (JobStatus::Failed, Some(error.to_string()));
            }
        });
    }

    fn remember(&self, job: ImportJob) {
        let mut jobs = self.jobs();
        if jobs.len() >= REMEMBERED {
            let ended =
                |job: &ImportJob| !matches!(job.status, JobStatus::Queued | JobStatus::Running);
            if let Some(oldest) = jobs.iter().position(ended) {
                jobs.remove(oldest);
            }
        }
        jobs.push_back(job);
    }

    fn change(&self, id: Uuid, change: impl FnOnce(&mut ImportJob)) {
        if let Some(job) = self.jobs().iter_mut().find(|job| job.import_id == id) {
            change(job);
        }
    }

    fn jobs(&self) -> MutexGuard<'_, VecDeque<ImportJob>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "an uploaded file could not be removed");
        }
    }
}

/// Writes an upload to disk as it comes; answers its size.
async fn spool(
    mut body: impl AsyncRead + Unpin,
    path: &Path,
    most: u64,
) -> Result<u64, CommandError> {
    let mut file = fs::File::create(path).await.map_err(CommandError::unavailable)?;
    let mut piece = vec![0; PIECE];
    let mut size = 0;
    loop {
        let broken =
            |error| CommandError::invalid("file", format!("the upload broke off: {error}"));
        let read = body.read(&mut piece).await.map_err(broken)?;
        if read == 0 {
            break;
        }
        size += read as u64;
        if size > most {
            return Err(too_large(most));
        }
        file.write_all(&piece[..read]).await.map_err(CommandError::unavailable)?;
    }
    file.flush().await.map_err(CommandError::unavailable)?;
    Ok(size)
}

fn too_large(most: u64) -> CommandError {
    CommandError::Rejected(Box::new(Refusal {
        ground: domain::kernel::Ground::Input,
        reason: format!("the file is larger than {most} bytes, the most that is taken"),
        code: Some("PAYLOAD_TOO_LARGE"),
        field: Some("file".to_owned()),
        details: None,
    }))
}
