//! One run of the program, and how it fared minute by minute.

use serde::{Deserialize, Serialize};

use crate::kernel::{Ground, Rejection, aggregate};

/// Whether the process has said good-bye.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Process {
    stopped: bool,
    last_minute: i64,
}

/// How a process fared in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Minutes since 1970.
    pub minute: i64,
    /// Requests answered.
    pub requests: u64,
    /// Of those, the ones that failed on our side.
    pub errors: u64,
    /// The mean time to answer, in milliseconds; 0 without requests.
    pub response_ms: f64,
    /// Resident memory, in megabytes.
    pub memory_mb: f64,
    /// Percent of one core.
    pub cpu_percent: f64,
    /// Open connections.
    pub connections: u64,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum ProcessCommand {
    Sample(Sample),
    Start { version: String, environment: String, roles: Vec<String> },
    Stop { reason: String },
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ProcessEvent {
    Sampled(Sample),
    Started { version: String, environment: String, roles: Vec<String> },
    Stopped { reason: String },
}

/// There is nothing it refuses.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {}

impl Rejection for ProcessError {
    fn ground(&self) -> Ground {
        match *self {}
    }
}

impl Process {
    fn decide(&self, command: ProcessCommand) -> Result<Vec<ProcessEvent>, ProcessError> {
        use {ProcessCommand as Do, ProcessEvent as Did};

        let event = match command {
            Do::Sample(sample) if sample.minute <= self.last_minute => return Ok(vec![]),
            Do::Sample(sample) => Did::Sampled(sample),
            Do::Start { version, environment, roles } => {
                Did::Started { version, environment, roles }
            }
            Do::Stop { .. } if self.stopped => return Ok(vec![]),
            Do::Stop { reason } => Did::Stopped { reason },
        };
        Ok(vec![event])
    }

    fn evolve(&mut self, event: &ProcessEvent) {
        match event {
            ProcessEvent::Sampled(sample) => self.last_minute = sample.minute,
            ProcessEvent::Started { .. } => {}
            ProcessEvent::Stopped { .. } => self.stopped = true,
        }
    }
}

aggregate!(Process: "process", ProcessCommand -> ProcessEvent | ProcessError);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::testing::given;

    #[test]
    fn a_minute_is_sampled_once() {
        let sample = Sample {
            minute: 7,
            requests: 1,
            errors: 0,
            response_ms: 1.5,
            memory_mb: 40.0,
            cpu_percent: 2.0,
            connections: 1,
        };
        given::<Process>([ProcessEvent::Sampled(sample)])
            .when(ProcessCommand::Sample(sample))
            .then_expect_events(vec![]);
    }
}
