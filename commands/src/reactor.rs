//! Reactors turn what happened into effects and further commands.

use async_trait::async_trait;
use domain::kernel::Recorded;

use crate::CommandError;

/// Reacts to events, at least once each, never in a replay.
#[async_trait]
pub trait Reactor: Send + Sync {
    /// Names the checkpoint; never change it once released.
    fn name(&self) -> &'static str;

    /// Whether this event concerns it; the others are passed over without a call.
    fn concerns(&self, recorded: &Recorded) -> bool;

    /// What it has to be reacted to in order with. While Discord is slow for the events of one lane,
    /// those of others go on; one without a lane is reacted to alone.
    fn lane(&self, _recorded: &Recorded) -> Option<u64> {
        None
    }

    /// Reacts to one event. May see an event twice, so what it does must bear repeating.
    async fn react(&self, recorded: &Recorded) -> Result<(), Setback>;

    /// Records that an event got no reaction and will not get one, where somebody waits for it.
    async fn give_up(&self, _recorded: &Recorded, _reason: &str) -> Result<(), CommandError> {
        Ok(())
    }
}

/// Why a reaction did not work.
#[derive(Debug, thiserror::Error)]
pub enum Setback {
    /// Trying again cannot help; it is given up and reported.
    #[error("given up: {0}")]
    Final(String),
    /// It may work later.
    #[error("{reason}")]
    Retry { reason: String, after: Option<std::time::Duration> },
    /// Nothing is wrong: it is somebody else's turn, and is looked at again after this.
    #[error("{reason}")]
    Waits { reason: String, after: std::time::Duration },
}

impl From<CommandError> for Setback {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Conflict | CommandError::Moved { .. } | CommandError::Unavailable(_) => {
                Self::Retry { reason: describe(&error), after: None }
            }
            CommandError::Forbidden { .. }
            | CommandError::NotFound(_)
            | CommandError::Rejected(_) => Self::Final(error.to_string()),
        }
    }
}

/// An error with its causes.
pub fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
