//! Answers what people say.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::CommandError;

/// What a model is given to answer.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// What the person said.
    pub text: String,
    /// What was said before, oldest first.
    pub before: Vec<Turn>,
    /// The live workspace: prompts, responders, settings.
    pub workspace: BTreeMap<String, String>,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub by_bot: bool,
    pub text: String,
}

/// What a model said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub text: String,
    pub provider: String,
    pub model: String,
    /// Tokens of prompt and answer together.
    pub tokens: u64,
}

/// A model that holds conversations.
#[async_trait]
pub trait ChatModel: Send + Sync {
    async fn answer(&self, prompt: Prompt) -> Result<Answer, CommandError>;
}
