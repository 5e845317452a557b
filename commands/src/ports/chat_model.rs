//! Answers what people say, and works with tools.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use domain::kernel::Ground;
use serde_json::{Value, json};

use crate::{CommandError, Refusal};

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

/// A model that holds conversations and, where a provider is configured, works with tools.
#[async_trait]
pub trait ChatModel: Send + Sync {
    async fn answer(&self, prompt: Prompt) -> Result<Answer, CommandError>;

    /// The model that works with tools; none without a provider.
    fn worker(&self) -> Option<ModelName> {
        None
    }

    /// The next step of work with tools.
    async fn work(&self, _work: &Work) -> Result<Step, ModelError> {
        Err(ModelError::NotConfigured)
    }
}

/// A provider and its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    pub provider: String,
    pub model: String,
}

/// Work with tools, as far as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Work {
    pub system: String,
    pub messages: Vec<Message>,
    pub tools: Vec<Tool>,
}

/// One message of the work.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// What the model said and called.
    Model { text: String, calls: Vec<ToolCall> },
    /// What its calls led to, each of them once.
    Results(Vec<ToolResult>),
    /// What it is told.
    User(String),
}

/// Something that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    pub name: &'static str,
    pub description: &'static str,
    /// A JSON schema of its arguments.
    pub parameters: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    pub id: String,
    pub tool: String,
    /// What the model wrote: an object, if it keeps to the schema.
    pub arguments: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// The id of the call.
    pub call: String,
    pub text: String,
}

/// One answer of a model at work: a text, calls of tools, or both.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub tokens_in: u64,
    pub tokens_out: u64,
}

/// Why there is no answer of a model. Nothing of it comes from the provider's own words, which
/// may repeat what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    #[error("the AI provider's answer cannot be used: {0}")]
    BadAnswer(String),
    #[error(
        "no AI provider is configured: set ai.provider to openai or anthropic, ai.model and \
         ai.api_key (PALIMPSEST_AI__PROVIDER, PALIMPSEST_AI__MODEL, PALIMPSEST_AI__API_KEY), and \
         start the server again"
    )]
    NotConfigured,
    #[error("the AI provider takes no more requests for now{}", wait(.after.as_ref()))]
    RateLimited { after: Option<Duration> },
    #[error("the AI provider refuses the key: set a new ai.api_key and start the server again")]
    RefusedKey,
    #[error("the AI provider did not answer in time; try again, or raise ai.timeout_s")]
    TimedOut,
    #[error("the AI provider is not available: {0}")]
    Unavailable(String),
}

fn wait(after: Option<&Duration>) -> String {
    after.map_or_else(String::new, |after| format!("; try again in {} seconds", after.as_secs()))
}

impl ModelError {
    /// The word for machines.
    pub fn word(&self) -> &'static str {
        match self {
            Self::BadAnswer(_) => "bad_answer",
            Self::NotConfigured => "not_configured",
            Self::RateLimited { .. } => "rate_limited",
            Self::RefusedKey => "refused_key",
            Self::TimedOut => "timed_out",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl From<ModelError> for CommandError {
    fn from(error: ModelError) -> Self {
        let mut details = json!({ "ai": error.word() });
        if let ModelError::RateLimited { after: Some(after) } = &error {
            details["retry_after"] = json!(after.as_secs());
        }
        // Without a provider nothing is down: somebody has to name one.
        let code = match error {
            ModelError::NotConfigured => "CONFLICT",
            _ => "UNAVAILABLE",
        };
        Self::Rejected(Box::new(Refusal {
            ground: Ground::State,
            reason: error.to_string(),
            code: Some(code),
            field: None,
            details: Some(details),
        }))
    }
}
