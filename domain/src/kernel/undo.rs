//! What takes an effect on Discord back.

use serde::{Deserialize, Serialize};

use super::{ChannelId, DiscordUserId, GuildId, MessageId};

/// See the module; ids and nothing else. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Undo {
    /// The bot took the role away.
    AddRole { guild: GuildId, user: DiscordUserId, role: String },
    DeleteDirectMessage {
        user: DiscordUserId,
        message: MessageId,
        /// The further messages of one that was too long for a single one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        also: Vec<MessageId>,
    },
    DeleteMessage {
        channel: ChannelId,
        message: MessageId,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        also: Vec<MessageId>,
    },
    /// The bot's own.
    RemoveReaction { channel: ChannelId, message: MessageId, emoji: String },
    /// The bot gave the role.
    RemoveRole { guild: GuildId, user: DiscordUserId, role: String },
}

impl Undo {
    /// What is done, in plain words.
    pub fn words(&self) -> &'static str {
        match self {
            Self::AddRole { .. } => "give the role back",
            Self::DeleteDirectMessage { also, .. } | Self::DeleteMessage { also, .. } => {
                if also.is_empty() {
                    "delete the message"
                } else {
                    "delete all parts of the message"
                }
            }
            Self::RemoveReaction { .. } => "take the reaction back",
            Self::RemoveRole { .. } => "take the role back",
        }
    }
}
