//! Slash commands, one file each.

mod api_token;
mod ask;
mod behavior;
mod behaviors;
mod call;
mod edit;
mod history;
mod registration;
mod reply;
mod status;
mod why;

use async_trait::async_trait;
use commands::CommandError;
use serenity::all::CreateCommand;

pub use call::Call;
pub(crate) use registration::Commands;
pub(crate) use reply::custom_id;
pub use reply::{Button, Card, Field, Form, Look, Reply};
pub(crate) use why::TARGET;

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

    /// Answers one call, one form that a call led to, or one press of a button.
    async fn run(&self, call: &Call) -> Result<Reply, CommandError>;

    /// Suggestions for the option that is being typed, at most 25.
    async fn suggest(&self, _call: &Call, _option: &str) -> Result<Vec<Choice>, CommandError> {
        Ok(Vec::new())
    }
}

/// A suggestion for an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What people see; at most 100 characters.
    pub name: String,
    /// What is filled in; at most 100 characters.
    pub value: String,
}

/// Every slash command, in the order of their names.
pub(crate) fn all(services: &Services) -> Vec<Box<dyn SlashCommand>> {
    vec![
        Box::new(api_token::ApiToken(services.identity.clone())),
        Box::new(ask::Ask(services.conversations.clone())),
        Box::new(behaviors::Behaviors(services.explain.clone())),
        Box::new(edit::Edit::new(services)),
        Box::new(history::History(services.read_models.clone())),
        Box::new(status::Status {
            lifecycle: services.lifecycle.clone(),
            models: services.read_models.clone(),
        }),
        Box::new(why::Why(services.explain.clone())),
    ]
}
