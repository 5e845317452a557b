//! Records how this process fares, minute by minute.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::metrics::Traffic;
use commands::lifecycle::Lifecycle;
use commands::{CommandError, describe};
use domain::kernel::{Actor, Cause, Clock, ProcessId, Source};
use domain::lifecycle::{ProcessCommand, Sample};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// See the module.
pub(crate) struct Sampler {
    pub clock: Arc<dyn Clock>,
    pub lifecycle: Lifecycle,
    pub process: ProcessId,
    pub traffic: Arc<Traffic>,
}

impl Sampler {
    /// Says that the process has started.
    pub(crate) async fn started(
        &self,
        environment: &str,
        roles: Vec<String>,
    ) -> Result<u64, CommandError> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let environment = environment.to_owned();
        self.report(ProcessCommand::Start { version, environment, roles }).await
    }

    /// Says that the process ends.
    pub(crate) async fn stopped(&self, reason: &str) -> Result<u64, CommandError> {
        self.report(ProcessCommand::Stop { reason: reason.to_owned() }).await
    }

    /// Takes a sample of every minute when it is over, and of the last one when it is told to stop.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let mut cpu = Cpu::now();
        let mut minute = self.minute();
        loop {
            let over = stop.run_until_cancelled(self.end_of(minute)).await.is_some();
            let tally = self.traffic.take();
            let sample = Sample {
                minute,
                requests: tally.requests,
                errors: tally.errors,
                response_ms: tally.response_ms,
                memory_mb: memory_mb().unwrap_or_default(),
                cpu_percent: cpu.percent_since(),
                connections: tally.connections,
            };
            if let Err(error) = self.report(ProcessCommand::Sample(sample)).await {
                tracing::warn!(error = %describe(&error), "a sample could not be recorded");
            }
            if !over {
                return;
            }
            minute = self.minute().max(minute + 1);
        }
    }

    /// Minutes since 1970.
    fn minute(&self) -> i64 {
        self.clock.now().timestamp().div_euclid(60)
    }

    async fn end_of(&self, minute: i64) {
        let end = (minute + 1) * 60_000;
        while let left = end - self.clock.now().timestamp_millis()
            && left > 0
        {
            tokio::time::sleep(Duration::from_millis(left.cast_unsigned())).await;
        }
    }

    async fn report(&self, command: ProcessCommand) -> Result<u64, CommandError> {
        let cause = Cause::asked(Actor::system("process"), Uuid::now_v7(), Source::Reactor);
        self.lifecycle.report(&cause, self.process, command).await
    }
}

/// Resident memory in megabytes, as Linux tells it in `/proc/self/status`.
fn memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// The processor time of this process at some moment.
struct Cpu {
    at: Instant,
    seconds: f64,
}

impl Cpu {
    fn now() -> Self {
        Self { at: Instant::now(), seconds: cpu_seconds().unwrap_or_default() }
    }

    /// Percent of one core since the last call.
    fn percent_since(&mut self) -> f64 {
        let now = Self::now();
        let passed = now.at.duration_since(self.at).as_secs_f64().max(0.001);
        let percent = (now.seconds - self.seconds) / passed * 100.0;
        *self = now;
        percent
    }
}

/// User and system time, as Linux tells it in `/proc/self/stat`: fields 14 and 15, in hundredths
/// of a second (proc(5)).
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_memory_and_time() {
        assert!(memory_mb().unwrap() > 1.0);
        assert!(cpu_seconds().unwrap() >= 0.0);
    }
}
