//! What the bot does on Discord.

use async_trait::async_trait;
use domain::conversation::Outcome;
use domain::kernel::{ChannelId, MessageId};

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    pub channel: ChannelId,
    /// At most 2000 characters; pings nobody.
    pub text: String,
    pub reply_to: Option<MessageId>,
    /// The same nonce is sent once, for some minutes; at most 25 characters.
    pub nonce: String,
}

/// Why a message should be tried again later: nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error("Discord did not take it: {reason}")]
pub struct TryLater {
    pub reason: String,
    /// How long Discord wants to be left alone.
    pub after: Option<std::time::Duration>,
}

/// Discord's REST API, as far as effects need it.
#[async_trait]
pub trait Discord: Send + Sync {
    /// Sends a message, or finds that it was sent before with this nonce.
    async fn post(&self, post: &Post) -> Result<Outcome, TryLater>;
}
