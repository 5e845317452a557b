//! Tells the time of the machine.

use chrono::{DateTime, SubsecRound, Utc};
use domain::kernel::Clock;

/// The machine's clock, cut to whole milliseconds: what is stored reads back the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock that everybody else asks")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_comes_in_whole_milliseconds_and_goes_on() {
        let before = SystemClock.now();
        let after = SystemClock.now();
        assert!(before <= after);
        assert_eq!(before.timestamp_subsec_nanos() % 1_000_000, 0);
        assert_eq!(DateTime::from_timestamp_millis(before.timestamp_millis()), Some(before));
    }
}
