//! The log in one `SQLite` file: the embedded default. Acknowledged means on disk.
//!
//! One thread writes; everything that waits for it goes into one transaction, so a single fsync
//! carries many commits. Positions are handed out there, which is why they have no gaps. Readers
//! have connections of their own and learn of new commits without asking the file.
//!
//! One process writes the file. Another one that does is noticed and told so, and breaks nothing.

mod readers;
mod schema;
mod writer;

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use domain::kernel::{
    Append, Appended, EventLog, Expected, LogError, LogPage, MAX_COMMIT_BYTES, StoredCommit,
    StreamId,
};

use readers::Readers;
use writer::{Request, Writer};

/// How many commits a follower gets at once.
const PAGE: usize = 4096;

/// How often a follower that waits looks into the file: another process may write it.
const LOOK: Duration = Duration::from_secs(1);

/// So many commits are read without leaving the thread.
const FEW: usize = 64;

/// See the module. Dropping it waits until what was appended is stored.
pub struct SqliteLog {
    /// Taken away to end the writer.
    queue: Option<mpsc::Sender<Request>>,
    writer: Option<thread::JoinHandle<()>>,
    readers: Arc<Readers>,
    head: watch::Receiver<u64>,
}

impl SqliteLog {
    /// Opens the log in this file, which is made if it is not there.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LogError> {
        let path = path.as_ref();
        let connection = schema::open_to_write(path)?;
        let (publish, head) = watch::channel(0);
        let mut writer = Writer::new(connection, publish).map_err(LogError::unavailable)?;
        let (queue, requests) = mpsc::channel();
        let thread = thread::Builder::new().name("log writer".into());
        let thread = thread.spawn(move || writer.run(&requests)).map_err(LogError::unavailable)?;
        Ok(Self {
            queue: Some(queue),
            writer: Some(thread),
            readers: Arc::new(Readers::new(path.to_owned())),
            head,
        })
    }
}

impl Drop for SqliteLog {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has said so already.
            let _ = writer.join();
        }
    }
}

#[async_trait]
impl EventLog for SqliteLog {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, LogError>> {
        if append.body.len() > MAX_COMMIT_BYTES {
            let (size, limit) = (append.body.len(), MAX_COMMIT_BYTES);
            return Box::pin(async move { Err(LogError::TooLarge { size, limit }) });
        }
        let (answer, answered) = oneshot::channel();
        let gone = || LogError::unavailable("the writer of the log has ended");
        if let Some(queue) = &self.queue {
            // If the writer has ended, the answer is dropped with the request, which is noticed.
            let _ = queue.send(Request { append, answer });
        }
        Box::pin(async move { answered.await.map_err(|_| gone())? })
    }

    fn pipelines(&self) -> bool {
        true
    }

    async fn head(&self) -> Result<u64, LogError> {
        Ok(*self.head.borrow())
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Expected,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, LogError> {
        let (stream, after) = (stream.clone(), after.version());
        let read = move |it: &_| readers::of_stream(it, &stream, after, limit);
        if limit <= FEW { self.readers.read(read) } else { self.readers.run(read).await }
    }

    async fn read_all(&self, after: u64, limit: usize) -> Result<Vec<StoredCommit>, LogError> {
        self.readers.run(move |it| readers::of_all(it, after, limit)).await
    }

    async fn mislabeled(&self, commits: &[StoredCommit]) -> Result<Vec<(u64, String)>, LogError> {
        let commits = commits.to_vec();
        self.readers.run(move |it| readers::mislabeled(it, &commits)).await
    }

    fn follow(&self, after: u64) -> BoxStream<'static, Result<LogPage, LogError>> {
        let follower = Follower {
            readers: Arc::clone(&self.readers),
            head: self.head.clone(),
            found: 0,
            after,
            started: false,
            ahead: None,
        };
        let next = |follower: Option<Follower>| async {
            let mut follower = follower?;
            match follower.next().await {
                Ok(page) => Some((Ok(page), Some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        };
        stream::unfold(Some(follower), next).boxed()
    }
}

/// Reads what comes after a position, and then waits for more.
struct Follower {
    readers: Arc<Readers>,
    head: watch::Receiver<u64>,
    /// The head that was found in the file, where this process is not its writer.
    found: u64,
    after: u64,
    /// Whether the first page was delivered, which may be empty.
    started: bool,
    /// The next page, read while the last one is being used.
    ahead: Option<JoinHandle<Result<Vec<StoredCommit>, LogError>>>,
}

impl Follower {
    async fn next(&mut self) -> Result<LogPage, LogError> {
        let head = self.known();
        // Later on, what was read may be ahead of the writer's word on it.
        if head < self.after && !self.started {
            let after = self.after;
            let short = format!("it ends at {head}, and a reader had come to {after} before");
            return Err(LogError::Corrupt(short));
        }
        if head <= self.after {
            if !self.started {
                self.started = true;
                return Ok(LogPage { commits: Vec::new(), caught_up: true });
            }
            self.wait().await?;
        }
        self.started = true;
        let ahead = self.ahead.take().unwrap_or_else(|| self.read());
        let commits = ahead.await.map_err(LogError::unavailable)??;
        let Some(last) = commits.last() else {
            let lost = format!("nothing comes after {}, which is not its head", self.after);
            return Err(LogError::Corrupt(lost));
        };
        self.after = last.position;
        let caught_up = self.after >= self.known();
        if !caught_up {
            self.ahead = Some(self.read());
        }
        Ok(LogPage { commits, caught_up })
    }

    fn known(&self) -> u64 {
        self.found.max(*self.head.borrow())
    }

    /// Until there is more, whoever writes it.
    async fn wait(&mut self) -> Result<(), LogError> {
        let after = self.after;
        let closed = |_| LogError::unavailable("the log was closed");
        while self.known() <= after {
            let waiting = async { self.head.wait_for(|head| *head > after).await.map(|_| ()) };
            match tokio::time::timeout(LOOK, waiting).await {
                Ok(more) => more.map_err(closed)?,
                Err(_) => self.found = self.readers.run(readers::head).await?,
            }
        }
        Ok(())
    }

    fn read(&self) -> JoinHandle<Result<Vec<StoredCommit>, LogError>> {
        let after = self.after;
        self.readers.spawn(move |it| readers::of_all(it, after, PAGE))
    }
}
