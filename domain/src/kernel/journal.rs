//! The log, seen as typed events: what is written through it is sealed, what is read is opened.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;

use super::codec::Decoded;
use super::{
    Append, Appended, Cause, ChainHash, Codec, Event, EventLog, Expected, LogError, LogPage,
    Recorded, StoredCommit, StreamId,
};

/// Tells the time. The only one who may ask the machine for it.
pub trait Clock: Send + Sync {
    /// The present, in whole milliseconds.
    fn now(&self) -> DateTime<Utc>;
}

/// Some whole commits of the log, decoded.
#[derive(Debug, Clone)]
pub struct Page {
    pub events: Vec<Recorded>,
    /// The last commit that was read; the next page starts after it.
    pub position: u64,
    /// The chain's value over everything before that commit; with it one read of that commit
    /// shows whether the log is still the same.
    pub before: ChainHash,
    /// The chain's value over everything up to that commit.
    pub chain: ChainHash,
    /// Whether the log held no more when this was read.
    pub caught_up: bool,
}

/// See the module.
#[derive(Clone)]
pub struct Journal {
    log: Arc<dyn EventLog>,
    codec: Arc<Codec>,
    clock: Arc<dyn Clock>,
}

impl Journal {
    pub fn new(log: Arc<dyn EventLog>, codec: Arc<Codec>, clock: Arc<dyn Clock>) -> Self {
        Self { log, codec, clock }
    }

    /// The log below, in bytes.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }

    /// What seals and opens.
    pub fn codec(&self) -> &Arc<Codec> {
        &self.codec
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Puts the events of one command on their way, all or none.
    ///
    /// The first await seals and takes the commit's place in the log; the future it answers
    /// resolves when the commit is durable.
    pub async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        events: &[Event],
        cause: &Cause,
    ) -> Result<BoxFuture<'static, Result<Appended, LogError>>, LogError> {
        let now = self.clock.now();
        let encoded = self.codec.encode(stream, expected.version(), events, cause, now).await;
        let encoded = encoded.map_err(LogError::unavailable)?;
        Ok(self.log.append(Append {
            stream: stream.clone(),
            expected,
            id: encoded.id,
            command: cause.command,
            count: u32::try_from(events.len()).unwrap_or(u32::MAX),
            types: encoded.types,
            body: encoded.body.into(),
        }))
    }

    /// The events of some commits.
    pub async fn decode(&self, commits: &[StoredCommit]) -> Result<Vec<Recorded>, LogError> {
        loop {
            let decoded = self.codec.decode(commits);
            match decoded.map_err(|failure| LogError::Corrupt(failure.to_string()))? {
                Decoded::Done(events) => return Ok(events),
                Decoded::Lacks(keys) => {
                    self.codec.fetch(&keys).await.map_err(LogError::unavailable)?;
                }
            }
        }
    }

    /// What happened to one aggregate after a cursor, at most so many commits.
    pub async fn read_stream(
        &self,
        stream: &StreamId,
        after: Expected,
        limit: usize,
    ) -> Result<Vec<Recorded>, LogError> {
        let commits = self.log.read_stream(stream, after, limit).await?;
        self.decode(&commits).await
    }

    /// What happened after a position, at most so many commits; with the last position read.
    pub async fn read_all(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<Recorded>, u64), LogError> {
        let commits = self.log.read_all(after, limit).await?;
        let position = commits.last().map_or(after, |commit| commit.position);
        Ok((self.decode(&commits).await?, position))
    }

    /// Everything after a position, then each new commit as it is stored. The chain goes on from
    /// the value given for that position.
    ///
    /// A commit that cannot be read ends the stream with an error that names it, after everything
    /// before it.
    pub fn follow(
        &self,
        after: u64,
        chain: ChainHash,
    ) -> BoxStream<'static, Result<Page, LogError>> {
        let journal = self.clone();
        let pages = self.log.follow(after);
        let next = |state: Option<Following>| async {
            let Following { journal, mut pages, mut position, mut chain, failed } = state?;
            if let Some(error) = failed {
                return Some((Err(error), None));
            }
            let LogPage { commits, caught_up } = match pages.next().await? {
                Ok(page) => page,
                Err(error) => return Some((Err(error), None)),
            };
            let (events, readable, failed) = match journal.readable(position, &commits).await {
                (_, 0, Some(error)) => return Some((Err(error), None)),
                found => found,
            };
            let mut before = chain;
            for commit in &commits[..readable] {
                before = chain;
                (position, chain) = (commit.position, chain.next(&commit.body));
            }
            let page = Page { events, position, before, chain, caught_up };
            Some((Ok(page), Some(Following { journal, pages, position, chain, failed })))
        };
        let start = Following { journal, pages, position: after, chain, failed: None };
        futures_util::stream::unfold(Some(start), next).boxed()
    }

    /// The events of the commits that follow on a position up to the first one that cannot be read,
    /// how many commits those are, and what is wrong then.
    async fn readable(
        &self,
        after: u64,
        commits: &[StoredCommit],
    ) -> (Vec<Recorded>, usize, Option<LogError>) {
        let gap = (after..).zip(commits).position(|(before, it)| it.position != before + 1);
        let (whole, gap) = match gap {
            None => (commits, None),
            Some(at) => {
                let before = at.checked_sub(1).map_or(after, |at| commits[at].position);
                let found = commits[at].position;
                let gap = format!("after commit {before} comes commit {found}");
                (&commits[..at], Some(LogError::Corrupt(gap)))
            }
        };
        match self.decode(whole).await {
            Ok(events) => return (events, whole.len(), gap),
            Err(LogError::Corrupt(_)) => {}
            Err(error) => return (Vec::new(), 0, Some(error)),
        }
        let mut events = Vec::new();
        for (nth, commit) in whole.iter().enumerate() {
            match self.decode(std::slice::from_ref(commit)).await {
                Ok(more) => events.extend(more),
                Err(error) => return (events, nth, Some(error)),
            }
        }
        (events, whole.len(), gap)
    }
}

/// How far a follower has come.
struct Following {
    journal: Journal,
    pages: BoxStream<'static, Result<LogPage, LogError>>,
    position: u64,
    chain: ChainHash,
    /// What comes after that cannot be read.
    failed: Option<LogError>,
}
