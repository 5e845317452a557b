//! The second factors of a user: TOTP (RFC 6238), passkeys (`WebAuthn`) and backup codes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{UserError, UserEvent};
use crate::identity::Method;
use crate::kernel::Personal;

/// How many factors one account has at most.
const MOST: usize = 20;

/// How many wrong codes lock, for how long at first, and at longest; in seconds.
const TRIES: u64 = 5;
const FIRST_S: i64 = 60;
const LONGEST_S: i64 = 86_400;

/// What somebody has to show besides his password.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Factors {
    known: BTreeMap<Uuid, Factor>,
    /// The numbers of the backup codes that are good still.
    backup_codes: BTreeSet<u32>,
    failures: u64,
    locked_until: Option<DateTime<Utc>>,
}

/// One factor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Factor {
    pub method: Method,
    pub name: Personal<String>,
    /// The last one seen: a TOTP step is accepted once, a passkey's counter only grows.
    pub counter: u64,
    pub added_at: DateTime<Utc>,
}

/// What can be asked of the factors. That a code is right is found out before, with the vault's secret.
#[derive(Debug, Clone, PartialEq)]
pub enum FactorCommand {
    /// Its owner showed that he has it; `counter` is what he showed it with.
    Add {
        factor: Uuid,
        method: Method,
        name: Personal<String>,
        counter: u64,
        now: DateTime<Utc>,
    },
    /// All of them, and the backup codes.
    Disable,
    /// A wrong code.
    Fail {
        method: Method,
        now: DateTime<Utc>,
    },
    MakeBackupCodes {
        count: u32,
    },
    Remove {
        factor: Uuid,
    },
    Use {
        factor: Uuid,
        counter: u64,
        now: DateTime<Utc>,
    },
    UseBackupCode {
        number: u32,
        now: DateTime<Utc>,
    },
}

impl Factors {
    /// Whether a sign-in by password or provider asks for one.
    pub fn enabled(&self) -> bool {
        !self.known.is_empty()
    }

    pub fn all(&self) -> impl Iterator<Item = (Uuid, &Factor)> {
        self.known.iter().map(|(id, factor)| (*id, factor))
    }

    pub fn of(&self, method: Method) -> impl Iterator<Item = (Uuid, &Factor)> {
        self.all().filter(move |(_, factor)| factor.method == method)
    }

    /// The numbers of the backup codes that are good still.
    pub fn backup_codes(&self) -> &BTreeSet<u32> {
        &self.backup_codes
    }

    /// How long codes are refused, in seconds; none when they are looked at.
    pub fn locked_for(&self, now: DateTime<Utc>) -> Option<u64> {
        let seconds = ((self.locked_until? - now).num_milliseconds() + 999) / 1_000;
        (seconds > 0).then_some(seconds.unsigned_abs())
    }

    pub(super) fn decide(&self, command: FactorCommand) -> Result<Vec<UserEvent>, UserError> {
        use {FactorCommand as Do, UserError as No, UserEvent as Did};

        let open = |now| match self.locked_for(now) {
            Some(wait_s) => Err(No::FactorLocked { wait_s }),
            None => Ok(()),
        };
        let events = match command {
            Do::Add { factor, .. } if self.known.contains_key(&factor) => vec![],
            Do::Add { .. } if self.known.len() >= MOST => return Err(No::TooManyFactors(MOST)),
            Do::Add { factor, method, name, counter, now } => {
                let added = Did::FactorAdded { factor, method, name, at: now };
                let used = Did::FactorUsed { factor, counter, at: now };
                let enabled = (!self.enabled()).then_some(Did::MfaEnabled);
                [added, used].into_iter().chain(enabled).collect()
            }

            Do::Disable if !self.enabled() => vec![],
            Do::Disable => {
                let removed = self.known.keys().map(|id| Did::FactorRemoved { factor: *id });
                removed.chain([Did::MfaDisabled]).collect()
            }

            Do::Fail { now, .. } if self.locked_for(now).is_some() => vec![],
            Do::Fail { method, now } => {
                vec![Did::FactorFailed { method, failures: self.failures + 1, at: now }]
            }

            Do::MakeBackupCodes { count } => vec![Did::BackupCodesMade { count }],

            Do::Remove { factor } if !self.known.contains_key(&factor) => {
                return Err(No::UnknownFactor);
            }
            Do::Remove { factor } => {
                let removed = Did::FactorRemoved { factor };
                let last = (self.known.len() == 1).then_some(Did::MfaDisabled);
                [removed].into_iter().chain(last).collect()
            }

            Do::Use { factor, counter, now } => {
                open(now)?;
                let Some(known) = self.known.get(&factor) else { return Err(No::UnknownFactor) };
                // Some passkeys count nothing and always say 0 (WebAuthn 3, 6.1.1).
                let counts = known.method == Method::Totp || counter > 0 || known.counter > 0;
                if counts && counter <= known.counter {
                    return Err(No::UsedCode);
                }
                vec![Did::FactorUsed { factor, counter, at: now }]
            }
            Do::UseBackupCode { number, now } => {
                open(now)?;
                if !self.backup_codes.contains(&number) {
                    return Err(No::UsedCode);
                }
                let remaining = u32::try_from(self.backup_codes.len() - 1).unwrap_or(u32::MAX);
                vec![Did::BackupCodeUsed { number, remaining }]
            }
        };
        Ok(events)
    }

    pub(super) fn evolve(&mut self, event: &UserEvent) {
        match event {
            UserEvent::BackupCodeUsed { number, .. } => {
                self.backup_codes.remove(number);
                self.failures = 0;
            }
            UserEvent::BackupCodesMade { count } => self.backup_codes = (0..*count).collect(),
            UserEvent::FactorAdded { factor, method, name, at } => {
                let (method, name) = (*method, name.clone());
                let factor = (*factor, Factor { method, name, counter: 0, added_at: *at });
                self.known.extend([factor]);
            }
            UserEvent::FactorFailed { failures, at, .. } => {
                self.failures = *failures;
                if *failures >= TRIES {
                    let doublings = u32::try_from(failures - TRIES).unwrap_or(u32::MAX).min(20);
                    let lasts = (FIRST_S << doublings).min(LONGEST_S);
                    self.locked_until =
                        Some(*at + TimeDelta::try_seconds(lasts).unwrap_or_default());
                }
            }
            UserEvent::FactorRemoved { factor } => {
                self.known.remove(factor);
            }
            UserEvent::FactorUsed { factor, counter, .. } => {
                if let Some(factor) = self.known.get_mut(factor) {
                    factor.counter = *counter;
                }
                self.failures = 0;
            }
            UserEvent::MfaDisabled => self.backup_codes.clear(),
            _ => {}
        }
    }
}
