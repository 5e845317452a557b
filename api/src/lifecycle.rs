//! `/bot` and `/config`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use commands::lifecycle::Lifecycle;
use domain::kernel::Singleton;
use domain::lifecycle::{Settings, SettingsPatch};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use projections::lifecycle::bots;

use crate::Tag;
use crate::answer::{Accepted, Found, Result, Written};
use crate::auth::{May, needs};
use crate::conditional::IfMatch;
use crate::health::seconds;
use crate::request;
use crate::self_editing::ScopeWord;
use crate::services::About;
use crate::views::Views;

pub(crate) struct LifecycleApi {
    pub(crate) lifecycle: Lifecycle,
    pub(crate) views: Views,
    pub(crate) about: Arc<About>,
    pub(crate) started: DateTime<Utc>,
}

/// The bot's presence and what it counts.
#[derive(Object)]
struct BotStatus {
    /// `online`, `offline` or `stopped`.
    status: String,
    guilds: u64,
    users: u64,
    /// Commands that were ever used.
    commands: u64,
    /// Seconds since the process started.
    uptime: u64,
    version: String,
    environment: String,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct BotOrder {
    /// Do not wait for work that was begun.
    #[oai(default)]
    force: bool,
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: String,
}

/// What was ordered.
#[derive(Object)]
struct BotOrdered {
    /// `restarting` or `stopping`.
    status: String,
    force: bool,
    reason: String,
}

/// The product's configuration.
#[derive(Object)]
struct Config {
    bot: ConfigBot,
    features: ConfigFeatures,
    limits: ConfigLimits,
}

#[derive(Object)]
struct ConfigBot {
    name: String,
    version: String,
    environment: String,
}

#[derive(Object)]
struct ConfigFeatures {
    self_editing: ConfigSelfEditing,
    analytics: ConfigAnalytics,
    monitoring: ConfigMonitoring,
}

#[derive(Object)]
struct ConfigSelfEditing {
    enabled: bool,
    /// Whether edits of some scope are approved by themselves.
    auto_approve: bool,
    auto_approve_scopes: Vec<ScopeWord>,
}

#[derive(Object)]
struct ConfigAnalytics {
    enabled: bool,
    retention_days: u32,
}

#[derive(Object)]
struct ConfigMonitoring {
    enabled: bool,
    /// The error rate above which an alarm is raised.
    alert_threshold: f64,
}

#[derive(Object)]
struct ConfigLimits {
    max_guilds: u32,
    max_users_per_guild: u32,
    /// Discord commands per minute and user.
    command_rate_limit: u32,
}

/// Changes of the configuration; what is absent stays.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ConfigPatch {
    features: Option<FeaturesPatch>,
    limits: Option<LimitsPatch>,
}

#[derive(Default, Object)]
#[oai(deny_unknown_fields)]
struct FeaturesPatch {
    self_editing: Option<SelfEditingPatch>,
    analytics: Option<AnalyticsPatch>,
    monitoring: Option<MonitoringPatch>,
}

#[derive(Default, Object)]
#[oai(deny_unknown_fields)]
struct SelfEditingPatch {
    enabled: Option<bool>,
    /// In all scopes, unless `auto_approve_scopes` names some.
    auto_approve: Option<bool>,
    #[oai(validator(max_items = 3))]
    auto_approve_scopes: Option<Vec<ScopeWord>>,
}

#[derive(Default, Object)]
#[oai(deny_unknown_fields)]
struct AnalyticsPatch {
    enabled: Option<bool>,
    #[oai(validator(minimum(value = "1"), maximum(value = "3650")))]
    retention_days: Option<u32>,
}

#[derive(Default, Object)]
#[oai(deny_unknown_fields)]
struct MonitoringPatch {
    enabled: Option<bool>,
    #[oai(validator(minimum(value = "0"), maximum(value = "1")))]
    alert_threshold: Option<f64>,
}

#[derive(Default, Object)]
#[oai(deny_unknown_fields)]
struct LimitsPatch {
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000")))]
    max_guilds: Option<u32>,
    #[oai(validator(minimum(value = "1"), maximum(value = "25000000")))]
    max_users_per_guild: Option<u32>,
    #[oai(validator(minimum(value = "1"), maximum(value = "10000")))]
    command_rate_limit: Option<u32>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Lifecycle")]
impl LifecycleApi {
    /// The bot's presence and what it counts
    #[oai(path = "/bot/status", method = "get", operation_id = "getBotStatus")]
    async fn status(&self, _may: May<needs::ReadConfig>) -> Result<Found<BotStatus>> {
        let bots::Status { bot, guilds, users, commands } =
            bots::status(self.views.live()?.db()).await?;
        let status = match bot {
            Some(bot) if bot.wanted == "stopped" => "stopped",
            Some(bot) if bot.online => "online",
            _ => "offline",
        };
        let About { version, environment, .. } = &*self.about;
        Ok(Found::of(BotStatus {
            status: status.to_owned(),
            guilds,
            users,
            commands,
            uptime: seconds(self.started, request::now()),
            version: version.clone(),
            environment: environment.clone(),
        }))
    }

