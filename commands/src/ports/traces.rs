//! Where in the log things stand that people ask about, as the read models have it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::behaviors::Hold;
use domain::kernel::{
    Actor, BehaviorId, DiscordUserId, EditId, GuildId, MessageId, Outcome, StreamId,
};
use uuid::Uuid;

use crate::CommandError;

/// Where an event stands: its commit, and its index there.
pub type EventPlace = (u64, u32);

/// A message of Discord that was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spotted {
    /// The commit that brought it.
    pub position: u64,
    pub author: DiscordUserId,
    pub bot: bool,
    pub reply_to: Option<MessageId>,
}

/// What became of an action, by its place among those of its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub action: u32,
    pub outcome: Outcome,
    /// What did not work although it was delivered.
    pub trouble: Option<String>,
    pub at: Option<DateTime<Utc>>,
}

/// The edit that made the version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The revision of the workspace that brought it.
    pub revision: u64,
    pub edit: EditId,
    /// `applied`, `rolled_back` or `seeded`.
    pub kind: String,
    pub author: Actor,
    /// As far as anybody told.
    pub author_name: Option<String>,
    /// `[erased]` once the author was erased.
    pub description: String,
    pub applied_at: DateTime<Utc>,
    /// The edit that it takes back.
    pub rolls_back: Option<EditId>,
}

/// An earlier call of a behavior.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    pub at: DateTime<Utc>,
    pub user: Option<DiscordUserId>,
    pub guild: Option<GuildId>,
    /// Whether it was held, and not run.
    pub held: Option<Hold>,
}

/// See the module.
#[async_trait]
pub trait Traces: Send + Sync {
    /// A message, whoever wrote it.
    async fn message(&self, id: MessageId) -> Result<Option<Spotted>, CommandError>;

    /// The commit that brought a slash command.
    async fn interaction(&self, id: MessageId) -> Result<Option<u64>, CommandError>;

    /// The calls that an id names: a call's own, a message's, a slash command's; oldest first.
    async fn calls(&self, id: &str) -> Result<Vec<EventPlace>, CommandError>;

    /// The call of a behavior whose action wrote this message.
    async fn call_that_wrote(&self, message: MessageId) -> Result<Option<Uuid>, CommandError>;

    /// What became of the actions of a call, as far as it is known.
    async fn outcomes(&self, call: Uuid) -> Result<Vec<Settled>, CommandError>;

    /// The newest calls of a behavior before a commit.
    async fn calls_before(
        &self,
        behavior: &BehaviorId,
        position: u64,
    ) -> Result<Vec<Earlier>, CommandError>;

    /// The last failure of a behavior.
    async fn last_failure(&self, behavior: &BehaviorId)
    -> Result<Option<EventPlace>, CommandError>;

    /// The answers of conversations with this id, or to what was said with this id.
    async fn answers(&self, id: Uuid) -> Result<Vec<EventPlace>, CommandError>;

    /// Events of one type in one stream after a commit, oldest first; a few.
    async fn later(
        &self,
        stream: &StreamId,
        kind: &str,
        after: u64,
    ) -> Result<Vec<EventPlace>, CommandError>;

    /// The edit that made the version of a file that stood in a revision.
    async fn made(&self, path: &str, revision: u64) -> Result<Option<Made>, CommandError>;
}
