//! What the bot does on Discord.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::kernel::{ChannelId, DiscordUserId, GuildId, MessageId, Outcome};

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    pub channel: ChannelId,
    /// At most 2000 characters.
    pub text: String,
    pub reply_to: Option<MessageId>,
    /// Who is pinged; nobody else is.
    pub pings: Option<DiscordUserId>,
    /// The same nonce is sent once, for some minutes; at most 25 characters.
    pub nonce: String,
    /// When the event that asks for it was recorded: what stands there from before is another one.
    pub not_before: DateTime<Utc>,
    /// Messages that are known to be others, however equal they are.
    pub taken: Vec<MessageId>,
}

/// Something that is done once however often it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    AddRole {
        guild: GuildId,
        user: DiscordUserId,
        role: String,
    },
    Delete {
        channel: ChannelId,
        message: MessageId,
    },
    /// The emoji is a Unicode one, or `name:id`.
    React {
        channel: ChannelId,
        message: MessageId,
        emoji: String,
    },
    /// The bot's own.
    RemoveReaction {
        channel: ChannelId,
        message: MessageId,
        emoji: String,
    },
    RemoveRole {
        guild: GuildId,
        user: DiscordUserId,
        role: String,
    },
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

    /// Does something else; the reason stands in the server's own audit log.
    async fn act(&self, act: &Act, reason: &str) -> Result<Outcome, TryLater>;

    /// The same for what is to be taken back: where it is gone already, that is done.
    async fn undo(&self, act: &Act, reason: &str) -> Result<Outcome, TryLater>;

    /// Whether a member has a role; none where Discord does not say.
    async fn has_role(
        &self,
        guild: GuildId,
        user: DiscordUserId,
        role: &str,
    ) -> Result<Option<bool>, TryLater>;

    /// The direct conversation with somebody; or why there is none.
    async fn direct(&self, user: DiscordUserId) -> Result<Result<ChannelId, String>, TryLater>;

    /// Who the bot is.
    async fn me(&self) -> Result<DiscordUserId, TryLater>;
}
