//! Use cases around policies: asking them, reading them, and changing them by edits.

mod authority;
mod authorize;
mod edits;
mod live;
mod log;
mod on_discord;

use std::sync::Arc;

use domain::identity::{ApiKey, Permission};
use domain::kernel::Singleton;

pub use authority::Authority;
pub use authorize::{Asked, MOST_QUESTIONS, Named};
pub use live::{HeardWorkspace, LivePolicies, News};
pub use log::{Decided, DecisionLog, KEPT as DECISIONS_KEPT};

use super::accounts::Accounts;
use crate::CommandError;
use crate::ports::{Caller, Execute, InForce};
use crate::self_editing::SelfEditing;

/// The door to policies.
#[derive(Clone)]
pub struct Policies {
    pub accounts: Accounts,
    pub api_keys: Arc<dyn Execute<ApiKey>>,
    pub log: DecisionLog,
    pub self_editing: SelfEditing,
}

impl Policies {
    /// The policies in force.
    pub async fn in_force(&self, caller: &Caller) -> Result<InForce, CommandError> {
        caller.require(Permission::ReadSelfEdit)?;
        self.accounts.authority.decisions.in_force().await
    }

    /// The revision of the workspace, and so of its policies.
    pub async fn revision(&self) -> Result<u64, CommandError> {
        let workspace = self.self_editing.workspace.load(&Singleton).await?;
        Ok(workspace.aggregate.revision())
    }

    /// The newest decisions that somebody asked this process for; only those that were denied, or allowed,
    /// if that is asked for.
    pub fn decided(
        &self,
        caller: &Caller,
        allowed: Option<bool>,
        limit: usize,
    ) -> Result<Vec<Decided>, CommandError> {
        caller.require(Permission::ReadAudit)?;
        Ok(self.log.newest(allowed, limit))
    }
}
