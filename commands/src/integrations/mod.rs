//! Use cases around the installation of the bot for a tenant's project.

use std::sync::Arc;
use std::time::Duration;

use domain::identity::Permission;
use domain::integrations::{Installation, InstallationCommand, InstallationStatus};
use domain::kernel::{Actor, Cause, Ground, InstallationId, Source};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::CommandError;
use crate::ports::{Caller, Execute, OAuth, Tickets, Vault};

/// How long a person may take to agree on Discord.
const STATE_LASTS: Duration = Duration::from_mins(10);

/// The door to integrations.
#[derive(Clone)]
pub struct Integrations {
    pub installations: Arc<dyn Execute<Installation>>,
    pub oauth: Arc<dyn OAuth>,
    pub tickets: Arc<dyn Tickets>,
    pub vault: Arc<dyn Vault>,
}

/// What a person is sent to Discord with.
#[derive(Serialize, Deserialize)]
struct Ticket {
    tenant: String,
    project: String,
    by: Actor,
    correlation: Uuid,
}

/// What Discord sends a person back with. What else it says is not signed, and not believed.
pub struct Callback {
    pub state: String,
    pub code: Option<String>,
    pub error: Option<String>,
}

/// How the visit to Discord ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visit {
    Installed(InstallationId),
    Refused(InstallationId, String),
    /// The state is unknown, used or too old.
    Stale,
}

impl Integrations {
    /// Start an installation: answers where a person has to agree to it.
    pub async fn begin(
        &self,
        caller: &Caller,
        id: &InstallationId,
    ) -> Result<(String, u64), CommandError> {
        caller.require(Permission::ManageIntegration)?;
        let state = blake3::Hash::from_bytes(rand::random()).to_hex().to_string();
        let url = self.oauth.install_url(&state)?;
        let ticket = Ticket {
            tenant: id.tenant().to_owned(),
            project: id.project().to_owned(),
            by: caller.actor().clone(),
            correlation: caller.cause.correlation,
        };
        let ticket = serde_json::to_string(&ticket).map_err(CommandError::unavailable)?;
        self.tickets.put(&state_name(&state), &ticket, STATE_LASTS).await?;

        let command = InstallationCommand::Request { by: caller.actor().clone() };
        let executed = self.installations.execute(id, command, &caller.cause).await?;
        Ok((url, executed.position))
    }

    /// Finish an installation with what Discord sent back. Each state is good for one visit.
    pub async fn complete(&self, callback: Callback) -> Result<Visit, CommandError> {
        let Some(ticket) = self.tickets.take(&state_name(&callback.state)).await? else {
            return Ok(Visit::Stale);
        };
        let ticket: Ticket = serde_json::from_str(&ticket).map_err(CommandError::unavailable)?;
        let id = InstallationId::new(&ticket.tenant, &ticket.project);
        let id = id.map_err(CommandError::unavailable)?;
        let cause = Cause::asked(ticket.by.clone(), ticket.correlation, Source::Api);

        let Some(code) = callback.code else {
            let reason = callback.error.unwrap_or_else(|| "no code".to_owned());
            return self.refused(id, reason, &cause).await;
        };
        let grant = match self.oauth.redeem(&code).await {
            Ok(grant) => grant,
            Err(error) => {
                // The state is used up: whoever wants it has to begin again.
                let reason = "Discord gave no tokens for the code".to_owned();
                self.refused(id, reason, &cause).await?;
                return Err(error);
            }
        };
        let Some((guild_id, guild_name)) = grant.guild else {
            return self.refused(id, "Discord named no server".to_owned(), &cause).await;
        };
        if matches!(
            self.installations.load(&id).await?.aggregate.status(),
            None | Some(InstallationStatus::Removed)
        ) {
            let reason = "the installation was removed in the meantime".to_owned();
            return Ok(Visit::Refused(id, reason));
        }
        self.vault.put_secret(&vault_name(&id), &grant.secret).await?;
        let by = Some(ticket.by);
        let command =
            InstallationCommand::Complete { guild_id, guild_name, scope: grant.scope, by };
        match self.installations.execute(&id, command, &cause).await {
            Ok(_) => Ok(Visit::Installed(id)),
            Err(CommandError::Rejected(no)) => {
                // It was removed just now: nobody may use the tokens.
                self.vault.delete_secret(&vault_name(&id)).await?;
                Err(CommandError::Rejected(no))
            }
            Err(error) => Err(error),
        }
    }

    async fn refused(
        &self,
        id: InstallationId,
        reason: String,
        cause: &Cause,
    ) -> Result<Visit, CommandError> {
        let command = InstallationCommand::Fail { reason: reason.clone() };
        self.installations.execute(&id, command, cause).await?;
        Ok(Visit::Refused(id, reason))
    }

    /// Remove an installation, if it still has this version, its tokens included. One whose tokens
    /// were left behind can be removed again.
    pub async fn remove(
        &self,
        caller: &Caller,
        id: &InstallationId,
        version: Option<u64>,
    ) -> Result<u64, CommandError> {
        caller.require(Permission::ManageIntegration)?;
        let command = InstallationCommand::Remove { by: caller.actor().clone() };
        let removed = match version {
            Some(version) => {
                self.installations.execute_at(id, version, command, &caller.cause).await
            }
            None => self.installations.execute(id, command, &caller.cause).await,
        };
        let position = match removed {
            Ok(executed) => executed.position,
            Err(CommandError::Rejected(no)) if no.ground == Ground::Missing => {
                if self.vault.secret(&vault_name(id)).await?.is_none() {
                    return Err(CommandError::Rejected(no));
                }
                self.installations.load(id).await?.position
            }
            Err(error) => return Err(error),
        };
        self.vault.delete_secret(&vault_name(id)).await?;
        Ok(position)
    }
}

fn state_name(state: &str) -> String {
    format!("install/{state}")
}

fn vault_name(id: &InstallationId) -> String {
    format!("installation/{id}")
}
