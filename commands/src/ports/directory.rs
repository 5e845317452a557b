//! Who is in which group, as the read models show it.

use async_trait::async_trait;
use domain::kernel::{GroupId, UserId};

use crate::CommandError;

/// Lists memberships.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The groups a user is in.
    async fn groups_of(&self, user: UserId) -> Result<Vec<GroupId>, CommandError>;
}
