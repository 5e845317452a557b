//! What the endpoints need from the rest of the platform.

use std::path::PathBuf;
use std::sync::Arc;

use commands::conversation::Conversations;
use commands::discord::imports::ImportJobs;
use commands::explain::Explain;
use commands::identity::accounts::{Accounts, SecondFactors};
use commands::identity::people::People;
use commands::identity::policies::Policies;
use commands::identity::providers::Providers;
use commands::identity::{Alerts, Identity};
use commands::integrations::Integrations;
use commands::lifecycle::Lifecycle;
use commands::ports::{IdempotencyKeys, SharedLimits};
use commands::self_editing::{Compensations, Rehearsals, SelfEditing};
use domain::kernel::{Clock, Journal};
use projections::Generations;
use tokio_util::sync::CancellationToken;

use crate::auth::Authenticate;
use crate::health::Health;
use crate::metrics::Traffic;

/// Use cases, read models and ports, put together by the program.
#[derive(Clone)]
pub struct Services {
    pub about: About,
    pub accounts: Accounts,
    pub alerts: Alerts,
    pub authenticate: Arc<dyn Authenticate>,
    pub clock: Arc<dyn Clock>,
    pub compensations: Compensations,
    pub conversations: Conversations,
    /// Where states of moments are built.
    pub data_dir: PathBuf,
    pub explain: Explain,
    pub health: Arc<dyn Health>,
    pub idempotency: Arc<dyn IdempotencyKeys>,
    pub identity: Identity,
    pub imports: ImportJobs,
    pub integrations: Integrations,
    pub journal: Journal,
    pub lifecycle: Lifecycle,
    pub people: People,
    pub providers: Providers,
    pub policies: Policies,
    /// Whether this is the state of one moment: what would change something is refused.
    pub read_only: bool,
    pub rehearsals: Rehearsals,
    pub second_factors: SecondFactors,
    pub self_editing: SelfEditing,
    /// Counts tries to sign in, for all processes together.
    pub shared_limits: Arc<dyn SharedLimits>,
    /// Cancelled when the server shall stop.
    pub stop: CancellationToken,
    /// Counts requests, for the samples of the process.
    pub traffic: Arc<Traffic>,
    pub views: Generations,
}

/// What the platform says about itself.
#[derive(Debug, Clone)]
pub struct About {
    /// The bot's name.
    pub name: String,
    pub version: String,
    /// `development`, `staging` or `production`.
    pub environment: String,
}
