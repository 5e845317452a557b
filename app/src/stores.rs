//! Opens the four stores of a process, wherever they are.

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
        let master = MasterKey::open_or_make(&config.file("master.key"))?;
        let vault = address(config, config.vault.reveal(), "vault.db", "vault")?;
        let vault = Opening::new(vault, Care::Secret).open().await?;
        let vault = Arc::new(SealedVault::open(vault, &master).await?);

        let operational =
            address(config, config.operational.reveal(), "operational.db", "operational")?;
        let operational = Opening::new(operational, Care::Durable).open().await?;
        let sealing: Arc<dyn Vault> = vault.clone();
        let operational = Arc::new(OperationalStore::open(operational, sealing).await?);

        let (log, durability) = open_log(config).await?;
        let codec = Arc::new(Codec::new(vault.clone(), Arc::new(ChaCha20Poly1305)));
        let journal = Journal::new(log, codec, Arc::new(SystemClock));
        Ok(Self { journal, operational, vault, durability })
    }
}

async fn open_log(config: &Config) -> anyhow::Result<(Arc<dyn EventLog>, String)> {
    let place = config.log.reveal();
    if place == "sqlite" || place.starts_with("sqlite:") {
        let path =
            place.strip_prefix("sqlite://").map_or_else(|| config.file("log.db"), Into::into);
        make_private(&path)?;
        let log = SqliteLog::open(&path)
            .with_context(|| format!("the event log {} cannot be opened", path.display()))?;
        let durability = "every commit is on disk before it is acknowledged".to_owned();
        return Ok((Arc::new(log), durability));
    }
    if !place.starts_with("nats://") && !place.starts_with("tls://") {
        anyhow::bail!("the log is “sqlite” or a server’s address such as nats://127.0.0.1:4222");
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
    let log = JetStreamLog::connect(place, options).await.context("the event log on NATS")?;
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
