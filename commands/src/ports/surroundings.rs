//! What behaviors may see beside the event that calls them, as the read models have it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::behaviors::Reminder;
use domain::kernel::{BehaviorId, ChannelId, DiscordUserId, GuildId, MessageId};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Line, User};
use crate::CommandError;

/// A reminder whose time has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    pub behavior: BehaviorId,
    pub call: Uuid,
    pub action: u32,
    pub reminder: Reminder,
}

/// See the module.
#[async_trait]
pub trait Surroundings: Send + Sync {
    /// Whether there are read models to ask.
    fn are_there(&self) -> bool;

    /// Waits a moment until the read models hold what stands before this position.
    async fn reach(&self, position: u64);

    /// The messages of a channel before this one, or the newest; oldest first.
    async fn history(
        &self,
        channel: ChannelId,
        before: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<Line>, CommandError>;

    /// A member of a server; none when nobody like that is there.
    async fn member(
        &self,
        guild: GuildId,
        user: DiscordUserId,
    ) -> Result<Option<User>, CommandError>;

    /// How much happens on a server.
    async fn stats(
        &self,
        guild: GuildId,
        now: DateTime<Utc>,
    ) -> Result<Map<String, Value>, CommandError>;

    /// The servers that the bot is in.
    async fn guilds(&self) -> Result<Vec<GuildId>, CommandError>;

    /// The server of a channel; none for direct conversations and unknown channels.
    async fn guild_of(&self, channel: ChannelId) -> Result<Option<GuildId>, CommandError>;

    /// Whether an account is a bot's, as far as it has written something.
    async fn is_bot(&self, user: DiscordUserId) -> Result<bool, CommandError>;

    /// Reminders that are due and can come, the oldest first.
    async fn due(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<Due>, CommandError>;
}
