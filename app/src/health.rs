//! How the parts of this process are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adapters::operational::OperationalStore;
use adapters::vault::SealedVault;
use api::{Checks, Condition, Health, ReactorState};
use async_trait::async_trait;
use commands::lifecycle::Lifecycle;
use commands::ports::{Checkpoints as _, Vault};
use domain::kernel::EventLog;
use tokio::time::timeout;

/// How long a part may take to answer.
const SOON: Duration = Duration::from_millis(1_500);

/// How many parked reactions are counted.
const PARKED: u64 = 1_000;

/// See the module.
pub(crate) struct Checkup {
    pub ai_expected: bool,
    pub discord_expected: bool,
    pub lifecycle: Lifecycle,
    pub log: Arc<dyn EventLog>,
    pub operational: Arc<OperationalStore>,
    /// The names of all reactors, whichever process runs them.
    pub reactors: Vec<&'static str>,
    pub vault: Arc<SealedVault>,
}

#[async_trait]
impl Health for Checkup {
    async fn checks(&self) -> Checks {
        let (head, operational, vault, online) = tokio::join!(
            timeout(SOON, self.log.head()),
            timeout(SOON, self.operational.live_generation()),
            timeout(SOON, self.vault.secret("health")),
            timeout(SOON, self.lifecycle.bot()),
        );
        let online = matches!(online, Ok(Ok(bot)) if bot.aggregate.online());
        let discord = match (self.discord_expected, online) {
            (_, true) => Condition::Healthy,
            (true, false) => Condition::Degraded,
            (false, false) => Condition::Disabled,
        };
        Checks {
            log: answered(matches!(head, Ok(Ok(_)))),
            operational: answered(matches!(operational, Ok(Ok(_)))),
            vault: answered(matches!(vault, Ok(Ok(_)))),
            discord,
            // A provider is not asked: that may cost money. Doctor asks.
            ai_services: if self.ai_expected { Condition::Healthy } else { Condition::Disabled },
        }
    }

    async fn reactors(&self) -> BTreeMap<String, ReactorState> {
        let mut states = BTreeMap::new();
        let Ok(head) = self.log.head().await else { return states };
        for name in &self.reactors {
            let reached = self.operational.read(name).await;
            let parked = self.operational.parked(name, PARKED).await;
            let (Ok(Some(reached)), Ok(parked)) = (reached, parked) else { continue };
            let (position, parked) = (reached.position, parked.len() as u64);
            let lag = head.saturating_sub(position);
            states.insert((*name).to_owned(), ReactorState { position, lag, parked });
        }
        states
    }
}

fn answered(it_did: bool) -> Condition {
    if it_did { Condition::Healthy } else { Condition::Unhealthy }
}
