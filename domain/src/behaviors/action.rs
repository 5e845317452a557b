//! What a behavior wants done: a value, which the platform carries out or refuses.

use serde::{Deserialize, Serialize};

use super::Power;
use crate::kernel::{ChannelId, DiscordUserId, MessageId};

/// See the module. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Action {
    AddRole {
        user: DiscordUserId,
        role: String,
    },
    /// The answer of the AI provider becomes the reply.
    AskAi {
        prompt: String,
    },
    DeleteMessage {
        message: MessageId,
    },
    DirectMessage {
        user: DiscordUserId,
        text: String,
    },
    React {
        message: MessageId,
        emoji: String,
    },
    Remind {
        after_s: u64,
        text: String,
    },
    RemoveRole {
        user: DiscordUserId,
        role: String,
    },
    Reply {
        text: String,
        /// Only the caller sees it, where Discord can do that.
        private: bool,
        /// Emoji that the bot puts under its own message.
        reactions: Vec<String>,
    },
    Send {
        channel: ChannelId,
        text: String,
        reactions: Vec<String>,
    },
}

impl Action {
    /// What a behavior has to have declared for it.
    pub fn power(&self) -> Power {
        match self {
            Self::AddRole { .. } => Power::AddRoles,
            Self::AskAi { .. } => Power::CallAi,
            Self::DeleteMessage { .. } => Power::DeleteMessages,
            Self::DirectMessage { .. } => Power::DirectMessages,
            Self::React { .. } => Power::React,
            Self::Remind { .. } => Power::SetReminders,
            Self::RemoveRole { .. } => Power::RemoveRoles,
            Self::Reply { .. } => Power::Reply,
            Self::Send { .. } => Power::SendMessages,
        }
    }
}
