//! Which sessions there are, as the read models show it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::kernel::{SessionId, UserId};

use crate::CommandError;

/// Lists sessions. What it does not show yet is no danger: sessions are void by their user's epoch, and
/// these lists only say which of them have that still to be told.
#[async_trait]
pub trait SessionList: Send + Sync {
    /// The sessions of a user that did not end, as of this commit at least, the newest first. Fails with
    /// [`CommandError::Unavailable`] when it does not show that commit within a short patience.
    async fn of_user(&self, user: UserId, position: u64) -> Result<Vec<SessionId>, CommandError>;

    /// Some whose time ran out and of which nobody has said so.
    async fn run_out(&self, now: DateTime<Utc>, limit: u64)
    -> Result<Vec<SessionId>, CommandError>;
}
