//! What slash commands ask the read models.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::CommandError;
use domain::kernel::ChannelId;

/// Answers from the read models, whichever generation is live.
#[async_trait]
pub trait Views: Send + Sync {
    /// The direct conversations that were ever seen.
    async fn direct_channels(&self) -> Result<Vec<ChannelId>, CommandError>;
    /// What was said, the newest first.
    async fn history(&self, question: &Question) -> Result<Vec<Line>, CommandError>;
    /// How the bot is.
    async fn status(&self) -> Result<Figures, CommandError>;
}

/// What part of the history somebody wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub channel: ChannelId,
    /// Words that must all be there.
    pub search: Option<String>,
    pub limit: u64,
}

/// One message of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub sent_at: DateTime<Utc>,
    pub author: String,
    pub text: String,
}

/// Headline counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    pub online_since: Option<DateTime<Utc>>,
    pub guilds: u64,
    pub users: u64,
    pub commands: u64,
    /// How many commits the views are behind the log.
    pub lag: u64,
}
