//! When API keys were used. May be lost: it only tells which keys nobody needs any more.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::kernel::ApiKeyId;

use crate::CommandError;

/// Remembers the last use of each key.
#[async_trait]
pub trait KeyUses: Send + Sync {
    /// The key was used; an earlier moment than the known one changes nothing.
    async fn used(&self, id: ApiKeyId, at: DateTime<Utc>) -> Result<(), CommandError>;

    /// When each of these was used last, in the same order; none when it never was.
    async fn last_used(&self, ids: &[ApiKeyId])
    -> Result<Vec<Option<DateTime<Utc>>>, CommandError>;
}