    /// Make the bot leave Discord and come back
    #[oai(path = "/bot/restart", method = "post", operation_id = "restartBot")]
    async fn restart(
        &self,
        may: May<needs::ManageBot>,
        body: Json<BotOrder>,
    ) -> Result<Accepted<BotOrdered>> {
        let BotOrder { force, reason } = body.0;
        let position = self.lifecycle.restart(&may.caller, force, reason.clone()).await?;
        let status = "restarting".to_owned();
        Ok(Accepted::at(position, BotOrdered { status, force, reason }))
    }

    /// Make the bot leave Discord until it is restarted
    #[oai(path = "/bot/shutdown", method = "post", operation_id = "shutDownBot")]
    async fn shutdown(
        &self,
        may: May<needs::ManageBot>,
        body: Json<BotOrder>,
    ) -> Result<Accepted<BotOrdered>> {
        let BotOrder { force, reason } = body.0;
        let position = self.lifecycle.shutdown(&may.caller, force, reason.clone()).await?;
        let status = "stopping".to_owned();
        Ok(Accepted::at(position, BotOrdered { status, force, reason }))
    }

    /// Read the configuration
    #[oai(path = "/config", method = "get", operation_id = "getConfig")]
    async fn config(&self, may: May<needs::ReadConfig>) -> Result<Found<Config>> {
        let loaded = self.lifecycle.settings(&may.caller).await?;
        Ok(Found::of(self.shown(&loaded.aggregate)).version(loaded.version))
    }

    /// Change the configuration
    ///
    /// What is absent stays as it is. Changing `self_editing` needs the permission
    /// `manage:self-editing` as well.
    #[oai(path = "/config", method = "put", operation_id = "updateConfig")]
    async fn change(
        &self,
        may: May<needs::ManageConfig>,
        if_match: IfMatch,
        body: Json<ConfigPatch>,
    ) -> Result<Written<Config>> {
        let patch = SettingsPatch::from(body.0);
        let version = if_match.of(self.lifecycle.settings.load(&Singleton).await?.version)?;
        let changed = self.lifecycle.change_settings(&may.caller, version, patch).await?;
        let settings = self.lifecycle.settings.load(&Singleton).await?.aggregate;
        let answer = Written::at(changed.position, self.shown(&settings));
        Ok(answer.version(changed.version).saying("the configuration was changed"))
    }
}

impl LifecycleApi {
    fn shown(&self, settings: &Settings) -> Config {
        let About { name, version, environment } = &*self.about;
        Config {
            bot: ConfigBot {
                name: name.clone(),
                version: version.clone(),
                environment: environment.clone(),
            },
            features: ConfigFeatures {
                self_editing: ConfigSelfEditing {
                    enabled: settings.self_editing.enabled,
                    auto_approve: settings.self_editing.auto_approve(),
                    auto_approve_scopes: ScopeWord::all(&settings.self_editing.auto_approve_scopes),
                },
                analytics: ConfigAnalytics {
                    enabled: settings.analytics_enabled,
                    retention_days: settings.retention_days,
                },
                monitoring: ConfigMonitoring {
                    enabled: settings.monitoring_enabled,
                    alert_threshold: settings.alert_threshold,
                },
            },
            limits: ConfigLimits {
                max_guilds: settings.max_guilds,
                max_users_per_guild: settings.max_users_per_guild,
                command_rate_limit: settings.command_rate_limit,
            },
        }
    }
}

impl From<ConfigPatch> for SettingsPatch {
    fn from(patch: ConfigPatch) -> Self {
        let FeaturesPatch { self_editing, analytics, monitoring } =
            patch.features.unwrap_or_default();
        let self_editing = self_editing.unwrap_or_default();
        let analytics = analytics.unwrap_or_default();
        let monitoring = monitoring.unwrap_or_default();
        let limits = patch.limits.unwrap_or_default();
        Self {
            self_editing_enabled: self_editing.enabled,
            auto_approve: self_editing.auto_approve,
            auto_approve_scopes: self_editing.auto_approve_scopes.map(ScopeWord::scopes),
            analytics_enabled: analytics.enabled,
            retention_days: analytics.retention_days,
            monitoring_enabled: monitoring.enabled,
            alert_threshold: monitoring.alert_threshold,
            max_guilds: limits.max_guilds,
            max_users_per_guild: limits.max_users_per_guild,
            command_rate_limit: limits.command_rate_limit,
            ..Self::default()
        }
    }
}
