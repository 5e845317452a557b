//! Use cases around the installation of the bot for a tenant's project.

use std::sync::Arc;
use std::time::Duration;

use domain::identity::Permission;
use domain::integrations::{Installation, InstallationCommand};
use domain::kernel::{Actor, Cause, InstallationId, Source};
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

/// What Discord sends a person back with.
pub struct Callback {
    pub state: String,
    pub code: Option<String>,
    pub error: Option<String>,
    pub guild: Option<String>,
}

/// How the visit to Discord ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visit {
    Installed(InstallationId),
    Refused(InstallationId, String),
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
        let ticket = self.tickets.take(&state_name(&callback.state)).await?;
        let unknown = || CommandError::invalid("state", "the state is unknown, used or too old");
        let ticket: Ticket = serde_json::from_str(&ticket.ok_or_else(unknown)?)
            .map_err(CommandError::unavailable)?;
        let id = InstallationId::new(&ticket.tenant, &ticket.project);
        let id = id.map_err(|_| unknown())?;
        let cause = Cause::asked(ticket.by.clone(), ticket.correlation, Source::Api);

        let Some(code) = callback.code else {
            let reason = callback.error.unwrap_or_else(|| "no code".to_owned());
            let command = InstallationCommand::Fail { reason: reason.clone() };
            self.installations.execute(&id, command, &cause).await?;
            return Ok(Visit::Refused(id, reason));
        };
        let grant = self.oauth.redeem(&code).await?;
        self.vault.put_secret(&vault_name(&id), &grant.secret).await?;
        let (guild_id, guild_name) = match (grant.guild, callback.guild) {
            (Some(guild), _) => guild,
            (None, guild) => (guild.unwrap_or_default(), String::new()),
        };
        let by = Some(ticket.by);
        let command =
            InstallationCommand::Complete { guild_id, guild_name, scope: grant.scope, by };
        self.installations.execute(&id, command, &cause).await?;
        Ok(Visit::Installed(id))
    }

    /// Remove an installation, its tokens included.
    pub async fn remove(&self, caller: &Caller, id: &InstallationId) -> Result<u64, CommandError> {
        caller.require(Permission::ManageIntegration)?;
        let command = InstallationCommand::Remove { by: caller.actor().clone() };
        let executed = self.installations.execute(id, command, &caller.cause).await?;
        self.vault.delete_secret(&vault_name(id)).await?;
        Ok(executed.position)
    }
}

fn state_name(state: &str) -> String {
    format!("install/{state}")
}

fn vault_name(id: &InstallationId) -> String {
    format!("installation/{id}")
}
