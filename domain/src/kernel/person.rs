//! The right to be forgotten: that a person's data became unreadable is a fact like any other.

use serde::{Deserialize, Serialize};

use super::{Ground, Rejection, aggregate};

/// Whether a person was erased, and how often: data that came later has a new key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ErasurePerson {
    erasures: u64,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum PersonCommand {
    /// Record that the person's keys were destroyed.
    Erase { keys: u64, reason: String },
}

/// What has happened. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PersonEvent {
    /// So many keys were destroyed. The reason must not name the person.
    Erased { keys: u64, reason: String },
}

/// Why an erasure is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonError {
    #[error("a reason may have at most 500 characters")]
    LongReason,
}

impl Rejection for PersonError {
    fn ground(&self) -> Ground {
        Ground::Input
    }

    fn field(&self) -> Option<&str> {
        Some("reason")
    }
}

impl ErasurePerson {
    fn decide(&self, command: PersonCommand) -> Result<Vec<PersonEvent>, PersonError> {
        let PersonCommand::Erase { keys, reason } = command;
        if reason.chars().count() > 500 {
            return Err(PersonError::LongReason);
        }
        Ok(vec![PersonEvent::Erased { keys, reason }])
    }

    fn evolve(&mut self, _: &PersonEvent) {
        self.erasures += 1;
    }
}

aggregate!(ErasurePerson: "person", PersonCommand -> PersonEvent | PersonError);
