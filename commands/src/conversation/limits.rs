//! How much people may say to the bot: by one person and in one channel, in a minute, an hour and a
//! day, with a pause between two messages of a person. Kept in memory of the process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use domain::kernel::{ConversationId, Ground};
use serde_json::json;

use crate::{CommandError, Refusal};

/// After so many keys, those that were silent for a day are forgotten.
const MANY: usize = 10_000;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationLimits {
    pub enabled: bool,
    pub per_minute: u32,
    pub per_hour: u32,
    pub per_day: u32,
    /// Between two messages of one person, in seconds.
    pub pause_s: u32,
}

impl Default for ConversationLimits {
    fn default() -> Self {
        Self { enabled: true, per_minute: 10, per_hour: 100, per_day: 500, pause_s: 5 }
    }
}

/// What was said lately, counted against the limits.
#[derive(Debug, Clone)]
pub struct Pace {
    limits: ConversationLimits,
    taken: Arc<Mutex<HashMap<String, Taken>>>,
}

/// What was said by one person or in one channel.
#[derive(Debug, Default)]
struct Taken {
    /// The newest last, of a day at most.
    times: VecDeque<DateTime<Utc>>,
    /// Until then it was said that it is too much.
    told: Option<DateTime<Utc>>,
}

/// That somebody has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooFast {
    pub(crate) wait: TimeDelta,
    /// Whether he was not told yet that he has to.
    pub(crate) news: bool,
}

impl Pace {
    pub fn new(limits: ConversationLimits) -> Self {
        Self { limits, taken: Arc::default() }
    }

    /// Without any limit.
    pub fn free() -> Self {
        Self::new(ConversationLimits { enabled: false, ..ConversationLimits::default() })
    }

    /// Counts a message, or says how long to wait; then it does not count.
    pub(crate) fn take(&self, id: &ConversationId, now: DateTime<Utc>) -> Result<(), TooFast> {
        if !self.limits.enabled {
            return Ok(());
        }
        let (user, channel) = (format!("user:{}", id.user()), format!("channel:{}", id.channel()));
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() > MANY {
            let day = now - TimeDelta::days(1);
            taken.retain(|_, it| it.times.back().is_some_and(|last| *last > day));
        }
        let pause = TimeDelta::seconds(self.limits.pause_s.into());
        let last = taken.get(&user).and_then(|it| it.times.back().copied());
        let pause = last.map_or(TimeDelta::zero(), |last| last + pause - now);
        let full = [&user, &channel].map(|key| taken.get(key).map(|it| self.full(it, now)));
        let wait = full.into_iter().flatten().chain([pause]).max().unwrap_or_default();
        if wait > TimeDelta::zero() {
            let told = &mut taken.entry(user).or_default().told;
            let news = told.is_none_or(|until| until <= now);
            if news {
                *told = Some(now + wait);
            }
            return Err(TooFast { wait, news });
        }
        for key in [user, channel] {
            let times = &mut taken.entry(key).or_default().times;
            while times.front().is_some_and(|first| *first <= now - TimeDelta::days(1)) {
                times.pop_front();
            }
            times.push_back(now);
        }
        Ok(())
    }

    /// How long until there is room in every window; not positive when there is.
    fn full(&self, taken: &Taken, now: DateTime<Utc>) -> TimeDelta {
        let ConversationLimits { per_minute, per_hour, per_day, .. } = self.limits;
        let windows = [
            (per_minute, TimeDelta::minutes(1)),
            (per_hour, TimeDelta::hours(1)),
            (per_day, TimeDelta::days(1)),
        ];
        let waits = windows.into_iter().filter_map(|(most, window)| {
            // The one that has to grow old before there is room for another.
            let place = taken.times.len().checked_sub(most.max(1) as usize)?;
            Some(*taken.times.get(place)? + window - now)
        });
        waits.max().unwrap_or_default()
    }
}

impl TooFast {
    /// Rounded up, and at least one.
    pub(crate) fn seconds(self) -> u64 {
        let millis = u64::try_from(self.wait.num_milliseconds()).unwrap_or_default();
        millis.div_ceil(1_000).max(1)
    }
}

impl From<TooFast> for CommandError {
    fn from(fast: TooFast) -> Self {
        let seconds = fast.seconds();
        Self::Rejected(Box::new(Refusal {
            ground: Ground::State,
            reason: too_fast(seconds),
            code: Some("RATE_LIMIT_EXCEEDED"),
            field: None,
            details: Some(json!({ "limit": "conversation", "retry_after": seconds })),
        }))
    }
}

/// For the person who has to wait.
fn too_fast(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7_199 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3_600), "hour"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("That was a little fast for me. Please try again in {count} {unit}{plural}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_channels_are_counted_in_every_window_and_pause() {
        let limits = ConversationLimits {
            enabled: true,
            per_minute: 2,
            per_hour: 3,
            per_day: 4,
            pause_s: 5,
        };
        let pace = Pace::new(limits);
        let take = |user: &str, channel: &str, second: i64| {
            let id = ConversationId::new(user, channel).unwrap();
            let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
            pace.take(&id, now).map_err(|it| (it.seconds(), it.news))
        };
        assert_eq!(take("ana", "a", 0), Ok(()));
        assert_eq!(take("ana", "b", 1), Err((4, true)), "the pause");
        assert_eq!(take("ana", "b", 2), Err((3, false)), "he was told");
        assert_eq!(take("ana", "a", 5), Ok(()));
        assert_eq!(take("ana", "b", 10), Err((50, true)), "the minute");
        assert_eq!(take("ben", "a", 10), Err((50, true)), "the channel's minute");
        assert_eq!(take("ben", "b", 10), Ok(()));
        assert_eq!(take("ana", "a", 60), Ok(()));
        assert_eq!(take("ana", "a", 130), Err((3_470, true)), "the hour");
        assert_eq!(take("ana", "a", 3_600), Ok(()));
        assert_eq!(take("ana", "c", 7_300), Err((79_100, true)), "the day");
        assert_eq!(take("ana", "c", 86_400), Ok(()));
    }

    #[test]
    fn without_limits_everybody_may() {
        let id = ConversationId::new("ana", "a").unwrap();
        let pace = Pace::free();
        assert!((0..1_000).all(|_| pace.take(&id, DateTime::UNIX_EPOCH).is_ok()));
    }
}
