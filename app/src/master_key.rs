//! Where the master key comes from: a command, a variable, or the file of the data directory.

use std::fmt;
use std::path::PathBuf;

use adapters::MasterKey;
use adapters::key_command;
use anyhow::Context;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::config::Config;

/// Its file in the data directory.
pub(crate) const FILE: &str = "master.key";

/// The variable that may hold it.
const VARIABLE: &str = "PALIMPSEST_MASTER_KEY";

/// What can be set about it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasterKeySettings {
    /// Prints the key.
    pub command: String,
}

/// From where it comes.
pub(crate) enum Source {
    Command(String),
    File(PathBuf),
    Variable,
}

impl Source {
    /// A command goes over the variable, and both over the file.
    pub(crate) fn of(config: &Config) -> Self {
        let command = config.master_key.command.trim();
        if !command.is_empty() {
            return Self::Command(command.to_owned());
        }
        match std::env::var_os(VARIABLE) {
            Some(value) if !value.is_empty() => Self::Variable,
            Some(_) | None => Self::File(config.file(FILE)),
        }
    }

    /// The key itself; a file is made where it is missing.
    pub(crate) async fn read(&self) -> anyhow::Result<MasterKey> {
        match self {
            Self::Command(command) => Ok(key_command::ask(command).await?),
            Self::File(file) => Ok(MasterKey::open_or_make(file)?),
            Self::Variable => {
                let value = Zeroizing::new(std::env::var(VARIABLE).unwrap_or_default());
                MasterKey::parse(&value).with_context(|| {
                    format!(
                        "the variable {VARIABLE} holds no master key: it should be 64 hexadecimal \
                         digits, 32 bytes in base64, or the line of a master key file"
                    )
                })
            }
        }
    }
}

/// For people; shows nothing of the key, nor the command, which may hold what opens a secret manager.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(_) => f.write_str("the command of the setting master_key.command"),
            Self::File(file) => write!(f, "the file {}", file.display()),
            Self::Variable => write!(f, "the variable {VARIABLE}"),
        }
    }
}

/// The master key of this installation.
pub(crate) async fn master_key(config: &Config) -> anyhow::Result<MasterKey> {
    Source::of(config).read().await
}
