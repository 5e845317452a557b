//! What can be asked of a user, what has happened to him, and why he is refused.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{FactorCommand, Profile};
use crate::identity::Method;
use crate::kernel::{Actor, ClaimId, Ground, OrganizationId, Personal, Rejection, RoleId};

/// Why a password is another now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PasswordChange {
    /// An administrator set it.
    Administrator,
    /// Its owner changed it, and knew the one before.
    Changed,
    /// It is the first.
    Initial,
    /// By a link that was mailed.
    Reset,
}

/// What can be asked of a user. Values that must be his alone are claimed before.
#[derive(Debug, Clone, PartialEq)]
pub enum UserCommand {
    Register {
        email: Personal<String>,
        email_claim: ClaimId,
        name: Personal<String>,
        verified: bool,
        roles: BTreeSet<RoleId>,
        by: Actor,
    },
    AssignRole {
        role: RoleId,
        by: Actor,
    },
    ChangeEmail {
        email: Personal<String>,
        email_claim: ClaimId,
        verified: bool,
        by: Actor,
    },
    ChangeProfile {
        profile: Personal<Profile>,
        by: Actor,
    },
    Deactivate {
        by: Actor,
    },
    Delete {
        by: Actor,
    },
    Factor(FactorCommand),
    /// An account at a provider is his. `shown` is how the provider calls it, for people.
    Link {
        provider: String,
        account: ClaimId,
        shown: Personal<String>,
        by: Actor,
    },
    Move {
        organization: Option<OrganizationId>,
        by: Actor,
    },
    Reactivate {
        by: Actor,
    },
    /// A new password by a link to his address, which is his, then. Who made the account without ever showing that
    /// the address is his loses every other way in that he left.
    Recover {
        by: Actor,
    },
    RemoveRole {
        role: RoleId,
        by: Actor,
    },
    Rename {
        name: Personal<String>,
        by: Actor,
    },
    SetPassword {
        how: PasswordChange,
        by: Actor,
    },
    Unlink {
        provider: String,
        by: Actor,
    },
    /// The link that was mailed to this address was followed.
    VerifyEmail {
        email_claim: ClaimId,
    },
}

/// What has happened to a user. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum UserEvent {
    BackupCodeUsed {
        /// Which of the present codes, from 0.
        number: u32,
        remaining: u32,
    },
    /// New codes; those before are void.
    BackupCodesMade {
        count: u32,
    },
    Deactivated {
        by: Actor,
    },
    Deleted {
        by: Actor,
    },
    EmailChanged {
        email: Personal<String>,
        email_claim: ClaimId,
        verified: bool,
        by: Actor,
    },
    EmailVerified,
    FactorAdded {
        factor: Uuid,
        method: Method,
        /// How its owner calls it.
        name: Personal<String>,
        at: DateTime<Utc>,
    },
    FactorFailed {
        method: Method,
        failures: u64,
        at: DateTime<Utc>,
    },
    FactorRemoved {
        factor: Uuid,
    },
    FactorUsed {
        factor: Uuid,
        /// TOTP: the time step (RFC 6238), which is not accepted again. Passkey: its counter.
        counter: u64,
        at: DateTime<Utc>,
    },
    Linked {
        provider: String,
        account: ClaimId,
        shown: Personal<String>,
        by: Actor,
    },
    /// The last second factor is gone.
    MfaDisabled,
    /// The first second factor is there.
    MfaEnabled,
    Moved {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organization: Option<OrganizationId>,
        by: Actor,
    },
    PasswordSet {
        how: PasswordChange,
        by: Actor,
    },
    ProfileChanged {
        profile: Personal<Profile>,
        by: Actor,
    },
    Reactivated {
        by: Actor,
    },
    Registered {
        email: Personal<String>,
        email_claim: ClaimId,
        name: Personal<String>,
        verified: bool,
        roles: BTreeSet<RoleId>,
        by: Actor,
    },
    Renamed {
        name: Personal<String>,
        by: Actor,
    },
    RoleAssigned {
        role: RoleId,
        by: Actor,
    },
    RoleRemoved {
        role: RoleId,
        by: Actor,
    },
    Unlinked {
        provider: String,
        by: Actor,
    },
}

/// Why a command on a user is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    #[error("this user exists already")]
    Exists,
    #[error("too many wrong codes; try again in {wait_s} s")]
    FactorLocked { wait_s: u64 },
    #[error("this is the last way into the account; set a password or add another first")]
    LastWayIn,
    #[error("another account at this provider is linked; unlink it first")]
    LinkedOtherwise,
    #[error("the address was changed meanwhile; ask for a new link")]
    OtherEmail,
    #[error("at most {0} second factors fit an account")]
    TooManyFactors(usize),
    #[error("there is no such user")]
    Unknown,
    #[error("there is no such second factor")]
    UnknownFactor,
    #[error("this code was used already")]
    UsedCode,
}

impl Rejection for UserError {
    fn ground(&self) -> Ground {
        match self {
            Self::Exists
            | Self::FactorLocked { .. }
            | Self::LastWayIn
            | Self::LinkedOtherwise
            | Self::OtherEmail
            | Self::TooManyFactors(_) => Ground::State,
            Self::Unknown | Self::UnknownFactor => Ground::Missing,
            Self::UsedCode => Ground::Person,
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::FactorLocked { .. } => Some("RATE_LIMIT_EXCEEDED"),
            Self::UsedCode => Some("INVALID_CREDENTIALS"),
            _ => None,
        }
    }
}
