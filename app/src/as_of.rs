//! The log as it was at a moment: what came later is not there, and nothing is added.

use std::sync::Arc;

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{Snapshot, Snapshots};
use domain::kernel::{
    Append, Appended, EventLog, Expected, Journal, LogError, LogPage, StoredCommit, StreamId,
};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};

/// The journal up to this commit.
pub(crate) fn as_of(journal: &Journal, last: u64) -> Journal {
    let log = Arc::new(Earlier { log: journal.log().clone(), last });
    Journal::new(log, journal.codec().clone(), journal.clock().clone())
}

/// See the module.
struct Earlier {
    log: Arc<dyn EventLog>,
    last: u64,
}

impl Earlier {
    fn cut(&self, mut commits: Vec<StoredCommit>) -> Vec<StoredCommit> {
        commits.retain(|it| it.position <= self.last);
        commits
    }
}

#[async_trait]
impl EventLog for Earlier {
    fn append(&self, _: Append) -> BoxFuture<'static, Result<Appended, LogError>> {
        let no = LogError::unavailable("the state of a moment is only read");
        std::future::ready(Err(no)).boxed()
    }

    fn pipelines(&self) -> bool {
        false
    }

    async fn head(&self) -> Result<u64, LogError> {
        Ok(self.log.head().await?.min(self.last))
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Expected,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, LogError> {
        Ok(self.cut(self.log.read_stream(stream, after, limit).await?))
    }

    async fn read_all(&self, after: u64, limit: usize) -> Result<Vec<StoredCommit>, LogError> {
        Ok(self.cut(self.log.read_all(after, limit).await?))
    }

    fn follow(&self, after: u64) -> BoxStream<'static, Result<LogPage, LogError>> {
        let earlier = Self { log: self.log.clone(), last: self.last };
        let pages = self.log.follow(after).map(move |page| {
            let LogPage { commits, caught_up } = page?;
            let reached = commits.last().is_some_and(|it| it.position >= earlier.last);
            Ok(LogPage { commits: earlier.cut(commits), caught_up: caught_up || reached })
        });
        pages.boxed()
    }
}

/// Kept states are those of later moments: none is used.
pub(crate) struct NoSnapshots;

#[async_trait]
impl Snapshots for NoSnapshots {
    async fn get(&self, _: &StreamId) -> Result<Option<Snapshot>, CommandError> {
        Ok(None)
    }

    async fn put(&self, _: &StreamId, _: Snapshot) -> Result<(), CommandError> {
        Ok(())
    }

    async fn forget_after(&self, _: u64) -> Result<(), CommandError> {
        Ok(())
    }
}
