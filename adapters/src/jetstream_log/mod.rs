//! The log in NATS `JetStream`: one subject per stream, one message per commit, many writers.
//!
//! A message's sequence in the `JetStream` stream is the commit's position. The server compares
//! where a subject ends with where the writer believes it ends, so of two writers one wins.

mod connection;
mod follow;
mod get;
mod labels;
mod publish;
mod requirements;
mod subjects;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_trait::async_trait;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream};

use domain::kernel::{
    Append, Appended, EventLog, Expected, LogError, LogPage, MAX_COMMIT_BYTES, StoredCommit,
    StreamId,
};

use connection::Connection;
use follow::Follower;
pub use requirements::Durability;
use subjects::Subjects;

/// How many messages one request for a page asks for.
const BATCH: usize = 4096;

/// A page stops growing here, so that large commits do not fill the memory.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// How the log is laid out in the server, and how weak it may be.
#[derive(Debug, Clone)]
pub struct Options {
    /// The `JetStream` stream that holds the log.
    pub stream: String,
    /// Subjects are `<prefix>.main.<type>.<id>`.
    pub prefix: String,
    /// How many servers keep each commit; for a new stream, and the least for an old one.
    pub replicas: usize,
    /// How long the server remembers commands by itself; for a new stream.
    pub duplicate_window: Duration,
    /// How long a call goes on trying while the server does not answer.
    pub patience: Duration,
    /// The server's monitoring endpoint, `http://host:8222`: only there it says when it syncs.
    pub monitor: Option<String>,
    /// Whether a single server that is known to acknowledge before it syncs will do.
    pub allow_relaxed: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            stream: "PALIMPSEST".into(),
            prefix: "ev".into(),
            replicas: 1,
            duplicate_window: Duration::from_mins(2),
            patience: Duration::from_secs(15),
            monitor: None,
            allow_relaxed: false,
        }
    }
}

impl Options {
    /// How long one answer may take.
    fn wait(&self) -> Duration {
        self.patience.min(Duration::from_secs(5))
    }
}

/// See the module. Clones share one connection.
#[derive(Clone)]
pub struct JetStreamLog(Arc<Inner>);

struct Inner {
    connection: Connection,
    context: jetstream::Context,
    stream: jetstream::stream::Stream<()>,
    subjects: Subjects,
    options: Options,
    durability: Durability,
}

impl JetStreamLog {
    /// Connects, makes the stream if it is not there, and refuses one that could lose commits.
    pub async fn connect(url: &str, options: Options) -> Result<Self, LogError> {
        let connection = Connection::open(url).await?;
        let context = jetstream::context::ContextBuilder::new()
            .timeout(options.wait())
            .max_ack_inflight(16_384)
            .backpressure_on_inflight(true)
            .build(connection.client.clone());
        let replicas = requirements::ensure(&connection, &context, &options).await?;
        let durability = requirements::durability(&options, replicas).await?;
        let stream = context.get_stream_no_info(&options.stream).await;
        let stream = stream.map_err(LogError::unavailable)?;
        let subjects = Subjects::new(&options.prefix);
        Ok(Self(Arc::new(Inner { connection, context, stream, subjects, options, durability })))
    }

    /// What an acknowledged commit survives, as far as it is known.
    pub fn durability(&self) -> Durability {
        self.0.durability
    }
}

#[async_trait]
impl EventLog for JetStreamLog {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, LogError>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { publish::append(&inner, append).await })
    }

    fn pipelines(&self) -> bool {
        false
    }

    async fn head(&self) -> Result<u64, LogError> {
        let inner = &self.0;
        inner.patiently(|| inner.last_sequence()).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Expected,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, LogError> {
        let inner = &self.0;
        let subject = inner.subjects.of(stream);
        inner.patiently(|| get::of_subject(inner, &subject, after.position(), limit)).await
    }

    async fn read_all(&self, after: u64, limit: usize) -> Result<Vec<StoredCommit>, LogError> {
        let inner = &self.0;
        inner.patiently(|| get::of_all(inner, after, limit)).await
    }

    async fn mislabeled(&self, commits: &[StoredCommit]) -> Result<Vec<(u64, String)>, LogError> {
        let inner = &self.0;
        inner.patiently(|| labels::mislabeled(inner, commits)).await
    }

    fn follow(&self, after: u64) -> BoxStream<'static, Result<LogPage, LogError>> {
        let next = |follower: Option<Follower>| async {
            let mut follower = follower?;
            match follower.next().await {
                Ok(page) => Some((Ok(page), Some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        };
        stream::unfold(Some(Follower::new(Arc::clone(&self.0), after)), next).boxed()
    }
}

impl Inner {
    /// The newest position, from the leader.
    async fn last_sequence(&self) -> Result<u64, LogError> {
        let info = self.stream.get_info().await.map_err(LogError::unavailable)?;
        Ok(info.state.last_sequence)
    }

    /// The largest body that the server takes beside its headers.
    fn limit(&self, headers: usize) -> usize {
        let payload = self.connection.client.max_payload();
        MAX_COMMIT_BYTES.min(payload.saturating_sub(headers))
    }

    /// Tries again while the server is away, for as long as the patience lasts.
    async fn patiently<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, LogError>
    where
        F: Future<Output = Result<T, LogError>>,
    {
        let mut retry = connection::Retry::new(self.options.patience);
        loop {
            match attempt().await {
                Err(LogError::Unavailable(reason)) => {
                    retry.pause().await.map_err(|_| LogError::Unavailable(reason))?;
                }
                ended => return ended,
            }
        }
    }
}
