//! Knows what went wrong lately in the behaviors.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::CommandError;

/// One way in which a script failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentFault {
    /// When it happened last.
    pub at: DateTime<Utc>,
    pub line: Option<u32>,
    pub reason: String,
    /// How often it happened.
    pub count: u64,
}

/// See the module.
#[async_trait]
pub trait RecentFaults: Send + Sync {
    /// The newest failures of a script, newest first.
    async fn of(&self, path: &str) -> Result<Vec<RecentFault>, CommandError>;
}

/// Nothing is known.
pub struct NoFaults;

#[async_trait]
impl RecentFaults for NoFaults {
    async fn of(&self, _: &str) -> Result<Vec<RecentFault>, CommandError> {
        Ok(Vec::new())
    }
}
