//! Who is in which group and holds which role, as the read models show it.

use async_trait::async_trait;
use domain::kernel::{GroupId, RoleId, UserId};

use crate::CommandError;

/// Lists memberships.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The groups a user is in.
    async fn groups_of(&self, user: UserId) -> Result<Vec<GroupId>, CommandError>;
    /// Some of those who hold a role, switched off or not.
    async fn holders(&self, role: &RoleId) -> Result<Vec<UserId>, CommandError>;
    /// The roles that somebody made.
    async fn made_roles(&self) -> Result<Vec<RoleId>, CommandError>;
}
