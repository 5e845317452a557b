//! Which sessions there are, and who is in which group or holds which role, from the live read models.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::CommandError;
use commands::ports::{Directory, SessionList};
use domain::kernel::{GroupId, RoleId, SessionId, UserId};
use projections::identity::{group_members, roles, sessions, users};

use crate::surroundings::Views;

/// How long whoever asks waits for the read models.
const PATIENCE: Duration = Duration::from_secs(2);

#[async_trait]
impl SessionList for Views {
    async fn of_user(&self, user: UserId, position: u64) -> Result<Vec<SessionId>, CommandError> {
        if !self.wait_for(position, PATIENCE).await {
            return Err(CommandError::unavailable("the read models are behind"));
        }
        sessions::open(&self.db()?, user).await.map_err(CommandError::unavailable)
    }

    async fn run_out(
        &self,
        now: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<SessionId>, CommandError> {
        sessions::run_out(&self.db()?, now, limit).await.map_err(CommandError::unavailable)
    }
}

#[async_trait]
impl Directory for Views {
    async fn groups_of(&self, user: UserId) -> Result<Vec<GroupId>, CommandError> {
        group_members::of_user(&self.db()?, user).await.map_err(CommandError::unavailable)
    }

    async fn holders(&self, role: &RoleId) -> Result<Vec<UserId>, CommandError> {
        users::holders(&self.db()?, role).await.map_err(CommandError::unavailable)
    }

    async fn made_roles(&self) -> Result<Vec<RoleId>, CommandError> {
        let made = roles::all(&self.db()?).await.map_err(CommandError::unavailable)?;
        Ok(made.into_iter().filter_map(|row| row.name.parse().ok()).collect())
    }
}
