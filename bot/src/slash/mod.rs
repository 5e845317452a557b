//! Slash commands, one file each.

mod ask;
mod behavior;
mod call;
mod edit;
mod edit_rehearse;
mod edit_text;
mod history;
mod registration;
mod reply;
mod status;

use async_trait::async_trait;
use commands::CommandError;
use serenity::all::CreateCommand;

pub use call::Call;
pub(crate) use registration::Commands;
pub use reply::{Field, Form, Reply};

use crate::Services;

/// One slash command: how it looks and what it does.
#[async_trait]
pub trait SlashCommand: Send + Sync {
    /// What people type after the slash.
    fn name(&self) -> &'static str;

    /// What Discord shows.
    fn definition(&self) -> CreateCommand;

    /// Whether only the caller sees that it is being thought about.
    fn is_private(&self) -> bool {
        true
    }

    /// Answers one call, or one form that a call led to.
    async fn run(&self, call: &Call) -> Result<Reply, CommandError>;
}

/// Every slash command, in the order of their names.
pub(crate) fn all(services: &Services) -> Vec<Box<dyn SlashCommand>> {
    vec![
        Box::new(ask::Ask(services.conversations.clone())),
        Box::new(edit::Edit {
            models: services.read_models.clone(),
            rehearsals: services.rehearsals.clone(),
            self_editing: services.self_editing.clone(),
        }),
        Box::new(history::History(services.read_models.clone())),
        Box::new(status::Status {
            lifecycle: services.lifecycle.clone(),
            models: services.read_models.clone(),
        }),
    ]
}
