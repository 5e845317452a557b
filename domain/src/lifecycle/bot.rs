//! The bot's presence on Discord: what it was told to be, and what it is.

use serde::{Deserialize, Serialize};

use crate::kernel::{Actor, Ground, Rejection, aggregate};

/// Whether the bot should be there, and whether it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Bot {
    wanted: Wanted,
    online: bool,
    restarts: u64,
    /// Why it is not there.
    #[serde(default)]
    reason: Option<String>,
}

/// What the bot was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    #[default]
    Running,
    Stopped,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum BotCommand {
    /// Record that the gateway let us in.
    Connect {
        user: String,
        guilds: u64,
    },
    /// Record that the gateway let go of us.
    Disconnect {
        reason: String,
    },
    /// Record that it cannot be there until somebody does something about it.
    GiveUp {
        reason: String,
    },
    Restart {
        by: Actor,
        force: bool,
        reason: String,
    },
    Shutdown {
        by: Actor,
        force: bool,
        reason: String,
    },
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum BotEvent {
    Connected { user: String, guilds: u64 },
    Disconnected { reason: String },
    RestartRequested { by: Actor, force: bool, reason: String },
    ShutdownRequested { by: Actor, force: bool, reason: String },
}

/// Why a command on the bot is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BotError {
    #[error("a reason has 1 to 500 characters")]
    BadReason,
    #[error("the bot is not connected to Discord; with force it is told all the same")]
    Offline,
}

impl Rejection for BotError {
    fn ground(&self) -> Ground {
        match self {
            Self::BadReason => Ground::Input,
            Self::Offline => Ground::State,
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::BadReason => None,
            Self::Offline => Some("BOT_OFFLINE"),
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::BadReason => Some("reason"),
            Self::Offline => None,
        }
    }
}

impl Bot {
    pub fn online(&self) -> bool {
        self.online
    }

    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// How often a restart was asked for.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: BotCommand) -> Result<Vec<BotEvent>, BotError> {
        use {BotCommand as Do, BotEvent as Did};

        let event = match command {
            Do::Connect { user, guilds } => Did::Connected { user, guilds },
            Do::Disconnect { .. } if !self.online => return Ok(vec![]),
            Do::GiveUp { reason } if !self.online && self.reason.as_ref() == Some(&reason) => {
                return Ok(vec![]);
            }
            Do::Disconnect { reason } | Do::GiveUp { reason } => Did::Disconnected { reason },
            Do::Restart { reason, .. } | Do::Shutdown { reason, .. } if bad(&reason) => {
                return Err(BotError::BadReason);
            }
            Do::Shutdown { .. } if self.wanted == Wanted::Stopped => return Ok(vec![]),
            // One that was shut down is brought back by a restart.
            Do::Restart { force: false, .. } | Do::Shutdown { force: false, .. }
                if !self.online && self.wanted == Wanted::Running =>
            {
                return Err(BotError::Offline);
            }
            Do::Restart { by, force, reason } => Did::RestartRequested { by, force, reason },
            Do::Shutdown { by, force, reason } => Did::ShutdownRequested { by, force, reason },
        };
        Ok(vec![event])
    }

    fn evolve(&mut self, event: &BotEvent) {
        match event {
            BotEvent::Connected { .. } => (self.online, self.reason) = (true, None),
            BotEvent::Disconnected { reason } => {
                (self.online, self.reason) = (false, Some(reason.clone()));
            }
            BotEvent::RestartRequested { .. } => {
                self.wanted = Wanted::Running;
                self.restarts += 1;
            }
            BotEvent::ShutdownRequested { .. } => self.wanted = Wanted::Stopped,
        }
    }
}

fn bad(reason: &str) -> bool {
    reason.trim().is_empty() || reason.chars().count() > 500
}

aggregate!(Bot: "bot", BotCommand -> BotEvent | BotError);

#[cfg(test)]
mod tests {
    use super::{BotCommand as Do, BotEvent as Did, *};
    use crate::kernel::testing::given;

    #[test]
    fn a_bot_that_was_shut_down_comes_back_when_restarted() {
        let mut bot = Bot::default();
        bot.evolve(&Did::ShutdownRequested { by: by(), force: false, reason: "night".into() });
        assert_eq!(bot.wanted(), Wanted::Stopped);
        bot.evolve(&Did::RestartRequested { by: by(), force: false, reason: "day".into() });
        assert_eq!(bot.wanted(), Wanted::Running);
    }

    #[test]
    fn a_request_gives_its_reason() {
        given::<Bot>([])
            .when(Do::Restart { by: by(), force: true, reason: " ".into() })
            .then_expect_error(BotError::BadReason);
    }

    #[test]
    fn a_bot_that_is_not_there_is_told_nothing_unless_by_force() {
        let shutdown = |force| Do::Shutdown { by: by(), force, reason: "night".into() };
        let restart = |force| Do::Restart { by: by(), force, reason: "day".into() };
        let stopped = Did::ShutdownRequested { by: by(), force: false, reason: "night".into() };
        let restarted = |force| Did::RestartRequested { by: by(), force, reason: "day".into() };
        given::<Bot>([]).when(shutdown(false)).then_expect_error(BotError::Offline);
        given::<Bot>([]).when(restart(false)).then_expect_error(BotError::Offline);
        given::<Bot>([]).when(restart(true)).then_expect_events(vec![restarted(true)]);
        given::<Bot>([stopped]).when(restart(false)).then_expect_events(vec![restarted(false)]);
        let there = Did::Connected { user: "bot".into(), guilds: 1 };
        let gone = Did::Disconnected { reason: "lost".into() };
        given::<Bot>([there.clone()])
            .when(restart(false))
            .then_expect_events(vec![restarted(false)]);
        given::<Bot>([there, gone]).when(shutdown(false)).then_expect_error(BotError::Offline);
    }

    #[test]
    fn why_it_gave_up_is_recorded_once() {
        let give_up = |reason: &str| Do::GiveUp { reason: reason.into() };
        let gone = |reason: &str| Did::Disconnected { reason: reason.into() };
        given::<Bot>([]).when(give_up("token")).then_expect_events(vec![gone("token")]);
        given::<Bot>([gone("token")]).when(give_up("token")).then_expect_events(vec![]);
        given::<Bot>([gone("token")]).when(give_up("gate")).then_expect_events(vec![gone("gate")]);
    }

    fn by() -> Actor {
        Actor::system("test")
    }
}
