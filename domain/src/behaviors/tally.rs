//! How a behavior fared: counts, from which the watch tells better from worse.

use serde::{Deserialize, Serialize};

use super::Effort;

/// A run that takes longer is slow, in microseconds: a fifth of what a script may take.
const SLOW_US: u64 = 50_000;

/// See the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Runs that came to an end.
    pub ran: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Actions that were refused, by Discord or by the platform.
    pub refused: u64,
    /// Runs that took too long.
    #[serde(default)]
    pub slow: u64,
    /// Calls that were not run.
    pub held: u64,
    /// Microseconds of all runs together.
    pub took_us: u64,
    pub operations: u64,
}

impl Tally {
    pub(super) fn ran(&mut self, effort: Effort) {
        self.ran += 1;
        self.add(effort);
    }

    pub(super) fn failed(&mut self, effort: Effort) {
        self.failed += 1;
        self.add(effort);
    }

    fn add(&mut self, Effort { operations, took_us }: Effort) {
        self.operations += operations;
        self.took_us += took_us;
        self.slow += u64::from(took_us > SLOW_US);
    }

    /// Whether a run took too long.
    pub fn is_slow(effort: Effort) -> bool {
        effort.took_us > SLOW_US
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            ran: self.ran + other.ran,
            failed: self.failed + other.failed,
            refused: self.refused + other.refused,
            slow: self.slow + other.slow,
            held: self.held + other.held,
            took_us: self.took_us + other.took_us,
            operations: self.operations + other.operations,
        }
    }

    /// All runs, however they ended.
    pub fn runs(&self) -> u64 {
        self.ran + self.failed
    }

    /// Runs that failed, took too long, or whose actions were refused.
    pub fn bad(&self) -> u64 {
        (self.failed + self.refused + self.slow).min(self.runs())
    }

    /// Their share; from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more")]
    pub fn trouble(&self) -> f64 {
        if self.runs() == 0 { 0.0 } else { self.bad() as f64 / self.runs() as f64 }
    }

    /// The mean time of a run, in microseconds.
    pub fn mean_us(&self) -> u64 {
        self.took_us.checked_div(self.runs()).unwrap_or_default()
    }
}
