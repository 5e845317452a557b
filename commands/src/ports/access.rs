//! Says who may do what.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::behaviors::Power;
use domain::identity::{Permission, Permissions};
use domain::kernel::{Actor, Cause};

use crate::CommandError;

/// Who stands at a door, and what he may do.
#[derive(Debug, Clone)]
pub struct Caller {
    pub cause: Cause,
    pub permissions: Permissions,
    /// What he may do himself of what behaviors may be allowed to do.
    pub powers: BTreeSet<Power>,
}

impl Caller {
    /// Fails with [`CommandError::Forbidden`], which names what is lacking.
    pub fn require(&self, permission: Permission) -> Result<(), CommandError> {
        if self.permissions.allow(permission) {
            return Ok(());
        }
        Err(CommandError::Forbidden { needed: permission })
    }

    pub fn actor(&self) -> &Actor {
        &self.cause.actor
    }
}

/// Knows the callers.
#[async_trait]
pub trait Access: Send + Sync {
    /// Whether nobody else could approve this actor's edits.
    async fn is_only_administrator(&self, actor: &Actor) -> Result<bool, CommandError>;
}
