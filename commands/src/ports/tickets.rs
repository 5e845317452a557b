//! Single-use tickets: an OAuth state, for instance.

use std::time::Duration;

use async_trait::async_trait;

use crate::CommandError;

/// Keeps tickets until they are used or run out.
#[async_trait]
pub trait Tickets: Send + Sync {
    /// Keeps a payload under a name nobody can guess.
    async fn put(&self, ticket: &str, payload: &str, lasts: Duration) -> Result<(), CommandError>;

    /// The payload, once; none when the ticket is unknown, used or has run out.
    async fn take(&self, ticket: &str) -> Result<Option<String>, CommandError>;
}
