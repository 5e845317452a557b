//! Hashes passwords, slowly.

use async_trait::async_trait;

use crate::CommandError;

/// What comparing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    No,
    Yes,
    /// Right, but hashed by settings of old: hash it anew.
    YesByOld,
}

/// Hashes passwords and compares them with hashes. How many it works on at once is bounded, so that a flood of
/// sign-ins does not take the processor from everybody else.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// A PHC string: `$argon2id$v=19$…`.
    async fn hash(&self, password: &str) -> Result<String, CommandError>;

    /// Whether it is the one that was hashed. Without a hash it takes as long, and is not.
    async fn verify(&self, password: &str, hash: Option<&str>) -> Result<Verified, CommandError>;
}
