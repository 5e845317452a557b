//! Where a log under test is kept, so that it can be opened more than once.

use std::sync::Arc;

use adapters::jetstream_log::{JetStreamLog, Options};
use adapters::sqlite_log::SqliteLog;
use domain::kernel::EventLog;
use tests::services::{nats_monitor_url, nats_url};
use uuid::Uuid;

pub(super) enum Place {
    JetStream { url: String, options: Options },
    Sqlite { folder: tempfile::TempDir },
}

impl Place {
    pub(super) fn sqlite() -> Self {
        Self::Sqlite { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// On the shared server, with a stream and subjects of its own.
    pub(super) fn jetstream() -> Self {
        Self::JetStream { url: nats_url(), options: options() }
    }

    pub(super) async fn open(&self) -> Arc<dyn EventLog> {
        match self {
            Self::JetStream { url, options } => {
                let log = JetStreamLog::connect(url, options.clone()).await;
                Arc::new(log.expect("the log opens"))
            }
            Self::Sqlite { folder } => {
                Arc::new(SqliteLog::open(folder.path().join("log.db")).expect("the log opens"))
            }
        }
    }

    /// As many logs as processes would have that write at once. A file has one such process.
    pub(super) async fn open_for(&self, processes: usize) -> Vec<Arc<dyn EventLog>> {
        let first = self.open().await;
        let mut logs = vec![first];
        while logs.len() < processes {
            logs.push(match self {
                Self::JetStream { .. } => self.open().await,
                Self::Sqlite { .. } => Arc::clone(&logs[0]),
            });
        }
        logs
    }
}

/// A stream and subjects that no other test has.
pub(super) fn options() -> Options {
    let own = Uuid::now_v7().simple().to_string();
    Options {
        stream: format!("TEST-{own}"),
        prefix: format!("test.{own}"),
        monitor: Some(nats_monitor_url()),
        ..Options::default()
    }
}
