//! Answers of requests that may come twice.

use std::time::Duration;

use async_trait::async_trait;

use crate::CommandError;

/// How long a claim lasts without being renewed: so long nobody takes over from a dead process.
pub const CLAIM_LASTS: Duration = Duration::from_secs(10);

/// What is known of an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The first request with this key has not been answered yet.
    Busy,
    /// It came with another request before.
    Different,
    /// It is new; the caller has it now.
    Mine,
    /// It was answered before; these are the bytes that were kept.
    Answered(Vec<u8>),
}

/// Keeps keys and answers, per credential.
#[async_trait]
pub trait IdempotencyKeys: Send + Sync {
    /// Claims a key for a request with this fingerprint. A claim that was neither answered nor
    /// renewed passes on to who comes with the same request.
    async fn claim(
        &self,
        credential: &str,
        key: &str,
        fingerprint: &str,
        lasts: Duration,
    ) -> Result<Claim, CommandError>;

    /// Says that the request is still worked on.
    async fn renew(&self, credential: &str, key: &str) -> Result<(), CommandError>;

    /// Keeps the answer, sealed.
    async fn keep(&self, credential: &str, key: &str, answer: &[u8]) -> Result<(), CommandError>;

    /// Lets go of a claim whose request failed: the same request may be tried again, and no other
    /// one under this key.
    async fn release(&self, credential: &str, key: &str) -> Result<(), CommandError>;
}
