//! What can be asked of the platform, and what it does about what happened.

pub mod behaviors;
mod blobs;
pub mod conversation;
pub mod discord;
mod error;
mod executor;
mod executors;
pub mod explain;
pub mod identity;
pub mod integrations;
mod lanes;
mod leased;
pub mod lifecycle;
mod memory;
pub mod ports;
mod put_back;
mod reactor;
mod run_reactors;
pub mod self_editing;
mod sign_chain;
mod tail;
pub mod transfer;
pub mod verify;

pub use blobs::Blobs;
pub use error::{CommandError, Refusal};
pub use executor::Executor;
pub use executors::Executors;
pub use leased::while_leased;
pub use put_back::put_back_reactors;
pub use reactor::{Reactor, Setback, describe};
pub use run_reactors::{Ground, StartFrom, prepare_reactors, run_reactors};
pub use sign_chain::{ChainSigner, Head, Heads, kept_head};
pub use tail::Tail;

use std::sync::Arc;

use ports::Discord;

/// Every reactor, by name.
pub fn reactors(
    behaviors: &behaviors::Behaviors,
    compensations: &self_editing::Compensations,
    conversations: &conversation::Conversations,
    discord: &Arc<dyn Discord>,
    (mail_alerts, raise_alerts): (identity::MailAlerts, identity::RaiseAlerts),
    people: &identity::people::People,
    self_editing: &self_editing::SelfEditing,
) -> Vec<Arc<dyn Reactor>> {
    let (conversations, behaviors) = (conversations.clone(), behaviors.clone());
    vec![
        Arc::new(conversation::AnswerMessages {
            conversations: conversations.clone(),
            registries: behaviors.registries.clone(),
        }),
        Arc::new(self_editing::CheckEdits(self_editing.clone())),
        Arc::new(conversation::DeliverAnswers { conversations, discord: discord.clone() }),
        Arc::new(identity::people::EraseDeletedUsers(people.clone())),
        Arc::new(self_editing::FinishEdits(self_editing.clone())),
        Arc::new(identity::KeepMemberships(people.accounts.clone())),
        Arc::new(mail_alerts),
        Arc::new(behaviors::MendBehaviors {
            behaviors: behaviors.clone(),
            self_editing: self_editing.clone(),
        }),
        Arc::new(behaviors::PerformActions::new(behaviors.clone(), discord.clone())),
        Arc::new(raise_alerts),
        Arc::new(behaviors::RunBehaviors::new(behaviors.clone(), discord.clone())),
        Arc::new(self_editing::TellOfAlarms {
            self_editing: self_editing.clone(),
            discord: discord.clone(),
        }),
        Arc::new(self_editing::UndoEffects {
            compensations: compensations.clone(),
            discord: discord.clone(),
        }),
        Arc::new(behaviors::WatchEdits::new(behaviors, self_editing.clone())),
    ]
}
