//! What a caller wrote, or knows of, is there when he reads.

use std::time::Duration;

use poem::http::HeaderValue;
use tokio::sync::watch;

use crate::error::ApiError;

/// How far the read models have come.
#[derive(Clone)]
pub struct ViewPosition {
    position: watch::Receiver<u64>,
}

impl ViewPosition {
    /// The projector, or whoever watches it from another process, sends each new position.
    pub fn new(position: watch::Receiver<u64>) -> Self {
        Self { position }
    }

    /// The last commit that the read models show.
    pub fn now(&self) -> u64 {
        *self.position.borrow()
    }

    /// Waits until they show this commit; false when they do not in time.
    pub async fn reached(&self, position: u64, within: Duration) -> bool {
        if self.now() >= position {
            return true;
        }
        let mut watched = self.position.clone();
        let reached = watched.wait_for(|now| *now >= position);
        matches!(tokio::time::timeout(within, reached).await, Ok(Ok(_)))
    }
}

/// The position a read wants to see; none when it did not say.
pub(crate) fn wanted(header: Option<&HeaderValue>) -> Result<Option<u64>, ApiError> {
    let Some(value) = header else { return Ok(None) };
    let position = value.to_str().ok().and_then(|text| text.parse().ok());
    let position = position.filter(|it| *it < 1 << 53);
    let wrong = || ApiError::field("X-Min-Position", "must be the number of a commit");
    position.map(Some).ok_or_else(wrong)
}
