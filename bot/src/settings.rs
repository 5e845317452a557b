//! How the bot reaches Discord.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use domain::kernel::GuildId;
use serenity::all::GatewayIntents;

/// See the module. [`Settings::new`] has good defaults.
#[derive(Clone)]
pub struct Settings {
    pub token: String,
    /// What to use in place of `https://discord.com`.
    pub api_url: Option<String>,
    /// Where the gateway may be, when it is not where the API is.
    pub gateway_host: Option<String>,
    /// Whether the application may see members and the content of messages; both are switched on
    /// in Discord's developer portal.
    pub privileged_intents: bool,
    /// How long a lost connection may take to come back before the bot counts as absent.
    pub patience: Duration,
    /// How long work that was begun may take to end when the bot leaves.
    pub grace: Duration,
    /// How old a message may be that was said while nobody listened, and is answered all the same.
    pub answer_within: Duration,
    /// The servers whose managers may edit the bot; without any, the one that it is in.
    pub trusted_guilds: BTreeSet<GuildId>,
    /// How often slash commands may be used.
    pub limits: CommandLimits,
    /// Names this process to the others.
    pub holder: String,
}

/// How many slash commands are carried out a minute, each command counted by itself.
#[derive(Debug, Clone, Copy)]
pub struct CommandLimits {
    pub enabled: bool,
    /// By everybody, all commands together.
    pub global_per_minute: u32,
    /// In one server.
    pub guild_per_minute: u32,
    /// By one person.
    pub user_per_minute: u32,
}

impl Default for CommandLimits {
    fn default() -> Self {
        Self { enabled: true, global_per_minute: 1_000, guild_per_minute: 100, user_per_minute: 10 }
    }
}

impl Settings {
    pub fn new(token: impl Into<String>, holder: impl Into<String>) -> Self {
        Self {
            token: token.into(),
            api_url: None,
            gateway_host: None,
            privileged_intents: true,
            patience: Duration::from_secs(10),
            grace: Duration::from_secs(10),
            answer_within: Duration::from_mins(5),
            trusted_guilds: BTreeSet::new(),
            limits: CommandLimits::default(),
            holder: holder.into(),
        }
    }

    pub(crate) fn intents(&self) -> GatewayIntents {
        let open = GatewayIntents::GUILDS
            | GatewayIntents::GUILD_MESSAGES
            | GatewayIntents::GUILD_MESSAGE_REACTIONS
            | GatewayIntents::DIRECT_MESSAGES
            | GatewayIntents::DIRECT_MESSAGE_REACTIONS;
        let privileged = GatewayIntents::GUILD_MEMBERS | GatewayIntents::MESSAGE_CONTENT;
        if self.privileged_intents { open | privileged } else { open }
    }

    /// Whether a gateway at this address is the one that belongs to the configured API.
    pub(crate) fn expects_gateway(&self, url: &str) -> bool {
        let host = host(url);
        match (&self.gateway_host, &self.api_url) {
            (Some(expected), _) => host == expected,
            (None, Some(api)) => host == self::host(api),
            (None, None) => url.starts_with("wss://") && host.ends_with(".discord.gg"),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("api_url", &self.api_url).finish_non_exhaustive()
    }
}

/// The host in an address, without port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_elsewhere_is_not_expected() {
        let mut settings = Settings::new("token", "test");
        assert!(settings.expects_gateway("wss://gateway-us-east1-b.discord.gg"));
        assert!(!settings.expects_gateway("wss://discord.gg.example.com"));
        assert!(!settings.expects_gateway("ws://gateway.discord.gg"));

        settings.api_url = Some("http://127.0.0.1:8090".to_owned());
        assert!(settings.expects_gateway("ws://127.0.0.1:9000/gateway"));
        assert!(!settings.expects_gateway("wss://gateway.discord.gg"));

        settings.gateway_host = Some("[::1]".to_owned());
        assert!(settings.expects_gateway("ws://[::1]:9000/gateway"));
    }
}
