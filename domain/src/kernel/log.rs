//! The log: the only truth. Every other store can be filled from it again.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use uuid::Uuid;

use super::Listed;

/// The largest commit a log takes, in bytes of its body.
pub const MAX_COMMIT_BYTES: usize = 512 * 1024;

/// Stores commits in one order and hands them out in that order, as bytes.
///
/// What the bytes mean is the [`Journal`](super::Journal)'s business; a log keeps them as they
/// are, so a log can be moved to another kind of log and stay the same to the last byte.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Stores one commit, all of it or nothing, and answers once it is durable.
    ///
    /// The same command on the same stream is stored once; a repeat answers where. Calls take
    /// their place in the order of the log when they are made, not when the answer is awaited,
    /// where [`pipelines`](Self::pipelines) says so.
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, LogError>>;

    /// Whether a writer may append to a stream while its earlier append there is in flight.
    fn pipelines(&self) -> bool;

    /// The position of the newest commit; 0 when there is none.
    async fn head(&self) -> Result<u64, LogError>;

    /// The commits of one stream after a cursor, oldest first, at most `limit`; fewer are all.
    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Expected,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, LogError>;

    /// The commits after a position, oldest first: at most `limit`, fewer when they are large.
    async fn read_all(&self, after: u64, limit: usize) -> Result<Vec<StoredCommit>, LogError>;

    /// Where what stands beside the bodies of these commits, for indexes and checks, says something
    /// else than they do: position and reason.
    async fn mislabeled(&self, _commits: &[StoredCommit]) -> Result<Vec<(u64, String)>, LogError> {
        Ok(Vec::new())
    }

    /// Pages of commits after a position, without a gap or a repeat, then each new one as it is
    /// stored. Survives lost connections. Ends only with an error that waiting does not mend.
    fn follow(&self, after: u64) -> BoxStream<'static, Result<LogPage, LogError>>;
}

/// One commit on its way into the log: what one command led to.
#[derive(Debug, Clone)]
pub struct Append {
    pub stream: StreamId,
    /// Where the writer believes the stream ends.
    pub expected: Expected,
    pub id: CommitId,
    /// The command that led to it; the same one is stored once per stream.
    pub command: Uuid,
    /// How many events it holds.
    pub count: u32,
    /// The types of its events, each once, with commas between: for headers and indexes.
    pub types: String,
    /// The whole envelope, as stored for ever.
    pub body: Bytes,
}

/// The name of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CommitId(pub Uuid);

impl CommitId {
    /// The id of its event with this index. A UUID version 7 ends in 62 random bits; counting
    /// up there keeps the form, the order and the uniqueness.
    pub fn event(self, index: u32) -> Uuid {
        let random = self.0.as_u128() & ((1 << 62) - 1);
        let counted = (random + u128::from(index)) & ((1 << 62) - 1);
        Uuid::from_u128(self.0.as_u128() ^ random ^ counted)
    }
}

/// How an append ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// The log held it already, from an earlier try.
    Repeated { position: u64 },
    /// It is stored now.
    Stored { position: u64 },
}

impl Appended {
    /// The commit's position.
    pub fn position(self) -> u64 {
        match self {
            Self::Repeated { position } | Self::Stored { position } => position,
        }
    }
}

/// One commit as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCommit {
    pub position: u64,
    pub body: Bytes,
}

/// Some commits, in order.
#[derive(Debug, Clone)]
pub struct LogPage {
    pub commits: Vec<StoredCommit>,
    /// Whether the log held no more when this was read.
    pub caught_up: bool,
}

/// The cursor of a writer: where it believes the stream ends. There is no "any".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It ends with this event, in this commit (`JetStream` compares the second).
    Exact { version: u64, position: u64 },
    /// It does not exist yet.
    New,
}

impl Expected {
    /// The position of the last commit that was read; 0 when there was none.
    pub fn position(self) -> u64 {
        match self {
            Self::Exact { position, .. } => position,
            Self::New => 0,
        }
    }

    /// The number of the last event that was read; 0 when there was none.
    pub fn version(self) -> u64 {
        match self {
            Self::Exact { version, .. } => version,
            Self::New => 0,
        }
    }
}

/// Names the history of one aggregate: `edit.<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(String);

impl StreamId {
    /// The stream of the aggregate with this id.
    pub fn of<A: Listed>(id: &A::Id) -> Self {
        Self(format!("{}.{id}", A::TYPE))
    }

    /// A stream by its full name: a type, a full stop, an id.
    pub fn named(name: impl Into<String>) -> Option<Self> {
        let name = name.into();
        let (kind, id) = name.split_once('.')?;
        (!kind.is_empty() && !id.is_empty()).then_some(Self(name))
    }

    /// The type of its aggregate.
    pub fn kind(&self) -> &str {
        self.0.split_once('.').map_or("", |(kind, _)| kind)
    }

    /// The id of its aggregate.
    pub fn id(&self) -> &str {
        self.0.split_once('.').map_or("", |(_, id)| id)
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why the log said no.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the stream {stream} does not end where the writer expected")]
    Conflict { stream: StreamId },
    #[error("the log holds something it should not: {0}")]
    Corrupt(String),
    #[error("a commit of {size} bytes is too large for the log, which takes {limit}")]
    TooLarge { size: usize, limit: usize },
    #[error("the log cannot be reached: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl LogError {
    /// The log cannot be reached, for this reason.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}
