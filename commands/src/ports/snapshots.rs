//! States of aggregates with a long history. Any of them may be lost.

use async_trait::async_trait;
use domain::kernel::StreamId;

use crate::CommandError;

/// A state, and how much history is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub version: u64,
    pub position: u64,
    /// Names the form of the state; one of another form is ignored.
    pub schema: String,
    pub body: Vec<u8>,
}

/// Keeps the newest snapshot of each stream.
#[async_trait]
pub trait Snapshots: Send + Sync {
    async fn get(&self, stream: &StreamId) -> Result<Option<Snapshot>, CommandError>;
    async fn put(&self, stream: &StreamId, snapshot: Snapshot) -> Result<(), CommandError>;
    /// Drops what was taken after a position: the log is another one from there on.
    async fn forget_after(&self, position: u64) -> Result<(), CommandError>;
}
