//! Opens the four stores of a process, wherever they are.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use adapters::aead::ChaCha20Poly1305;
use adapters::database::{Address, Care, Opening, make_private};
use adapters::jetstream_log::{JetStreamLog, Options};
use adapters::master_key::MasterKey;
use adapters::operational::OperationalStore;
use adapters::sqlite_log::SqliteLog;
use adapters::system_clock::SystemClock;
use adapters::vault::SealedVault;
use anyhow::Context;
use commands::ports::Vault;
use domain::kernel::{Codec, EventLog, Journal};

use crate::config::Config;
use crate::master_key::{Source, master_key};

pub(crate) const OPERATIONAL: &str = "operational.db";
const VAULT: &str = "vault.db";

/// Log, operational store and vault; the views are opened by who needs them.
#[derive(Clone)]
pub struct Stores {
    pub journal: Journal,
    pub operational: Arc<OperationalStore>,
    pub vault: Arc<SealedVault>,
    /// How durable the log is, in words for people.
    pub durability: String,
}

impl Stores {
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let vault = open_vault(config).await?;
        let operational = open_operational(config, &vault).await?;
        Ok(Self::of(open_log(config).await?, vault, operational))
    }

    /// The same for commands that only read: where nothing is, nothing is made.
    pub async fn open_made(config: &Config) -> anyhow::Result<Self> {
        require_made(config)?;
        Self::open(config).await
    }

    pub(crate) fn of(
        (log, durability): (Arc<dyn EventLog>, String),
        vault: Arc<SealedVault>,
        operational: Arc<OperationalStore>,
    ) -> Self {
        let codec = Arc::new(Codec::new(vault.clone(), Arc::new(ChaCha20Poly1305)));
        let journal = Journal::new(log, codec, Arc::new(SystemClock));
        Self { journal, operational, vault, durability }
    }
}

/// Refuses a data directory that lacks what cannot be built again.
pub(crate) fn require_made(config: &Config) -> anyhow::Result<()> {
    let mut needed = Vec::new();
    if let Source::File(file) = Source::of(config) {
        needed.push(("master key", file));
    }
    if let Address::Sqlite(file) = address(config, config.vault.reveal(), VAULT, "vault")? {
        needed.push(("vault", file));
    }
    needed.extend(sqlite_log(config).map(|file| ("event log", file)));
    for (what, file) in needed {
        anyhow::ensure!(
            file.exists(),
            "there is no {what} at {}; --data-dir names the folder of the stores, and the first \
             palimpsest serve fills it",
            file.display()
        );
    }
    Ok(())
}

pub(crate) async fn open_vault(config: &Config) -> anyhow::Result<Arc<SealedVault>> {
    open_vault_with(config, &master_key(config).await?).await
}

pub(crate) async fn open_vault_with(
    config: &Config,
    master: &MasterKey,
) -> anyhow::Result<Arc<SealedVault>> {
    let vault = address(config, config.vault.reveal(), VAULT, "vault")?;
    let vault = Opening::new(vault, Care::Secret).open().await?;
    // Boxed, because much goes on in there, and everybody opens a vault.
    Ok(Arc::new(Box::pin(SealedVault::open(vault, master)).await?))
}

pub(crate) async fn open_operational(
    config: &Config,
    vault: &Arc<SealedVault>,
) -> anyhow::Result<Arc<OperationalStore>> {
    let place = address(config, config.operational.reveal(), OPERATIONAL, "operational")?;
    let operational = Opening::new(place, Care::Durable).open().await?;
    let sealing: Arc<dyn Vault> = vault.clone();
    Ok(Arc::new(OperationalStore::open(operational, sealing).await?))
}

/// The file of the log, when it is one.
fn sqlite_log(config: &Config) -> Option<PathBuf> {
    match config.log.reveal() {
        "sqlite" => Some(config.file("log.db")),
        place => place.strip_prefix("sqlite://").map(PathBuf::from),
    }
}

pub(crate) async fn open_log(config: &Config) -> anyhow::Result<(Arc<dyn EventLog>, String)> {
    if let Some(path) = sqlite_log(config) {
        make_private(&path)?;
        let log = SqliteLog::open(&path)
            .with_context(|| format!("the event log {} cannot be opened", path.display()))?;
        let durability = "every commit is on disk before it is acknowledged".to_owned();
        return Ok((Arc::new(log), durability));
    }
    let settings = &config.jetstream;
    let options = Options {
        stream: settings.stream.clone(),
        prefix: settings.prefix.clone(),
        replicas: settings.replicas,
        monitor: (!settings.monitoring.is_empty()).then(|| settings.monitoring.clone()),
        allow_relaxed: settings.allow_relaxed,
        ..Options::default()
    };
    let log = JetStreamLog::connect(config.log.reveal(), options)
        .await
        .context("the event log on NATS")?;
    let durability = log.durability().to_string();
    Ok((Arc::new(log), durability))
}

/// Where a store is: a file of the data directory by default.
pub fn address(config: &Config, place: &str, file: &str, what: &str) -> anyhow::Result<Address> {
    if place == "sqlite" {
        return Ok(Address::Sqlite(config.file(file)));
    }
    Address::from_str(place).with_context(|| format!("the setting “{what}” is wrong"))
}
