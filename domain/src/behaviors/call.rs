//! A call is one time that a behavior was asked to do something, and why.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::{ChannelId, DiscordUserId, GuildId, MessageId, Person};

/// See the module. Ids only: what was said stays where it was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Follows from the event and the behavior, so a repeat is the same call.
    pub id: Uuid,
    /// The revision of the workspace that was live where the event stands in the log.
    pub revision: u64,
    /// What happened: `command`, `prefix_command`, `message`, `member_joined`, `schedule` …
    pub what: String,
    /// The event's position; none for the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// When it happened, in milliseconds since 1970.
    pub at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guild: Option<GuildId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<DiscordUserId>,
    /// The message it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// The slash command that whoever holds its token answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interaction: Option<MessageId>,
}

impl Call {
    /// Whose data it is about.
    pub fn person(&self) -> Person {
        self.user.map_or_else(Person::operator, Person::discord)
    }

    /// Whether somebody waits for an answer.
    pub fn is_command(&self) -> bool {
        matches!(self.what.as_str(), "command" | "prefix_command")
    }
}

/// What a run cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// Steps of the script.
    pub operations: u64,
    /// Microseconds.
    pub took_us: u64,
}

/// Why a behavior was not run although it was called.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr, strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Hold {
    /// The same person called it a moment ago.
    Cooldown,
    /// The scripts of this server have used up what they may use in a minute.
    GuildLimit,
}

impl Hold {
    /// Who is told of it, among people or among servers, or a channel where no server is known:
    /// their ids do not meet.
    pub(super) fn whom(self, call: &Call) -> Option<u64> {
        match self {
            Self::Cooldown => call.user.map(|user| user.0),
            Self::GuildLimit => {
                call.guild.map(|guild| guild.0).or_else(|| call.channel.map(|channel| channel.0))
            }
        }
    }
}
