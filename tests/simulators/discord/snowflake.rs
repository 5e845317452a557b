//! Discord's ids: numbers that grow with time and carry it. And the clock they come from.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

/// The first millisecond of 2015, from which Discord counts.
const EPOCH_MS: i64 = 1_420_070_400_000;

/// An id as Discord makes them: 42 bits of milliseconds, then 22 bits that tell equals apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Snowflake(pub u64);

impl Snowflake {
    /// When it was made.
    pub fn time(self) -> DateTime<Utc> {
        let ms = EPOCH_MS.saturating_add_unsigned(self.0 >> 22);
        DateTime::from_timestamp_millis(ms).unwrap_or_default()
    }
}

impl fmt::Debug for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Snowflake {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Serialize for Snowflake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The simulator's own time: the machine's, and however far a test has moved it ahead.
#[derive(Debug, Default)]
pub(super) struct Clock {
    ahead: Duration,
    last: u64,
}

impl Clock {
    pub(super) fn advance(&mut self, by: Duration) {
        self.ahead += by;
    }

    /// A new id, larger than every one before it.
    pub(super) fn next_id(&mut self) -> Snowflake {
        let ms = (self.now().timestamp_millis() - EPOCH_MS).unsigned_abs();
        self.last = (ms << 22).max(self.last + 1);
        Snowflake(self.last)
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        DateTime::from(SystemTime::now() + self.ahead)
    }
}
