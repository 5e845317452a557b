//! The product's configuration, as people change it at run time.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::kernel::{Actor, Ground, Rejection, Scope, aggregate};

const ALL_SCOPES: [Scope; 3] = [Scope::Features, Scope::Performance, Scope::Security];

/// Everything that can be set, with its defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub self_editing: SelfEditingSettings,
    pub analytics_enabled: bool,
    /// Days that analytics look back at most.
    pub retention_days: u32,
    pub monitoring_enabled: bool,
    /// The error rate, from 0 to 1, above which an alarm is raised.
    pub alert_threshold: f64,
    pub max_guilds: u32,
    pub max_users_per_guild: u32,
    /// Discord commands per minute and user.
    pub command_rate_limit: u32,
}

/// What the bot may change about itself, and how carefully.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfEditingSettings {
    pub enabled: bool,
    pub scope: BTreeSet<Scope>,
    /// Edits of these are approved and applied by themselves once their checks have passed.
    #[serde(default)]
    pub auto_approve_scopes: BTreeSet<Scope>,
    pub backup_before_edit: bool,
}

impl SelfEditingSettings {
    /// Whether edits of any scope are approved by themselves.
    pub fn auto_approve(&self) -> bool {
        !self.auto_approve_scopes.is_empty()
    }
}

/// Changes of some settings; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingsPatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_editing_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<BTreeSet<Scope>>,
    /// Of all scopes, unless some are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_approve: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_approve_scopes: Option<BTreeSet<Scope>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_before_edit: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analytics_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_threshold: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_guilds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_users_per_guild: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_rate_limit: Option<u32>,
}

impl SettingsPatch {
    /// Whether it changes what the bot may do to itself.
    pub fn touches_self_editing(&self) -> bool {
        self.self_editing_enabled.is_some()
            || self.scope.is_some()
            || self.auto_approve.is_some()
            || self.auto_approve_scopes.is_some()
            || self.backup_before_edit.is_some()
    }
}

/// What can be asked of them.
#[derive(Debug, Clone, PartialEq)]
pub enum SettingsCommand {
    Change { patch: SettingsPatch, by: Actor, reason: Option<String> },
}

/// What has happened to them. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SettingsEvent {
    Changed {
        #[serde(flatten)]
        patch: SettingsPatch,
        by: Actor,
        reason: Option<String>,
    },
}

/// Why a change is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("{field} must be {wanted}")]
    OutOfRange { field: &'static str, wanted: &'static str },
}

impl Rejection for SettingsError {
    fn ground(&self) -> Ground {
        Ground::Input
    }

    fn code(&self) -> Option<&'static str> {
        Some("CONFIG_VALIDATION_ERROR")
    }

    fn field(&self) -> Option<&str> {
        let Self::OutOfRange { field, .. } = self;
        Some(field)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            self_editing: SelfEditingSettings {
                enabled: true,
                scope: ALL_SCOPES.into(),
                auto_approve_scopes: BTreeSet::new(),
                backup_before_edit: true,
            },
            analytics_enabled: true,
            retention_days: 90,
            monitoring_enabled: true,
            alert_threshold: 0.05,
            max_guilds: 100,
            max_users_per_guild: 10_000,
            command_rate_limit: 60,
        }
    }
}

