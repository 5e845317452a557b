//! An installation of the Discord bot for one project of one tenant.

use serde::{Deserialize, Serialize};

use crate::kernel::{Actor, Ground, Rejection, aggregate};

/// Where an installation stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Installation {
    status: Option<InstallationStatus>,
}

/// How far an installation has come, in the words people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum InstallationStatus {
    Active,
    /// It worked, and works no longer.
    Degraded,
    /// Discord was asked; nobody answered yet.
    Pending,
    Removed,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum InstallationCommand {
    /// Discord let us in.
    Complete {
        guild_id: String,
        guild_name: String,
        scope: String,
        by: Option<Actor>,
    },
    /// Discord, or the person asked there, said no.
    Fail {
        reason: String,
    },
    Remove {
        by: Actor,
    },
    /// Somebody was sent to Discord to agree.
    Request {
        by: Actor,
    },
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum InstallationEvent {
    /// The tokens that came with it are in the vault.
    Completed {
        guild_id: String,
        guild_name: String,
        scope: String,
        by: Option<Actor>,
    },
    Failed {
        reason: String,
    },
    Removed {
        by: Actor,
    },
    Requested {
        by: Actor,
    },
}

/// Why a command on an installation is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstallationError {
    #[error("the installation was not asked for, or was removed in the meantime")]
    NotRequested,
    #[error("this project has no Discord integration")]
    Unknown,
}

impl Rejection for InstallationError {
    fn ground(&self) -> Ground {
        match self {
            Self::NotRequested => Ground::State,
            Self::Unknown => Ground::Missing,
        }
    }
}

impl Installation {
    pub fn status(&self) -> Option<InstallationStatus> {
        self.status
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(
        &self,
        command: InstallationCommand,
    ) -> Result<Vec<InstallationEvent>, InstallationError> {
        use {
            InstallationCommand as Do, InstallationError as No, InstallationEvent as Did,
            InstallationStatus as Is,
        };

        let event = match (command, self.status) {
            (Do::Complete { .. }, None | Some(Is::Removed)) => return Err(No::NotRequested),
            (Do::Complete { guild_id, guild_name, scope, by }, _) => {
                Did::Completed { guild_id, guild_name, scope, by }
            }
            (Do::Fail { reason }, Some(_)) => Did::Failed { reason },
            (Do::Fail { .. }, None) => return Err(No::NotRequested),
            (Do::Remove { .. }, None | Some(Is::Removed)) => return Err(No::Unknown),
            (Do::Remove { by }, _) => Did::Removed { by },
            (Do::Request { by }, _) => Did::Requested { by },
        };
        Ok(vec![event])
    }

    fn evolve(&mut self, event: &InstallationEvent) {
        self.status = event.status_after(self.status);
    }
}

impl InstallationEvent {
    /// The status after it, given the one before. Asking again does not disturb what works.
    pub fn status_after(&self, before: Option<InstallationStatus>) -> Option<InstallationStatus> {
        use InstallationStatus as Is;
        match (self, before) {
            (Self::Completed { .. }, _) => Some(Is::Active),
            (Self::Failed { .. }, Some(Is::Pending)) => Some(Is::Removed),
            (Self::Failed { .. }, before) => before,
            (Self::Removed { .. }, _) => Some(Is::Removed),
            (Self::Requested { .. }, Some(Is::Active)) => Some(Is::Active),
            (Self::Requested { .. }, _) => Some(Is::Pending),
        }
    }
}

aggregate!(Installation: "installation", InstallationCommand -> InstallationEvent | InstallationError);

#[cfg(test)]
mod tests {
    use super::{InstallationCommand as Do, InstallationError as No, InstallationEvent as Did, *};
    use crate::kernel::testing::given;

    #[test]
    fn nobody_installs_what_was_not_asked_for() {
        given::<Installation>([]).when(complete()).then_expect_error(No::NotRequested);
    }

    #[test]
    fn asking_again_does_not_disturb_what_works() {
        let (requested, completed) = (Did::Requested { by: by() }, completed());
        let after = [&requested, &completed, &requested]
            .iter()
            .fold(None, |status, event| event.status_after(status));
        assert_eq!(after, Some(InstallationStatus::Active));
    }

    #[test]
    fn what_is_not_there_cannot_be_removed() {
        given::<Installation>([]).when(Do::Remove { by: by() }).then_expect_error(No::Unknown);
    }

    fn by() -> Actor {
        Actor::system("test")
    }

    fn complete() -> Do {
        Do::Complete {
            guild_id: "1".into(),
            guild_name: "Home".into(),
            scope: "bot".into(),
            by: None,
        }
    }

    fn completed() -> Did {
        Did::Completed {
            guild_id: "1".into(),
            guild_name: "Home".into(),
            scope: "bot".into(),
            by: None,
        }
    }
}
