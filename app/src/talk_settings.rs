//! The settings of the bot on Discord and of talking with it.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::kernel::GuildId;
use serde::{Deserialize, Deserializer};

use crate::config::Secret;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discord {
    pub token: Secret,
    pub api_url: String,
    pub client_id: String,
    pub client_secret: Secret,
    pub redirect_uri: String,
    pub privileged_intents: bool,
    pub gateway_host: String,
    pub answer_within_s: u64,
    pub patience_s: u64,
    pub grace_s: u64,
    #[serde(deserialize_with = "ids")]
    pub trusted_guilds: BTreeSet<u64>,
    pub rate_limits: CommandLimits,
}

impl Discord {
    /// What of it concerns the bot.
    pub(crate) fn apply(&self, settings: &mut bot::Settings) {
        settings.privileged_intents = self.privileged_intents;
        settings.gateway_host = Some(self.gateway_host.clone()).filter(|host| !host.is_empty());
        settings.answer_within = Duration::from_secs(self.answer_within_s);
        settings.patience = Duration::from_secs(self.patience_s);
        settings.grace = Duration::from_secs(self.grace_s);
        settings.trusted_guilds = self.trusted_guilds.iter().copied().map(GuildId).collect();
        settings.limits = self.rate_limits.into();
    }
}

/// Ids of Discord, with commas between.
fn ids<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<u64>, D::Error> {
    let text = String::deserialize(from)?;
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
    ids.map(|id| {
        let wrong = || format!("trusted_guilds: “{id}” is no id of a server; copy it in Discord");
        id.parse().map_err(|_| serde::de::Error::custom(wrong()))
    })
    .collect()
}

/// How many slash commands are carried out a minute.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandLimits {
    pub enabled: bool,
    pub global_per_minute: u32,
    pub guild_per_minute: u32,
    pub user_per_minute: u32,
}

impl From<CommandLimits> for bot::CommandLimits {
    fn from(limits: CommandLimits) -> Self {
        let CommandLimits { enabled, global_per_minute, guild_per_minute, user_per_minute } =
            limits;
        Self { enabled, global_per_minute, guild_per_minute, user_per_minute }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    pub rate_limits: ConversationLimits,
}

/// How much people may say to the bot.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConversationLimits {
    pub enabled: bool,
    pub per_minute: u32,
    pub per_hour: u32,
    pub per_day: u32,
    pub pause_s: u32,
}

impl From<ConversationLimits> for commands::conversation::ConversationLimits {
    fn from(limits: ConversationLimits) -> Self {
        let ConversationLimits { enabled, per_minute, per_hour, per_day, pause_s } = limits;
        Self { enabled, per_minute, per_hour, per_day, pause_s }
    }
}
