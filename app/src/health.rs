//! How the parts of this process are.

use std::sync::Arc;
use std::time::Duration;

use api::{Checks, Condition, Health};
use async_trait::async_trait;
use commands::lifecycle::Lifecycle;
use domain::kernel::EventLog;

/// How long a part may take to answer.
const SOON: Duration = Duration::from_secs(2);

/// See the module.
pub(crate) struct Checkup {
    pub discord_expected: bool,
    pub lifecycle: Lifecycle,
    pub log: Arc<dyn EventLog>,
}

#[async_trait]
impl Health for Checkup {
    async fn checks(&self) -> Checks {
        let head = tokio::time::timeout(SOON, self.log.head()).await;
        let head = head.ok().and_then(Result::ok);
        let online = tokio::time::timeout(SOON, self.lifecycle.bot()).await;
        let online = matches!(online, Ok(Ok(bot)) if bot.aggregate.online());
        let discord = match (self.discord_expected, online) {
            (_, true) => Condition::Healthy,
            (true, false) => Condition::Degraded,
            (false, false) => Condition::Disabled,
        };
        Checks {
            log: if head.is_some() { Condition::Healthy } else { Condition::Unhealthy },
            discord,
            // The local answerer needs nobody.
            ai_services: Condition::Healthy,
        }
    }
}
