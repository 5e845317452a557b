//! The embedded stores of one installation, in a temporary folder.

use std::path::Path;
use std::sync::Arc;

use adapters::sqlite_log::SqliteLog;
use adapters::{
    Address, Care, ChaCha20Poly1305, MasterKey, Opening, OperationalStore, SealedVault, SystemClock,
};
use commands::Executors;
use commands::ports::Snapshots;
use domain::kernel::{Codec, EventLog, Journal};
use tempfile::TempDir;

/// See the module. Opened again on the same folder, it is the same installation.
pub struct Embedded {
    pub executors: Executors,
    pub journal: Journal,
    pub operational: Arc<OperationalStore>,
    pub vault: Arc<SealedVault>,
}

impl Embedded {
    /// An empty installation, and its folder.
    pub async fn start() -> (Self, TempDir) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        (Self::open(folder.path()).await, folder)
    }

    /// The installation in this folder.
    pub async fn open(folder: &Path) -> Self {
        let log = SqliteLog::open(folder.join("log.db")).expect("the log");
        Self::over(folder, Arc::new(log)).await
    }

    /// The installation in this folder, over another log.
    pub async fn over(folder: &Path, log: Arc<dyn EventLog>) -> Self {
        let master = MasterKey::open_or_make(&folder.join("master.key")).expect("the master key");
        let database = |name: &str| Address::Sqlite(folder.join(name));
        let vault = Opening::new(database("vault.db"), Care::Secret).open().await.expect("vault");
        let vault = Arc::new(SealedVault::open(vault, &master).await.expect("the vault"));
        let store = Opening::new(database("operational.db"), Care::Durable).open().await;
        let store = store.expect("the operational store");
        let operational = OperationalStore::open(store, vault.clone()).await;
        let operational = Arc::new(operational.expect("the operational store"));

        let codec = Arc::new(Codec::new(vault.clone(), Arc::new(ChaCha20Poly1305)));
        let journal = Journal::new(log, codec, Arc::new(SystemClock));
        let snapshots: Arc<dyn Snapshots> = operational.clone();
        let executors = Executors::new(&journal, &snapshots);
        Self { executors, journal, operational, vault }
    }
}
