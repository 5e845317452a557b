//! The settings of a process: defaults, then a file, then the environment, then the command line.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use config::{Environment, File, FileFormat};
use domain::kernel::Shown;
use serde::Deserialize;

use crate::accounts::{Identity, is_address};
use crate::ai::Ai;
use crate::behaviors::Behaviors;
use crate::cli::{Place, ServeArgs};
pub use crate::roles::Roles;
pub use crate::talk_settings::{CommandLimits, Conversation, ConversationLimits, Discord};

/// The defaults, which are also the manual.
const DEFAULTS: &str = include_str!("config.default.toml");

/// How the variables of all settings begin.
const PREFIX: &str = "PALIMPSEST_";

/// The settings that stand in no table.
const PROCESS: [&str; 8] =
    ["data_dir", "environment", "listen", "log", "operational", "roles", "vault", "views"];

/// Looked for in the present folder.
const USUAL_FILE: &str = "palimpsest.toml";

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub data_dir: PathBuf,
    pub listen: String,
    pub log: Location,
    pub views: Location,
    pub operational: Location,
    pub vault: Location,
    pub roles: String,
    pub environment: String,
    pub ai: Ai,
    pub behaviors: Behaviors,
    pub conversation: Conversation,
    pub discord: Discord,
    pub identity: Identity,
    pub jetstream: JetStream,
    pub logging: Logging,
    pub master_key: crate::master_key::MasterKeySettings,
    pub mirror: Mirror,
    pub chain: Chain,
    pub api: api::ApiSettings,
}

/// A text that may hold a password or a token: never shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(none)" } else { "Secret(…)" })
    }
}

/// Where a store is; it may hold a password, and is shown without it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Location(String);

