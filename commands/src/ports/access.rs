//! Says who may do what.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::behaviors::Power;
use domain::identity::{Permission, Permissions};
use domain::kernel::{Actor, Cause, Ground, OrganizationId, SessionId, UserId};

use crate::{CommandError, Refusal};

/// How long a second factor counts as shown just now.
pub(crate) const FRESH: TimeDelta = TimeDelta::minutes(10);

/// Who stands at a door, and what he may do.
#[derive(Debug, Clone)]
pub struct Caller {
    pub cause: Cause,
    pub permissions: Permissions,
    /// What he may do himself of what behaviors may be allowed to do.
    pub powers: BTreeSet<Power>,
    /// The session he came by, when he is a person who signed in.
    pub session: Option<Signed>,
}

/// A person who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    pub user: UserId,
    pub session: SessionId,
    pub organization: Option<OrganizationId>,
    /// Whether he runs that organization.
    pub runs_organization: bool,
    /// Whether his account has a second factor.
    pub has_factor: bool,
    /// When he showed one last in this session.
    pub factor_at: Option<DateTime<Utc>>,
}

impl Caller {
    /// Somebody without a session: a program, a Discord account, a part of the platform.
    pub fn new(cause: Cause, permissions: Permissions, powers: BTreeSet<Power>) -> Self {
        Self { cause, permissions, powers, session: None }
    }

    /// Fails with [`CommandError::Forbidden`], which names what is lacking.
    pub fn require(&self, permission: Permission) -> Result<(), CommandError> {
        if self.permissions.allow(permission) {
            return Ok(());
        }
        Err(CommandError::Forbidden { needed: permission })
    }

    /// The person who signed in; a key or a Discord account is none.
    pub fn signed(&self) -> Result<&Signed, CommandError> {
        self.session
            .as_ref()
            .ok_or_else(|| refused("this is for people who signed in, not for keys", None))
    }

    /// What is dangerous wants a second factor of the last ten minutes from whoever has one.
    pub fn require_fresh(&self, now: DateTime<Utc>) -> Result<(), CommandError> {
        let Some(signed) = self.session.as_ref().filter(|it| it.has_factor) else { return Ok(()) };
        if signed.factor_at.is_some_and(|at| now - at <= FRESH) {
            return Ok(());
        }
        let reason = "this needs your second factor once more: POST /api/v1/auth/mfa/step-up, then \
                      try again within ten minutes";
        Err(refused(reason, Some("STEP_UP_REQUIRED")))
    }

    pub fn actor(&self) -> &Actor {
        &self.cause.actor
    }
}

fn refused(reason: &str, code: Option<&'static str>) -> CommandError {
    CommandError::Rejected(Box::new(Refusal {
        ground: Ground::Person,
        reason: reason.to_owned(),
        code,
        field: None,
        details: None,
    }))
}

/// Knows the callers.
#[async_trait]
pub trait Access: Send + Sync {
    /// Whether nobody else could approve this actor's edits.
    async fn is_only_administrator(&self, actor: &Actor) -> Result<bool, CommandError>;
}
