//! Answers what people say, and works with tools.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use domain::kernel::Ground;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{CommandError, Refusal};

/// What a model is given to answer.
#[derive(Debug, Clone, Default)]
pub struct Prompt {
    /// What the model is told of who it is and how it talks.
    pub system: String,
    /// What the person said.
    pub text: String,
    /// What was said before, oldest first.
    pub before: Vec<Turn>,
    /// The live workspace: prompts, responders, settings.
    pub workspace: BTreeMap<String, String>,
    /// From 0 to 2; the provider's own without it.
    pub temperature: Option<f64>,
    /// How long the answer may be; what the provider is set to without it.
    pub max_tokens: Option<u32>,
    /// On whose account it goes.
    pub asker: Asker,
    /// Who hears the answer as it comes.
    pub deltas: Deltas,
}

/// Who asks a model, for quotas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asker {
    pub guild: Option<String>,
    pub user: Option<String>,
}

/// Hears an answer piece by piece, while it comes; nobody does by default.
#[derive(Debug, Clone, Default)]
pub struct Deltas(Option<mpsc::UnboundedSender<String>>);

impl Deltas {
    pub fn to(hearer: mpsc::UnboundedSender<String>) -> Self {
        Self(Some(hearer))
    }

    /// Whether somebody hears them.
    pub fn are_heard(&self) -> bool {
        self.0.as_ref().is_some_and(|it| !it.is_closed())
    }

    /// Tells the next piece. Who went away misses it.
    pub fn tell(&self, piece: &str) {
        if let Some(hearer) = &self.0 {
            // Nobody listens any more: the answer is kept all the same.
            hearer.send(piece.to_owned()).ok();
        }
    }
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub by_bot: bool,
    pub text: String,
}

/// What a model said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub text: String,
    pub provider: String,
    pub model: String,
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// In millionths of a dollar, where the model's price is known.
    pub cost: Option<u64>,
    /// Those that were asked before, and did not answer.
    pub failed: Vec<FailedTry>,
}

impl Answer {
    /// Tokens of prompt and answer together.
    pub fn tokens(&self) -> u64 {
        self.tokens_in + self.tokens_out
    }
}

/// A provider that was asked and did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedTry {
    pub provider: String,
    /// A word for it, as [`ModelError::word`] has it.
    pub reason: String,
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
    /// As in [`Prompt`].
    pub temperature: Option<f64>,
    pub max_tokens: Option<u32>,
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
