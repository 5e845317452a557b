//! A claim makes a value somebody's alone: an e-mail address, a user name, a provider's account.
//!
//! One stream a value, named by a MAC of it (the value itself is nowhere): whoever appends first has
//! it, in every process. Read models are never asked whether a value is free.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::kernel::{Ground, Rejection, aggregate};

/// After so long, what an owner claimed who never came to be may be taken over: whoever claimed it was
/// cut off.
const ABANDONED: TimeDelta = TimeDelta::minutes(1);

/// Whose the value is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Claim {
    owner: Option<String>,
    taken_at: Option<DateTime<Utc>>,
}

/// What can be asked of it. An owner is named as `user:<id>`, `group:<id>`, `organization:<id>`.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimCommand {
    Release {
        owner: String,
    },
    Take {
        owner: String,
        now: DateTime<Utc>,
    },
    /// As taking, from an owner who, as far as the log knows, never came to be.
    TakeOver {
        owner: String,
        from: String,
        now: DateTime<Utc>,
    },
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ClaimEvent {
    Released { owner: String },
    Taken { owner: String, at: DateTime<Utc> },
}

/// Why a claim is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    #[error("this is taken already")]
    Taken,
}

impl Rejection for ClaimError {
    fn ground(&self) -> Ground {
        Ground::State
    }
}

impl Claim {
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: ClaimCommand) -> Result<Vec<ClaimEvent>, ClaimError> {
        use {ClaimCommand as Do, ClaimError as No, ClaimEvent as Did};

        let event = match (command, &self.owner) {
            (Do::Take { owner, now } | Do::TakeOver { owner, now, .. }, None) => {
                Did::Taken { owner, at: now }
            }
            (Do::Take { owner, .. } | Do::TakeOver { owner, .. }, Some(has)) if *has == owner => {
                return Ok(vec![]);
            }
            (Do::TakeOver { owner, from, now }, Some(has))
                if *has == from && self.taken_at.is_some_and(|at| now - at > ABANDONED) =>
            {
                return Ok(vec![Did::Released { owner: from }, Did::Taken { owner, at: now }]);
            }
            (Do::Take { .. } | Do::TakeOver { .. }, Some(_)) => return Err(No::Taken),

            (Do::Release { owner }, Some(has)) if *has == owner => Did::Released { owner },
            // What is another's by now is not to be given up by the one before.
            (Do::Release { .. }, _) => return Ok(vec![]),
        };
        Ok(vec![event])
    }

    fn evolve(&mut self, event: &ClaimEvent) {
        match event {
            ClaimEvent::Released { .. } => *self = Self::default(),
            ClaimEvent::Taken { owner, at } => {
                self.owner = Some(owner.clone());
                self.taken_at = Some(*at);
            }
        }
    }
}

aggregate!(Claim: "claim", ClaimCommand -> ClaimEvent | ClaimError);

#[cfg(test)]
mod tests {
    use super::{ClaimCommand as Do, ClaimError as No, ClaimEvent as Did, *};
    use crate::kernel::testing::given;

    #[test]
    fn a_value_belongs_to_one() {
        given::<Claim>([taken("user:a")]).when(take("user:b")).then_expect_error(No::Taken);
        given::<Claim>([taken("user:a")]).when(take("user:a")).then_expect_events(vec![]);
    }

    #[test]
    fn a_value_given_up_is_free_again() {
        given::<Claim>([taken("user:a"), Did::Released { owner: "user:a".into() }])
            .when(take("user:b"))
            .then_expect_events(vec![taken("user:b")]);
    }

    #[test]
    fn what_was_left_behind_is_taken_over_after_a_while() {
        let over = |second| Do::TakeOver {
            owner: "user:b".into(),
            from: "user:a".into(),
            now: at(second),
        };
        given::<Claim>([taken("user:a")]).when(over(59)).then_expect_error(No::Taken);
        let released = Did::Released { owner: "user:a".into() };
        let mine = Did::Taken { owner: "user:b".into(), at: at(61) };
        given::<Claim>([taken("user:a")]).when(over(61)).then_expect_events(vec![released, mine]);
    }

    #[test]
    fn nobody_gives_up_what_is_anothers() {
        given::<Claim>([taken("user:b")])
            .when(Do::Release { owner: "user:a".into() })
            .then_expect_events(vec![]);
    }

    fn take(owner: &str) -> Do {
        Do::Take { owner: owner.into(), now: at(0) }
    }

    fn taken(owner: &str) -> Did {
        Did::Taken { owner: owner.into(), at: at(0) }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }
}