impl Location {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Location {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&Shown(&self.0), f)
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JetStream {
    pub stream: String,
    pub prefix: String,
    pub replicas: usize,
    pub monitoring: String,
    pub allow_relaxed: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logging {
    pub filter: String,
    pub keep_days: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mirror {
    pub enabled: bool,
    pub directory: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    pub sign_after_commits: u64,
    pub sign_after_s: u64,
}

fn set<T>(to: &mut T, from: Option<T>) {
    if let Some(value) = from {
        *to = value;
    }
}

impl Config {
    /// Reads the settings, and says which one is wrong.
    pub fn read(place: &Place, serve: &ServeArgs) -> anyhow::Result<Self> {
        Self::from(place, serve, std::env::vars().collect())
    }

    fn from(
        place: &Place,
        serve: &ServeArgs,
        variables: HashMap<String, String>,
    ) -> anyhow::Result<Self> {
        let mut sources =
            config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        let file = place.config.clone().or_else(|| variables.get("CONFIG_PATH").map(PathBuf::from));
        match &file {
            Some(file) => {
                if !file.exists() {
                    bail!("the settings file {} does not exist", file.display());
                }
                sources = sources.add_source(File::from(file.as_path()).format(FileFormat::Toml));
            }
            None => {
                let usual = File::from(Path::new(USUAL_FILE)).format(FileFormat::Toml);
                sources = sources.add_source(usual.required(false));
            }
        }
        // Of the names without a table, some are the command line's alone.
        let ours = variables.iter().filter(|(name, _)| {
            let key = name.strip_prefix(PREFIX).map(str::to_lowercase);
            key.is_some_and(|key| key.contains("__") || PROCESS.contains(&key.as_str()))
        });
        let ours: config::Map<String, String> =
            ours.map(|(name, value)| (name.clone(), value.clone())).collect();
        let environment = Environment::with_prefix("PALIMPSEST")
            .prefix_separator("_")
            .separator("__")
            .source(Some(ours));
        let read =
            sources.add_source(environment).build().context("the settings cannot be read")?;
        let mut config: Self = read.try_deserialize().context("a setting is wrong")?;

        set(&mut config.data_dir, place.data_dir.clone());
        set(&mut config.log, place.log.clone().map(Location));
        set(&mut config.views, place.views.clone().map(Location));
        set(&mut config.operational, place.operational.clone().map(Location));
        set(&mut config.vault, place.vault.clone().map(Location));
        set(&mut config.listen, serve.listen.clone());
        set(&mut config.roles, serve.roles.clone());
        set(&mut config.discord.token, variables.get("DISCORD_BOT_TOKEN").cloned().map(Secret));
        set(&mut config.discord.api_url, variables.get("DISCORD_API_URL").cloned());
        set(&mut config.discord.client_id, variables.get("DISCORD_CLIENT_ID").cloned());
        let client_secret = variables.get("DISCORD_CLIENT_SECRET").cloned();
        set(&mut config.discord.client_secret, client_secret.map(Secret));
        set(&mut config.discord.redirect_uri, variables.get("DISCORD_REDIRECT_URI").cloned());
        config.check()?;
        Ok(config)
    }

    /// Refuses what cannot work, by name.
    fn check(&self) -> anyhow::Result<()> {
        self.roles()?;
        let log = self.log.reveal();
        let known = ["sqlite://", "nats://", "tls://"];
        ensure!(
            log == "sqlite"
                || known.iter().any(|it| log.strip_prefix(it).is_some_and(|it| !it.is_empty())),
            "the setting “log” is wrong: it is sqlite, sqlite://path, or the address of a NATS \
             server such as nats://127.0.0.1:4222"
        );
        self.identity.check()?;
        let url = &self.discord.api_url;
        ensure!(
            is_address(url),
            "the setting “discord.api_url” (DISCORD_API_URL) is wrong: “{url}” is no address such \
             as https://discord.com"
        );
        Ok(())
    }

    /// What stands in for Discord, if anything does.
    pub fn other_discord(&self) -> Option<&str> {
        let url = self.discord.api_url.trim_end_matches('/');
        (url != "https://discord.com").then_some(url)
    }

    /// Whether answers that are meant for Discord cannot be sent: another process is the bot, or
    /// Discord is configured, and there is no token.
    pub fn lacks_token_to_answer(&self, roles: Roles) -> bool {
        let expected = !roles.bot || !self.discord.client_id.is_empty();
        roles.reactor && expected && self.discord.token.is_empty()
    }

    pub fn roles(&self) -> anyhow::Result<Roles> {
        self.roles.parse()
    }

    /// The folder of the application log.
    pub fn log_folder(&self) -> PathBuf {
        self.api.log_directory.clone().unwrap_or_else(|| self.file("logs"))
    }

    /// A file in the data directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.data_dir.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_read() {
        let config = read(&[]).unwrap();
        assert_eq!(config.listen, "127.0.0.1:8080");
        assert_eq!(config.roles().unwrap().names().len(), 4);
    }

    #[test]
    fn the_environment_changes_tables() {
        let config = read(&[("PALIMPSEST_CHAIN__SIGN_AFTER_S", "5"), ("DISCORD_BOT_TOKEN", "t")]);
        let config = config.unwrap();
        assert_eq!((config.chain.sign_after_s, config.discord.token.reveal()), (5, "t"));
        assert!(!format!("{config:?}").contains("Secret(t)"));
    }

    #[test]
    fn every_setting_has_a_variable_that_takes_effect() {
        let before = format!("{:?}", read(&[]).unwrap());
        let mut settings = Vec::new();
        leaves("", &DEFAULTS.parse().unwrap(), &mut settings);
        assert!(settings.len() > 40, "{settings:?}");
        for (name, default) in settings {
            let ends = |it: &str| name.ends_with(it);
            let other = match default {
                toml::Value::Array(_) => "https://a.example, https://b.example".to_owned(),
                toml::Value::Boolean(it) => (!it).to_string(),
                toml::Value::Integer(it) => (it + 1).to_string(),
                toml::Value::String(_) if name == "PALIMPSEST_AI__PROVIDER" => "openai".to_owned(),
                toml::Value::String(_) if name == "PALIMPSEST_LOG" => "sqlite://other".to_owned(),
                toml::Value::String(_) if name == "PALIMPSEST_ROLES" => "api".to_owned(),
                toml::Value::String(_) if ends("__SMTP_URL") => "smtp://mail".to_owned(),
                toml::Value::String(_) if ends("_URL") || ends("__ISSUER") => "https://a.b".into(),
                toml::Value::String(_) if ends("__MAIL_FROM") => "a@b.example".to_owned(),
                toml::Value::String(it) if humantime::parse_duration(&it).is_ok() => "7h".into(),
                toml::Value::String(it) => format!("{it}9"),
                odd => panic!("{name}: {odd}"),
            };
            let config =
                read(&[(&name, &other)]).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            assert_ne!(format!("{config:?}"), before, "{name}={other} changed nothing");
        }
    }

    #[test]
    fn reactors_without_the_bot_want_its_token() {
        let lacks = |roles: &str, token: &str| {
            let config = read(&[("PALIMPSEST_ROLES", roles), ("DISCORD_BOT_TOKEN", token)]);
            let config = config.unwrap();
            config.lacks_token_to_answer(config.roles().unwrap())
        };
        assert!(lacks("reactor", "") && !lacks("reactor", "t"));
        assert!(!lacks("all", "") && !lacks("api,bot", ""));
    }

    #[test]
    fn one_value_of_a_rate_limit_and_a_list_can_be_set_alone() {
        let config = read(&[
            ("PALIMPSEST_API__RATE_LIMITS__DEFAULT__PER_MINUTE", "7"),
            ("PALIMPSEST_API__ALLOWED_ORIGINS", "https://a.example, https://b.example"),
            ("PALIMPSEST_ENVIRONMENT", "production"),
            ("PALIMPSEST_API__LOG_DIRECTORY", "/var/log/palimpsest"),
            ("PALIMPSEST_DISCORD__CLIENT_ID", "0123"),
        ]);
        let config = config.unwrap();
        let limit = config.api.rate_limits.default;
        assert_eq!((limit.per_minute.get(), limit.burst.get()), (7, 200));
        assert_eq!(config.api.allowed_origins, ["https://a.example", "https://b.example"]);
        assert_eq!(config.environment, "production");
        assert_eq!(config.log_folder(), Path::new("/var/log/palimpsest"));
        assert_eq!(config.discord.client_id, "0123");
        assert!(
            read(&[("PALIMPSEST_API__ALLOWED_ORIGINS", "")])
                .unwrap()
                .api
                .allowed_origins
                .is_empty()
        );
    }

    #[test]
    fn the_defaults_are_the_ones_of_the_door() {
        let read = format!("{:?}", read(&[]).unwrap().api);
        assert_eq!(read, format!("{:?}", api::ApiSettings::default()));
    }

    #[test]
    fn places_are_shown_without_their_passwords() {
        let places = ["log", "operational", "vault", "views"].map(|key| {
            let scheme = if key == "log" { "nats" } else { "postgres" };
            let place = format!("{scheme}://ana:s3cret@db/x");
            (format!("PALIMPSEST_{}", key.to_uppercase()), place)
        });
        let config =
            Config::from(&Place::default(), &ServeArgs::default(), places.into_iter().collect());
        let shown = format!("{:?}", config.unwrap());
        assert!(shown.contains("postgres://db/x") && !shown.contains("s3cret"), "{shown}");
    }

    /// The variables of all settings, with their defaults.
    fn leaves(above: &str, table: &toml::Table, found: &mut Vec<(String, toml::Value)>) {
        for (key, value) in table {
            let name = format!("{above}{}", key.to_uppercase());
            match value {
                toml::Value::Table(inner) => leaves(&format!("{name}__"), inner, found),
                value => found.push((format!("{PREFIX}{name}"), value.clone())),
            }
        }
    }

    #[test]
    fn unknown_settings_are_refused_by_name() {
        let error = read(&[("PALIMPSEST_CHAIN__EVRY", "5")]).unwrap_err();
        assert!(format!("{error:#}").contains("evry"), "{error:#}");
    }

    #[test]
    fn addresses_that_cannot_work_are_refused() {
        for (name, value, setting) in [
            ("PALIMPSEST_LOG", "sqlite:foo.db", "log"),
            ("PALIMPSEST_LOG", "nats://", "log"),
            ("PALIMPSEST_LOG", "foo.db", "log"),
            ("DISCORD_API_URL", "", "discord.api_url"),
            ("DISCORD_API_URL", "discord.com", "discord.api_url"),
            ("PALIMPSEST_DISCORD__API_URL", "localhost:3000", "discord.api_url"),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(&format!("“{setting}”")), "{name}={value}: {error}");
        }
    }

    #[test]
    fn the_file_may_be_named_by_the_environment_and_unknown_roles_are_refused() {
        for (name, value) in [("CONFIG_PATH", "nowhere.toml"), ("PALIMPSEST_ROLES", "api,cook")] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(value.trim_start_matches("api,")), "{error}");
        }
    }

    fn read(variables: &[(&str, &str)]) -> anyhow::Result<Config> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables = variables.iter().map(owned).collect();
        Config::from(&Place::default(), &ServeArgs::default(), variables)
    }
}
