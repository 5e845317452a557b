//! Loads an aggregate, lets it decide, and stores what it decided.

use async_trait::async_trait;
use domain::kernel::{Cause, Listed};

use crate::CommandError;

/// What a command came to.
#[derive(Debug, Clone)]
pub struct Executed<A: Listed> {
    /// The commit that shows its effect: its own, or an earlier one when there was nothing to do.
    pub position: u64,
    /// The aggregate's version after it.
    pub version: u64,
    /// What it led to; empty when the effect was there already.
    pub events: Vec<A::Event>,
}

/// An aggregate as it is now.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    pub aggregate: A,
    /// The number of its last event; 0 when it does not exist.
    pub version: u64,
    /// The commit of that event.
    pub position: u64,
}

/// Executes commands on one kind of aggregate.
#[async_trait]
pub trait Execute<A: Listed>: Send + Sync {
    /// Runs one command. A conflict with another writer is decided again.
    async fn execute(
        &self,
        id: &A::Id,
        command: A::Command,
        cause: &Cause,
    ) -> Result<Executed<A>, CommandError>;

    /// Runs one command if the aggregate still has this version.
    async fn execute_at(
        &self,
        id: &A::Id,
        version: u64,
        command: A::Command,
        cause: &Cause,
    ) -> Result<Executed<A>, CommandError>;

    /// The aggregate as it is now.
    async fn load(&self, id: &A::Id) -> Result<Loaded<A>, CommandError>;
}
