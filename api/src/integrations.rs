//! Installations of the bot for tenants' projects. Answers are bare here, as seed 002's clients
//! read them.

use commands::integrations::{Callback, Integrations, Visit};
use commands::lifecycle::Lifecycle;
use domain::integrations::InstallationStatus;
use domain::kernel::{InstallationId, Singleton};
use poem::http::StatusCode;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use projections::integrations::installations;
use projections::lifecycle::bots;
use uuid::Uuid;

use crate::Tag;
use crate::answer::Result;
use crate::auth::{May, needs};
use crate::conditional::IfMatch;
use crate::error::ApiError;
use crate::request;
use crate::views::Views;

pub(crate) struct IntegrationsApi {
    pub(crate) integrations: Integrations,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) views: Views,
    pub(crate) dashboard: String,
}

/// Where to agree to the installation.
#[derive(Object)]
struct InstallLink {
    oauth_url: String,
}

/// An integration of a project.
#[derive(Object)]
#[expect(clippy::struct_field_names, reason = "the wire says so")]
struct Integration {
    id: Uuid,
    tenant_id: String,
    project_id: String,
    integration_type: String,
    meta: IntegrationMeta,
    /// `pending`, `active`, `degraded` or `removed`.
    status: String,
    created_at: String,
    updated_at: String,
}

/// What may be shown of what Discord gave; never a token.
#[derive(Object)]
struct IntegrationMeta {
    guild_name: Option<String>,
    guild_id: Option<String>,
}

#[derive(Object)]
struct IntegrationDeleted {
    message: String,
}

#[derive(ApiResponse)]
enum InstallBegun {
    /// Send the person there.
    #[oai(status = 200)]
    Link(
        Json<InstallLink>,
        /// The commit of the log that shows the effect.
        #[oai(header = "X-Event-Position")]
        u64,
    ),
}

#[derive(ApiResponse)]
enum Removed {
    /// It was removed.
    #[oai(status = 200)]
    Done(
        Json<IntegrationDeleted>,
        /// The commit of the log that shows the effect.
        #[oai(header = "X-Event-Position")]
        u64,
    ),
}

