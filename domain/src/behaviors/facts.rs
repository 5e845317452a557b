//! What can be asked of a behavior, what has happened to it, and why it refuses.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Action, Call, Effort, Hold};
use crate::kernel::{ChannelId, DiscordUserId, Ground, MessageId, Outcome, Personal, Rejection};

/// What can be asked of a behavior.
#[derive(Debug, Clone, PartialEq)]
pub enum BehaviorCommand {
    /// Record what the AI provider answered to an action that asks it.
    AnswerByAi {
        call: Uuid,
        action: u32,
        content: Personal<String>,
        provider: String,
        model: String,
        tokens: u64,
    },
    /// Record that the script failed. Who waits for an answer is told so; a person who called it a
    /// moment ago gets nothing.
    Fail {
        call: Call,
        cooldown_s: u32,
        line: Option<u32>,
        reason: Personal<String>,
        effort: Effort,
    },
    /// Record that it was called and not run.
    Hold { call: Call, why: Hold },
    /// A reminder is due.
    Remind { call: Uuid, action: u32, reminder: Reminder },
    /// Record what the script wants done; a person who called it a moment ago gets nothing.
    Run { call: Call, cooldown_s: u32, actions: Personal<Vec<Action>>, effort: Effort },
    /// Record what became of an action.
    Settle {
        call: Uuid,
        action: u32,
        outcome: Outcome,
        already: bool,
        also: Vec<MessageId>,
        trouble: Option<String>,
    },
}

/// What somebody wanted to be reminded of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reminder {
    pub channel: ChannelId,
    pub user: Option<DiscordUserId>,
    pub text: Personal<String>,
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum BehaviorEvent {
    /// What became of an action, by its place among the actions of the call.
    ActionSettled {
        call: Uuid,
        action: u32,
        outcome: Outcome,
        /// It was so before: the role was there that was to be given, or missing that was to be
        /// taken. So there is nothing to take back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        already: bool,
        /// The further messages of one that was too long for a single one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        also: Vec<MessageId>,
        /// What did not work although it was delivered: a reaction, or the rest of a long message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trouble: Option<String>,
    },
    AiAnswered {
        call: Uuid,
        action: u32,
        content: Personal<String>,
        provider: String,
        model: String,
        tokens: u64,
    },
    Failed {
        call: Call,
        line: Option<u32>,
        reason: Personal<String>,
        effort: Effort,
    },
    Held {
        call: Call,
        why: Hold,
    },
    Ran {
        call: Call,
        actions: Personal<Vec<Action>>,
        /// The kinds of the actions, in order; they stay when the person is erased.
        kinds: Vec<String>,
        /// Of a slash command: which of its actions only the caller sees, by their places. They
        /// stay, too; none where that was not recorded yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        private: Option<Vec<u32>>,
        effort: Effort,
    },
    ReminderDue {
        call: Uuid,
        action: u32,
        reminder: Reminder,
    },
}

/// Why a command on a behavior is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BehaviorError {
    #[error("there is no such call, or it is long over")]
    Unknown,
}

impl Rejection for BehaviorError {
    fn ground(&self) -> Ground {
        Ground::State
    }
}
