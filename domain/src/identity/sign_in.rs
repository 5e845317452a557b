//! The tries to get into one account from one address; too many lock that pair for a growing time.
//!
//! The stream is named by a MAC of account and address, whether the account exists or not, so
//! that strangers learn nothing from being locked out, and the owner at home is not.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Method;
use crate::kernel::{Ground, Rejection, UserId, aggregate};

/// How many failures lock.
const MOST: u64 = 5;

/// How long the first lock lasts, in seconds; each further failure doubles it, up to a day.
const FIRST_S: i64 = 60;
const LONGEST_S: i64 = 86_400;

/// After so long without a failure, counting begins anew.
const FORGIVEN: TimeDelta = TimeDelta::days(1);

/// How the tries went so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SignIn {
    failures: u64,
    failed_at: Option<DateTime<Utc>>,
    locked_until: Option<DateTime<Utc>>,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum SignInCommand {
    /// It did not work; `user` where the account exists.
    Fail { user: Option<UserId>, method: Method, now: DateTime<Utc> },
    /// It worked.
    Succeed { now: DateTime<Utc> },
}

/// What has happened. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SignInEvent {
    /// Somebody got in after failures.
    Cleared { failures: u64 },
    Failed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
        method: Method,
        failures: u64,
        at: DateTime<Utc>,
    },
    Locked {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
        until: DateTime<Utc>,
    },
}

/// Why a try is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    #[error("too many failed sign-ins; try again in {wait_s} s")]
    Locked { wait_s: u64 },
}

impl Rejection for SignInError {
    fn ground(&self) -> Ground {
        Ground::State
    }

    fn code(&self) -> Option<&'static str> {
        Some("RATE_LIMIT_EXCEEDED")
    }
}

impl SignIn {
    /// How long the pair is still locked, in seconds; none when it is not.
    pub fn locked_for(&self, now: DateTime<Utc>) -> Option<u64> {
        let left = self.locked_until? - now;
        let seconds = (left.num_milliseconds() + 999) / 1_000;
        (seconds > 0).then_some(seconds.unsigned_abs())
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: SignInCommand) -> Result<Vec<SignInEvent>, SignInError> {
        use {SignInCommand as Do, SignInError as No, SignInEvent as Did};

        let now = match command {
            Do::Fail { now, .. } | Do::Succeed { now } => now,
        };
        if let Some(wait_s) = self.locked_for(now) {
            return Err(No::Locked { wait_s });
        }
        match command {
            Do::Fail { user, method, now } => {
                let forgiven = self.failed_at.is_none_or(|at| now - at > FORGIVEN);
                let failures = if forgiven { 1 } else { self.failures + 1 };
                let failed = Did::Failed { user, method, failures, at: now };
                if failures < MOST {
                    return Ok(vec![failed]);
                }
                let doublings = u32::try_from(failures - MOST).unwrap_or(u32::MAX).min(20);
                let lasts = (FIRST_S << doublings).min(LONGEST_S);
                let until = now + TimeDelta::try_seconds(lasts).unwrap_or_default();
                Ok(vec![failed, Did::Locked { user, until }])
            }
            Do::Succeed { .. } if self.failures == 0 => Ok(vec![]),
            Do::Succeed { .. } => Ok(vec![Did::Cleared { failures: self.failures }]),
        }
    }

    fn evolve(&mut self, event: &SignInEvent) {
        match event {
            SignInEvent::Cleared { .. } => *self = Self::default(),
            SignInEvent::Failed { failures, at, .. } => {
                self.failures = *failures;
                self.failed_at = Some(*at);
            }
            SignInEvent::Locked { until, .. } => self.locked_until = Some(*until),
        }
    }
}

aggregate!(SignIn: "sign_in", SignInCommand -> SignInEvent | SignInError);

#[cfg(test)]
mod tests {
    use super::{SignInCommand as Do, SignInError as No, SignInEvent as Did, *};
    use crate::kernel::testing::given;

    #[test]
    fn the_fifth_failure_locks_for_a_minute() {
        given::<SignIn>([failed(4, 0)])
            .when(fail(10))
            .then_expect_events(vec![failed(5, 10), Did::Locked { user: None, until: at(70) }]);
    }

    #[test]
    fn each_further_failure_locks_twice_as_long() {
        given::<SignIn>([failed(5, 0), Did::Locked { user: None, until: at(60) }])
            .when(fail(60))
            .then_expect_events(vec![failed(6, 60), Did::Locked { user: None, until: at(180) }]);
    }

    #[test]
    fn while_it_is_locked_even_the_right_password_waits() {
        given::<SignIn>([failed(5, 0), Did::Locked { user: None, until: at(60) }])
            .when(Do::Succeed { now: at(1) })
            .then_expect_error(No::Locked { wait_s: 59 });
    }

    #[test]
    fn who_gets_in_begins_anew() {
        given::<SignIn>([failed(3, 0)])
            .when(Do::Succeed { now: at(1) })
            .then_expect_events(vec![Did::Cleared { failures: 3 }]);
        given::<SignIn>([failed(4, 0), Did::Cleared { failures: 4 }])
            .when(fail(2))
            .then_expect_events(vec![failed(1, 2)]);
    }

    #[test]
    fn failures_of_long_ago_are_forgiven() {
        given::<SignIn>([failed(4, 0)])
            .when(fail(86_401))
            .then_expect_events(vec![failed(1, 86_401)]);
    }

    fn fail(second: i64) -> Do {
        Do::Fail { user: None, method: Method::Password, now: at(second) }
    }

    fn failed(failures: u64, second: i64) -> Did {
        Did::Failed { user: None, method: Method::Password, failures, at: at(second) }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }
}
