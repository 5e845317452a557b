//! An alert is something about security that a person should look at.

use serde::{Deserialize, Serialize};

use crate::kernel::{Actor, Ground, Outcome, Personal, Rejection, UserId, aggregate};

/// What was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AlertKind {
    /// Two sign-ins farther apart than anybody travels in the time between.
    ImpossibleTravel,
    /// One address tried many accounts.
    ManyAccounts,
    /// Many sign-ins failed.
    ManyFailures,
    /// Somebody signed in from where he never was before.
    NewPlace,
    /// An old refresh token came again.
    TokenReused,
}

/// Whether it was raised, whether its user was told, and whether somebody looked at it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Alert {
    raised: bool,
    seen: bool,
    #[serde(default)]
    told: bool,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum AlertCommand {
    Raise {
        kind: AlertKind,
        user: Option<UserId>,
        details: Personal<String>,
    },
    Acknowledge {
        by: Actor,
    },
    /// What became of the mail to its user.
    RecordTold {
        outcome: Outcome,
    },
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AlertEvent {
    Acknowledged {
        by: Actor,
    },
    Raised {
        kind: AlertKind,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
        /// In plain words, with addresses.
        details: Personal<String>,
    },
    /// The user was mailed, or was not.
    Told {
        outcome: Outcome,
    },
}

/// Why a command on an alert is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlertError {
    #[error("there is no such alert")]
    Unknown,
}

impl Rejection for AlertError {
    fn ground(&self) -> Ground {
        Ground::Missing
    }
}

impl Alert {
    /// Whether somebody tried to tell its user.
    pub fn told(&self) -> bool {
        self.told
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: AlertCommand) -> Result<Vec<AlertEvent>, AlertError> {
        use {AlertCommand as Do, AlertError as No, AlertEvent as Did};

        let event = match (command, self.raised, self.seen) {
            (Do::Raise { kind, user, details }, false, _) => Did::Raised { kind, user, details },
            (Do::Raise { .. }, true, _) | (Do::Acknowledge { .. }, true, true) => {
                return Ok(vec![]);
            }
            (Do::Acknowledge { by }, true, false) => Did::Acknowledged { by },
            (Do::RecordTold { .. }, true, _) if self.told => return Ok(vec![]),
            (Do::RecordTold { outcome }, true, _) => Did::Told { outcome },
            (Do::Acknowledge { .. } | Do::RecordTold { .. }, false, _) => return Err(No::Unknown),
        };
        Ok(vec![event])
    }

    fn evolve(&mut self, event: &AlertEvent) {
        match event {
            AlertEvent::Acknowledged { .. } => self.seen = true,
            AlertEvent::Raised { .. } => self.raised = true,
            AlertEvent::Told { .. } => self.told = true,
        }
    }
}

aggregate!(Alert: "alert", AlertCommand -> AlertEvent | AlertError);

#[cfg(test)]
mod tests {
    use super::{AlertCommand as Do, AlertEvent as Did, *};
    use crate::kernel::Person;
    use crate::kernel::testing::given;

    #[test]
    fn an_alert_is_raised_once() {
        let details = Personal::of(Person::operator(), "from 192.0.2.1".to_owned());
        let (kind, user) = (AlertKind::NewPlace, None);
        let raised = Did::Raised { kind, user, details: details.clone() };
        given::<Alert>([raised]).when(Do::Raise { kind, user, details }).then_expect_events(vec![]);
    }

    #[test]
    fn what_became_of_the_mail_is_kept_once() {
        let details = Personal::of(Person::operator(), String::new());
        let raised = Did::Raised { kind: AlertKind::NewPlace, user: None, details };
        let outcome = Outcome::Failed { reason: "no".to_owned() };
        let tell = Do::RecordTold { outcome: outcome.clone() };
        let told = Did::Told { outcome };
        given::<Alert>([]).when(tell.clone()).then_expect_error(AlertError::Unknown);
        given::<Alert>([raised.clone()]).when(tell.clone()).then_expect_events(vec![told.clone()]);
        given::<Alert>([raised, told]).when(tell).then_expect_events(vec![]);
    }
}
