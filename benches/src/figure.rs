//! One measured number, with its unit and how it was spread.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    Megabytes,
    Microseconds,
    PerSecond,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    pub(crate) unit: Unit,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99_us: Option<f64>,
}

impl Figure {
    pub(crate) fn rate(count: usize, elapsed: Duration) -> Self {
        let value = count as f64 / elapsed.as_secs_f64();
        Self { value, unit: Unit::PerSecond, p50_us: None, p99_us: None }
    }

    /// A rate, and how long each of its pieces took.
    pub(crate) fn rate_of(latencies: Vec<Duration>, elapsed: Duration) -> Self {
        let rate = Self::rate(latencies.len(), elapsed);
        let (p50_us, p99_us) = spread(latencies);
        Self { p50_us, p99_us, ..rate }
    }

    /// The median of how long it took.
    pub(crate) fn time_of(latencies: Vec<Duration>) -> Self {
        let (p50_us, p99_us) = spread(latencies);
        Self { value: p50_us.unwrap_or(f64::NAN), unit: Unit::Microseconds, p50_us, p99_us }
    }
}

fn spread(mut latencies: Vec<Duration>) -> (Option<f64>, Option<f64>) {
    latencies.sort_unstable();
    let at = |percent: usize| {
        let latency = latencies.get(latencies.len() * percent / 100)?;
        Some(latency.as_secs_f64() * 1e6)
    };
    (at(50), at(99))
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::Megabytes => write!(f, "{} MB", Digits(self.value))?,
            Unit::Microseconds => write!(f, "{}", Time(self.value))?,
            Unit::PerSecond => write!(f, "{}/s", Short(self.value))?,
        }
        if let (Some(p50), Some(p99)) = (self.p50_us, self.p99_us) {
            write!(f, " (p50 {}, p99 {})", Time(p50), Time(p99))?;
        }
        Ok(())
    }
}

/// A number with three digits that say something: 5.21k, 1.04M.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            it if it >= 1e6 => write!(f, "{}M", Digits(it / 1e6)),
            it if it >= 1e3 => write!(f, "{}k", Digits(it / 1e3)),
            it => write!(f, "{}", Digits(it)),
        }
    }
}

/// Microseconds, shown in the unit a person would take.
struct Time(f64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            it if it >= 1e6 => write!(f, "{} s", Digits(it / 1e6)),
            it if it >= 1e3 => write!(f, "{} ms", Digits(it / 1e3)),
            it => write!(f, "{} µs", Digits(it)),
        }
    }
}

pub(crate) struct Digits(pub(crate) f64);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = match self.0.abs() {
            it if it >= 100.0 => 0,
            it if it >= 10.0 => 1,
            _ => 2,
        };
        write!(f, "{:.after$}", self.0)
    }
}
