//! A log that can be held up, as a busy disk holds one up.

use std::sync::Arc;

use async_trait::async_trait;
use domain::kernel::{
    Append, Appended, EventLog, Expected, LogError, LogPage, StoredCommit, StreamId,
};
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::FutureExt as _;
use tokio::sync::watch;

/// See the module.
pub(super) struct SlowLog {
    log: Arc<dyn EventLog>,
    held: watch::Receiver<bool>,
}

impl SlowLog {
    /// Writes into this log while the switch says that it is not held up.
    pub(super) fn before(log: Arc<dyn EventLog>) -> (Self, watch::Sender<bool>) {
        let (switch, held) = watch::channel(false);
        (Self { log, held }, switch)
    }
}

#[async_trait]
impl EventLog for SlowLog {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, LogError>> {
        let (log, mut held) = (Arc::clone(&self.log), self.held.clone());
        let append = async move {
            // Without its switch it is held up no more.
            let _ = held.wait_for(|held| !held).await;
            log.append(append).await
        };
        append.boxed()
    }

    fn pipelines(&self) -> bool {
        false
    }

    async fn head(&self) -> Result<u64, LogError> {
        self.log.head().await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Expected,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, LogError> {
        self.log.read_stream(stream, after, limit).await
    }

    async fn read_all(&self, after: u64, limit: usize) -> Result<Vec<StoredCommit>, LogError> {
        self.log.read_all(after, limit).await
    }

    fn follow(&self, after: u64) -> BoxStream<'static, Result<LogPage, LogError>> {
        self.log.follow(after)
    }
}
