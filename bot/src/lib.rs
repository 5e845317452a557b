//! The Discord front door: it records what is seen there and answers slash commands.

mod gateway;
mod interactions;
mod orders;
mod recorder;
mod rest;
mod settings;
pub mod slash;
mod supervisor;
mod views;

use std::sync::Arc;

use commands::behaviors::Behaviors;
use commands::conversation::Conversations;
use commands::discord::Observations;
use commands::explain::Explain;
use commands::identity::Identity;
use commands::identity::accounts::Accounts;
use commands::lifecycle::Lifecycle;
use commands::ports::Leases;
use commands::self_editing::{Compensations, Rehearsals, SelfEditing};

pub use orders::Orders;
pub use settings::{CommandLimits, Settings};
pub use supervisor::{run, watch_absence};
pub use views::ReadModels;

/// What the bot works with.
#[derive(Clone)]
pub struct Services {
    /// Knows who somebody on Discord is, and what the policies let him do.
    pub accounts: Accounts,
    pub behaviors: Behaviors,
    pub compensations: Compensations,
    pub conversations: Conversations,
    pub explain: Explain,
    pub identity: Identity,
    pub leases: Arc<dyn Leases>,
    pub lifecycle: Lifecycle,
    pub observations: Observations,
    /// What the log tells the bot to do; whoever follows the journal feeds it.
    pub orders: Orders,
    pub read_models: Arc<dyn ReadModels>,
    pub rehearsals: Rehearsals,
    pub self_editing: SelfEditing,
}
