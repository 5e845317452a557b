//! From where somebody signed in before, as the read models show it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::kernel::{Origin, SessionId, UserId};

use crate::CommandError;

/// One sign-in that is over, and whose place can be read still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    pub at: DateTime<Utc>,
    pub origin: Origin,
}

/// Lists sign-ins.
#[async_trait]
pub trait SignInHistory: Send + Sync {
    /// The newest sign-ins of a user before the one that began this session in the commit at this
    /// position, the newest first. Fails with [`CommandError::Unavailable`] while the read models do
    /// not show that commit.
    async fn before(
        &self,
        user: UserId,
        session: SessionId,
        position: u64,
    ) -> Result<Vec<Earlier>, CommandError>;
}
