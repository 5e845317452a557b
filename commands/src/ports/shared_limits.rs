//! Counts what must not be too much in all processes together.

use std::time::Duration;

use async_trait::async_trait;

use crate::CommandError;

/// How much: a bucket holds `burst`, and one comes back after each `every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    pub every: Duration,
    pub burst: u32,
}

/// What taking one came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was there, and so many are left.
    Left(u32),
    /// The bucket is empty for so long.
    Wait(Duration),
}

/// Keeps buckets that all processes of a deployment take from. May be lost: then they are full again.
#[async_trait]
pub trait SharedLimits: Send + Sync {
    /// Takes one from the bucket of this key among those of this name. Neither is kept in clear.
    async fn draw(&self, name: &str, key: &str, bucket: Bucket) -> Result<Taken, CommandError>;
}
