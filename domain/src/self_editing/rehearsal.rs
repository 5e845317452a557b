//! A rehearsal is one run of recorded history through the behaviors as they are and as an edit
//! would make them, without effects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kernel::{Actor, BehaviorId, ChannelId, EditId, Ground, Personal, Rejection, aggregate};

/// Whether it was begun and has ended.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Rehearsal {
    begun: bool,
    ended: bool,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum RehearsalCommand {
    End { report: Report },
    Fail { reason: String },
    Start(Plan),
}

/// What is rehearsed, and over what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub edit: EditId,
    /// Of the content that is rehearsed.
    pub content_hash: String,
    pub by: Actor,
    /// The revision of the workspace that it is compared with.
    pub revision: u64,
    /// The newest so many commits that say something to behaviors; without it, all of them.
    pub last: Option<u64>,
    /// After this commit …
    pub from: u64,
    /// … and up to this one.
    pub to: u64,
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RehearsalEvent {
    Ended { report: Report },
    Failed { reason: String },
    Started(Plan),
}

/// What it showed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The first and the last commit that were looked at; 0 when there was none.
    pub from: u64,
    pub to: u64,
    /// Events that were fed in.
    pub events: u64,
    /// Calls of behaviors that can answer otherwise, before and after.
    pub calls_before: u64,
    pub calls_after: u64,
    /// Events that are answered otherwise.
    pub differing: u64,
    /// The same, by behavior.
    pub differing_by: BTreeMap<BehaviorId, u64>,
    pub examples: Vec<Example>,
    pub errors_before: u64,
    pub errors_after: u64,
    /// The errors, each once.
    pub errors: Vec<Failing>,
    /// Of all runs together, in microseconds and in steps.
    pub time_before_us: u64,
    pub time_after_us: u64,
    pub operations_before: u64,
    pub operations_after: u64,
    /// How much a single event led to at most, in actions.
    pub most_actions_before: u64,
    pub most_actions_after: u64,
}

/// One event that is answered otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// Where the event stands.
    pub position: u64,
    pub index: u32,
    pub behavior: BehaviorId,
    /// What happened: `message`, `command`, `member_joined` …
    pub what: String,
    pub channel: Option<ChannelId>,
    /// What was said, or put under a message.
    pub said: Personal<String>,
    /// What was answered, or the error; none for silence.
    pub before: Option<Personal<String>>,
    pub after: Option<Personal<String>>,
}

/// One error of a behavior.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failing {
    pub behavior: BehaviorId,
    /// Where in the script, from 1: after the edit, unless it is gone by then.
    pub line: Option<u32>,
    pub reason: Personal<String>,
    /// The first event that it came up at.
    pub position: u64,
    pub index: u32,
    /// How often, before and after.
    pub before: u64,
    pub after: u64,
}

/// Why a command on a rehearsal is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RehearsalError {
    #[error("this rehearsal was never begun")]
    Unknown,
}

impl Rejection for RehearsalError {
    fn ground(&self) -> Ground {
        Ground::Missing
    }
}

impl Rehearsal {
    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: RehearsalCommand) -> Result<Vec<RehearsalEvent>, RehearsalError> {
        use {RehearsalCommand as Do, RehearsalEvent as Did};

        let event = match command {
            Do::Start(_) if self.begun => return Ok(vec![]),
            Do::Start(plan) => Did::Started(plan),
            Do::End { .. } | Do::Fail { .. } if !self.begun => {
                return Err(RehearsalError::Unknown);
            }
            Do::End { .. } | Do::Fail { .. } if self.ended => return Ok(vec![]),
            Do::End { report } => Did::Ended { report },
            Do::Fail { reason } => Did::Failed { reason },
        };
        Ok(vec![event])
    }

    /// The memory. Never fails: what happened, happened.
    fn evolve(&mut self, event: &RehearsalEvent) {
        match event {
            RehearsalEvent::Started(_) => self.begun = true,
            RehearsalEvent::Ended { .. } | RehearsalEvent::Failed { .. } => self.ended = true,
        }
    }
}

aggregate!(Rehearsal: "rehearsal", RehearsalCommand -> RehearsalEvent | RehearsalError);

#[cfg(test)]
mod tests {
    use super::{RehearsalCommand as Do, RehearsalEvent as Did, *};
    use crate::kernel::testing::given;

    #[test]
    fn a_rehearsal_ends_once() {
        let ended = || Did::Ended { report: Report::default() };
        let end = || Do::End { report: Report::default() };
        given::<Rehearsal>([]).when(end()).then_expect_error(RehearsalError::Unknown);
        given::<Rehearsal>([started()]).when(end()).then_expect_events(vec![ended()]);
        given::<Rehearsal>([started(), ended()])
            .when(Do::Fail { reason: "late".into() })
            .then_expect_events(vec![]);
    }

    fn started() -> Did {
        Did::Started(Plan {
            edit: EditId(uuid::Uuid::from_u128(1)),
            content_hash: "hash".into(),
            by: Actor::api_key("ana"),
            revision: 1,
            last: Some(1_000),
            from: 0,
            to: 9,
        })
    }
}
