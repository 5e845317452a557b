//! Until when Discord wants to be left alone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::kernel::ChannelId;

/// See the module: in each channel and altogether (no channel).
#[derive(Default)]
pub(super) struct Holds(Mutex<HashMap<Option<ChannelId>, Instant>>);

impl Holds {
    pub(super) fn keep(&self, channel: Option<ChannelId>, after: Duration) {
        let mut holds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        holds.retain(|_, until| *until > now);
        holds.insert(channel, now + after);
    }

    /// How long to wait, if at all.
    pub(super) fn wait(&self, channel: Option<ChannelId>) -> Option<Duration> {
        let holds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = holds.get(&None).into_iter().chain(holds.get(&channel)).max()?;
        until.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero())
    }
}
