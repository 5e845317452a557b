//! What runs once in a deployment runs under a lease.

use std::time::Duration;

use async_trait::async_trait;

use crate::CommandError;

/// The right to do something alone, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub name: String,
    /// The process that holds it.
    pub holder: String,
    /// Larger for each new holder: what a former one still writes is refused by it.
    pub token: u64,
}

/// Hands out leases.
#[async_trait]
pub trait Leases: Send + Sync {
    /// The lease, when it is free, has run out, or is the holder's already (which renews it and
    /// keeps its token).
    async fn acquire(
        &self,
        name: &str,
        holder: &str,
        lasts: Duration,
    ) -> Result<Option<Lease>, CommandError>;

    /// Whether nobody else took it.
    async fn holds(&self, lease: &Lease) -> Result<bool, CommandError>;

    /// Gives it back early.
    async fn release(&self, lease: &Lease) -> Result<(), CommandError>;
}
