//! How the parts of this process are.

use std::sync::Arc;
use std::time::Duration;

use api::{Checks, Condition, Health};
use async_trait::async_trait;
use commands::lifecycle::Lifecycle;
use domain::kernel::EventLog;
use projections::Generations;

/// How long a part may take to answer.
const SOON: Duration = Duration::from_secs(2);

/// Views that are so many commits behind are not as they should be.
const BEHIND: u64 = 10_000;

/// See the module.
pub struct Checkup {
    pub discord_expected: bool,
    pub generations: Generations,
    pub lifecycle: Lifecycle,
    pub log: Arc<dyn EventLog>,
}

#[async_trait]
impl Health for Checkup {
    async fn checks(&self) -> Checks {
        let head = tokio::time::timeout(SOON, self.log.head()).await;
        let head = head.ok().and_then(Result::ok);
        let status = tokio::time::timeout(SOON, self.generations.status()).await;
        let status = status.ok().and_then(Result::ok).flatten();
        let views = match &status {
            None => Condition::Unhealthy,
            Some(status) if status.alarm.is_some() => Condition::Unhealthy,
            Some(status) if status.lag() > BEHIND || !status.failures.is_empty() => {
                Condition::Degraded
            }
            Some(_) => Condition::Healthy,
        };
        let online = tokio::time::timeout(SOON, self.lifecycle.bot()).await;
        let online = matches!(online, Ok(Ok(bot)) if bot.aggregate.online());
        let discord = match (self.discord_expected, online) {
            (_, true) => Condition::Healthy,
            (true, false) => Condition::Degraded,
            (false, false) => Condition::Disabled,
        };
        let lags = status.iter().flat_map(|status| {
            status.checkpoint.versions.keys().map(|name| (name.clone(), status.lag()))
        });
        Checks {
            log: if head.is_some() { Condition::Healthy } else { Condition::Unhealthy },
            views,
            discord,
            // The local answerer needs nobody.
            ai_services: Condition::Healthy,
            head,
            projections: lags.collect(),
        }
    }
}
