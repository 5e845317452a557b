//! The settings of a process: defaults, then a file, then the environment, then the command line.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail};
use config::{Environment, File, FileFormat};
use serde::Deserialize;

use crate::cli::{Place, ServeArgs};

/// The defaults, which are also the manual.
const DEFAULTS: &str = include_str!("config.default.toml");

/// Looked for in the present folder.
const USUAL_FILE: &str = "palimpsest.toml";

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub data_dir: PathBuf,
    pub listen: String,
    pub log: Secret,
    pub views: Secret,
    pub operational: Secret,
    pub vault: Secret,
    pub roles: String,
    pub environment: String,
    pub discord: Discord,
    pub jetstream: JetStream,
    pub logging: Logging,
    pub sampling: Sampling,
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

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discord {
    pub token: Secret,
    pub api_url: String,
    pub client_id: String,
    pub client_secret: Secret,
    pub redirect_uri: String,
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
pub struct Sampling {
    pub every_s: u64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    pub sign_after_commits: u64,
    pub sign_after_s: u64,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each role is on or off by itself")]
pub struct Roles {
    pub api: bool,
    pub bot: bool,
    pub projector: bool,
    pub reactor: bool,
}

impl Roles {
    pub fn names(self) -> Vec<String> {
        let all = [
            (self.api, "api"),
            (self.bot, "bot"),
            (self.projector, "projector"),
            (self.reactor, "reactor"),
        ];
        all.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned()).collect()
    }
}

impl FromStr for Roles {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut roles = Self { api: false, bot: false, projector: false, reactor: false };
        for name in text.split(',').map(str::trim) {
            match name {
                "all" => roles = Self { api: true, bot: true, projector: true, reactor: true },
                "api" => roles.api = true,
                "bot" => roles.bot = true,
                "projector" => roles.projector = true,
                "reactor" => roles.reactor = true,
                other => {
                    bail!("“{other}” is no role; there are api, bot, projector, reactor and all")
                }
            }
        }
        Ok(roles)
    }
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
        match &place.config {
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
        // Names without a table are the command line's.
        let tables = variables
            .iter()
            .filter(|(name, _)| name.starts_with("PALIMPSEST_") && name.contains("__"));
        let tables: config::Map<String, String> =
            tables.map(|(name, value)| (name.clone(), value.clone())).collect();
        let environment = Environment::with_prefix("PALIMPSEST")
            .prefix_separator("_")
            .separator("__")
            .try_parsing(true)
            .source(Some(tables));
        let read =
            sources.add_source(environment).build().context("the settings cannot be read")?;
        let mut config: Self = read.try_deserialize().context("a setting is wrong")?;

        set(&mut config.data_dir, place.data_dir.clone());
        set(&mut config.log, place.log.clone().map(Secret));
        set(&mut config.views, place.views.clone().map(Secret));
        set(&mut config.operational, place.operational.clone().map(Secret));
        set(&mut config.vault, place.vault.clone().map(Secret));
        set(&mut config.listen, serve.listen.clone());
        set(&mut config.roles, serve.roles.clone());
        set(&mut config.discord.token, variables.get("DISCORD_BOT_TOKEN").cloned().map(Secret));
        set(&mut config.discord.api_url, variables.get("DISCORD_API_URL").cloned());
        set(&mut config.discord.client_id, variables.get("DISCORD_CLIENT_ID").cloned());
        let client_secret = variables.get("DISCORD_CLIENT_SECRET").cloned();
        set(&mut config.discord.client_secret, client_secret.map(Secret));
        set(&mut config.discord.redirect_uri, variables.get("DISCORD_REDIRECT_URI").cloned());
        config.roles.parse::<Roles>()?;
        Ok(config)
    }

    /// What stands in for Discord, if anything does.
    pub fn other_discord(&self) -> Option<&str> {
        let url = self.discord.api_url.trim_end_matches('/');
        (url != "https://discord.com").then_some(url)
    }

    pub fn roles(&self) -> anyhow::Result<Roles> {
        self.roles.parse()
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
        let config = read(&[("PALIMPSEST_SAMPLING__EVERY_S", "5"), ("DISCORD_BOT_TOKEN", "t")]);
        let config = config.unwrap();
        assert_eq!((config.sampling.every_s, config.discord.token.reveal()), (5, "t"));
        assert!(!format!("{config:?}").contains("Secret(t)"));
    }

    #[test]
    fn unknown_settings_are_refused_by_name() {
        let error = read(&[("PALIMPSEST_SAMPLING__EVRY", "5")]).unwrap_err();
        assert!(format!("{error:#}").contains("evry"), "{error:#}");
    }

    #[test]
    fn unknown_roles_are_refused() {
        let serve = ServeArgs { roles: Some("api,cook".into()), ..ServeArgs::default() };
        let error = Config::from(&Place::default(), &serve, HashMap::new()).unwrap_err();
        assert!(error.to_string().contains("cook"));
    }

    fn read(variables: &[(&str, &str)]) -> anyhow::Result<Config> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables = variables.iter().map(owned).collect();
        Config::from(&Place::default(), &ServeArgs::default(), variables)
    }
}
