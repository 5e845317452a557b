//! How far each reactor has come, and what it has to try again.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Lease;
use crate::CommandError;

/// The last commit that a reactor is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reached {
    /// 0 before the first.
    pub position: u64,
    /// The commit's id, where it was read: it tells whether the log still is the same there.
    pub commit: Option<Uuid>,
}

/// An event that a reactor could not deal with yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    pub reactor: String,
    pub position: u64,
    pub index: u32,
    /// Tries so far.
    pub attempts: u32,
    pub next_at: DateTime<Utc>,
    pub error: String,
}

/// The memory of reactors, in the operational store.
#[async_trait]
pub trait Checkpoints: Send + Sync {
    /// How far a reactor has come; none when it never ran.
    async fn read(&self, reactor: &str) -> Result<Option<Reached>, CommandError>;

    /// Moves a checkpoint and parks what failed, in one transaction that fails when the lease
    /// was lost to somebody else.
    async fn advance(
        &self,
        reactor: &str,
        reached: Reached,
        parked: &[Parked],
        lease: &Lease,
    ) -> Result<(), CommandError>;

    /// What a reactor has to try again, earliest first, and when.
    async fn parked(&self, reactor: &str, limit: u64) -> Result<Vec<Parked>, CommandError>;

    /// Records another failed try; fails when the lease was lost.
    async fn park_again(&self, parked: &Parked, lease: &Lease) -> Result<(), CommandError>;

    /// It worked, or is given up; fails when the lease was lost.
    async fn unpark(&self, parked: &Parked, lease: &Lease) -> Result<(), CommandError>;
}

impl Reached {
    /// A position whose commit was not looked at.
    pub fn position(position: u64) -> Self {
        Self { position, commit: None }
    }
}