#[derive(ApiResponse)]
enum BackToDashboard {
    /// Back to the dashboard, which is told how it went.
    #[oai(status = 302)]
    There(#[oai(header = "Location")] String),
}

#[OpenApi(prefix_path = "/api", tag = "Tag::Integrations")]
impl IntegrationsApi {
    /// Begin to install the Discord integration for a project
    ///
    /// Refused when the bot is in `limits.max_guilds` servers already, unless the project has it.
    #[oai(
        path = "/v1/tenants/:tenant_id/projects/:project_id/integrations/discord/install",
        method = "get",
        operation_id = "installDiscord"
    )]
    async fn install(
        &self,
        may: May<needs::ManageIntegration>,
        #[oai(validator(max_length = 64, pattern = "^[^:]+$"))] tenant_id: Path<String>,
        #[oai(validator(max_length = 64, pattern = "^[^:]+$"))] project_id: Path<String>,
    ) -> Result<InstallBegun> {
        let id = project(&tenant_id.0, &project_id.0)?;
        self.require_room(&id).await?;
        let (oauth_url, position) = self.integrations.begin(&may.caller, &id).await?;
        Ok(InstallBegun::Link(Json(InstallLink { oauth_url }), position))
    }

    /// List a project's integrations
    #[oai(
        path = "/v1/tenants/:tenant_id/projects/:project_id/integrations/project",
        method = "get",
        operation_id = "listProjectIntegrations"
    )]
    async fn list(
        &self,
        _may: May<needs::ReadIntegration>,
        #[oai(validator(max_length = 64, pattern = "^[^:]+$"))] tenant_id: Path<String>,
        #[oai(validator(max_length = 64, pattern = "^[^:]+$"))] project_id: Path<String>,
    ) -> Result<Json<Vec<Integration>>> {
        let id = project(&tenant_id.0, &project_id.0)?;
        let live = self.views.live()?;
        let db = live.db();
        let rows = installations::of_project(db, id.tenant(), id.project()).await?;
        Ok(Json(rows.into_iter().map(Integration::from).collect()))
    }

    /// Remove the Discord integration of a project
    #[oai(
        path = "/v1/tenants/:tenant_id/projects/:project_id/integrations/project/discord",
        method = "delete",
        operation_id = "removeDiscord"
    )]
    async fn remove(
        &self,
        may: May<needs::ManageIntegration>,
        if_match: IfMatch,
        #[oai(validator(max_length = 64, pattern = "^[^:]+$"))] tenant_id: Path<String>,
        #[oai(validator(max_length = 64, pattern = "^[^:]+$"))] project_id: Path<String>,
    ) -> Result<Removed> {
        let id = project(&tenant_id.0, &project_id.0)?;
        let version = if_match.of(self.integrations.installations.load(&id).await?.version)?;
        let position = self.integrations.remove(&may.caller, &id, version).await?;
        let message = "integration deleted successfully".to_owned();
        Ok(Removed::Done(Json(IntegrationDeleted { message }), position))
    }

    /// Where Discord sends people back
    ///
    /// The dashboard is told `status=success`, `refused` when the person or Discord did not agree,
    /// or `error`, as when the state is unknown, used or older than ten minutes.
    #[oai(
        path = "/public/integrations/discord/callback",
        method = "get",
        operation_id = "discordCallback"
    )]
    async fn callback(
        &self,
        #[oai(validator(min_length = 1, max_length = 512))] state: Query<String>,
        #[oai(validator(min_length = 1, max_length = 512))] code: Query<Option<String>>,
        /// Not looked at: only what Discord itself says of the server counts.
        #[oai(validator(min_length = 1, max_length = 20))]
        guild_id: Query<Option<String>>,
        /// What Discord says when the person did not agree.
        #[oai(validator(min_length = 1, max_length = 200))]
        error: Query<Option<String>>,
    ) -> Result<BackToDashboard> {
        let _ = guild_id.0;
        let callback = Callback { state: state.0, code: code.0, error: error.0 };
        let status = match self.integrations.complete(callback).await {
            Ok(Visit::Installed(id)) => {
                // The dashboard shows it at once.
                let position = self.integrations.installations.load(&id).await?.position;
                self.views.generations.wait_for(position, self.views.patience).await;
                "success"
            }
            Ok(Visit::Refused(_, reason)) => {
                tracing::info!(request_id = %request::id(), reason, "an installation was refused");
                "refused"
            }
            Ok(Visit::Stale) => "error",
            // A person with a browser reads the dashboard, not an error of ours.
            Err(error) => {
                let error = commands::describe(&error);
                tracing::warn!(request_id = %request::id(), error, "an installation failed");
                "error"
            }
        };
        let join = if self.dashboard.contains('?') { '&' } else { '?' };
        let there = format!("{}{join}integration=discord&status={status}", self.dashboard);
        Ok(BackToDashboard::There(there))
    }
}

impl IntegrationsApi {
    /// Installing again adds no server.
    async fn require_room(&self, id: &InstallationId) -> Result<()> {
        let most = self.lifecycle.settings.load(&Singleton).await?.aggregate.max_guilds;
        let guilds = bots::status(self.views.live()?.db()).await?.guilds;
        let status = self.integrations.installations.load(id).await?.aggregate.status();
        if guilds < u64::from(most) || status == Some(InstallationStatus::Active) {
            return Ok(());
        }
        let message = format!(
            "the bot is in {guilds} servers, and limits.max_guilds is {most}; raise it with PUT \
             /config"
        );
        Err(ApiError::new(StatusCode::CONFLICT, message))
    }
}

fn project(tenant: &str, project: &str) -> Result<InstallationId> {
    InstallationId::new(tenant, project).map_err(|error| {
        let field = if error.text == tenant { "tenant_id" } else { "project_id" };
        ApiError::field(field, format!("must be {}", error.expected))
    })
}

impl From<installations::Model> for Integration {
    fn from(row: installations::Model) -> Self {
        Self {
            id: row.uuid,
            tenant_id: row.tenant_id,
            project_id: row.project_id,
            integration_type: "discord".to_owned(),
            meta: IntegrationMeta { guild_name: row.guild_name, guild_id: row.guild_id },
            status: row.status,
            created_at: request::shown(row.created_at.0),
            updated_at: request::shown(row.updated_at.0),
        }
    }
}