impl Settings {
    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: SettingsCommand) -> Result<Vec<SettingsEvent>, SettingsError> {
        let SettingsCommand::Change { patch, by, reason } = command;
        let bad = |field, wanted| Err(SettingsError::OutOfRange { field, wanted });
        if patch.retention_days.is_some_and(|days| !(1..=3650).contains(&days)) {
            return bad("features.analytics.retention_days", "from 1 to 3650");
        }
        if patch.alert_threshold.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return bad("features.monitoring.alert_threshold", "from 0 to 1");
        }
        if patch.max_guilds.is_some_and(|most| !(1..=1_000_000).contains(&most)) {
            return bad("limits.max_guilds", "from 1 to 1000000");
        }
        if patch.max_users_per_guild.is_some_and(|most| !(1..=25_000_000).contains(&most)) {
            return bad("limits.max_users_per_guild", "from 1 to 25000000");
        }
        if patch.command_rate_limit.is_some_and(|most| !(1..=10_000).contains(&most)) {
            return bad("limits.command_rate_limit", "from 1 to 10000");
        }

        let mut after = self.clone();
        after.merge(&patch);
        if after == *self {
            return Ok(vec![]);
        }
        Ok(vec![SettingsEvent::Changed { patch, by, reason }])
    }

    fn evolve(&mut self, event: &SettingsEvent) {
        let SettingsEvent::Changed { patch, .. } = event;
        self.merge(patch);
    }

    fn merge(&mut self, patch: &SettingsPatch) {
        fn set<T: Clone>(to: &mut T, from: Option<&T>) {
            if let Some(value) = from {
                to.clone_from(value);
            }
        }
        set(&mut self.self_editing.enabled, patch.self_editing_enabled.as_ref());
        set(&mut self.self_editing.scope, patch.scope.as_ref());
        let all = || ALL_SCOPES.into();
        let automatic = match (patch.auto_approve, &patch.auto_approve_scopes) {
            (Some(false), _) => Some(BTreeSet::new()),
            (_, Some(scopes)) => Some(scopes.clone()),
            (Some(true), None) => Some(all()),
            (None, None) => None,
        };
        set(&mut self.self_editing.auto_approve_scopes, automatic.as_ref());
        set(&mut self.self_editing.backup_before_edit, patch.backup_before_edit.as_ref());
        set(&mut self.analytics_enabled, patch.analytics_enabled.as_ref());
        set(&mut self.retention_days, patch.retention_days.as_ref());
        set(&mut self.monitoring_enabled, patch.monitoring_enabled.as_ref());
        set(&mut self.alert_threshold, patch.alert_threshold.as_ref());
        set(&mut self.max_guilds, patch.max_guilds.as_ref());
        set(&mut self.max_users_per_guild, patch.max_users_per_guild.as_ref());
        set(&mut self.command_rate_limit, patch.command_rate_limit.as_ref());
    }
}

aggregate!(Settings: "settings", SettingsCommand -> SettingsEvent | SettingsError);

#[cfg(test)]
mod tests {
    use super::{SettingsError as No, SettingsEvent as Did, *};
    use crate::kernel::testing::given;

    #[test]
    fn what_is_absent_stays() {
        let patch = SettingsPatch { max_guilds: Some(7), ..SettingsPatch::default() };
        let mut settings = Settings::default();
        settings.evolve(&Did::Changed { patch, by: Actor::system("test"), reason: None });
        assert_eq!(settings, Settings { max_guilds: 7, ..Settings::default() });
    }

    #[test]
    fn edits_are_approved_by_themselves_in_all_scopes_or_in_some() {
        let after = |auto_approve, scopes: Option<&[Scope]>| {
            let auto_approve_scopes = scopes.map(|it| it.iter().copied().collect());
            let patch = SettingsPatch { auto_approve, auto_approve_scopes, ..Default::default() };
            let mut settings = Settings::default();
            settings.merge(&patch);
            settings.self_editing.auto_approve_scopes
        };
        assert_eq!(after(Some(true), None), ALL_SCOPES.into());
        assert_eq!(after(None, Some(&[Scope::Performance])), [Scope::Performance].into());
        assert_eq!(after(Some(false), Some(&[Scope::Performance])), [].into());
        assert_eq!(after(None, None), [].into());
    }

    #[test]
    fn nonsense_is_refused_by_field() {
        let patch = SettingsPatch { alert_threshold: Some(1.5), ..SettingsPatch::default() };
        let (field, wanted) = ("features.monitoring.alert_threshold", "from 0 to 1");
        given::<Settings>([])
            .when(SettingsCommand::Change { patch, by: Actor::system("test"), reason: None })
            .then_expect_error(No::OutOfRange { field, wanted });
    }

    #[test]
    fn setting_what_is_set_changes_nothing() {
        let patch = SettingsPatch { max_guilds: Some(100), ..SettingsPatch::default() };
        given::<Settings>([])
            .when(SettingsCommand::Change { patch, by: Actor::system("test"), reason: None })
            .then_expect_events(vec![]);
    }
}
