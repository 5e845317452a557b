//! What the log holds of a channel, as far as an import has to know it.

use std::collections::{BTreeMap, BTreeSet};

use super::{ChannelEvent, Message};
use crate::kernel::{DiscordUserId, MessageId};

/// The facts of a channel that an export can bring again, however old they are. The channel
/// itself only remembers the newest; an import reads the history first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Recorded messages, and deleted ones: those are not brought back.
    messages: BTreeSet<MessageId>,
    /// When a message was edited last (milliseconds since 1970).
    edited: BTreeMap<MessageId, i64>,
    /// Reactions that were ever added: one that was taken back is not brought back either.
    reactions: BTreeSet<(MessageId, DiscordUserId, String)>,
}

impl Known {
    /// Takes in what happened.
    pub fn learn(&mut self, event: &ChannelEvent) {
        use ChannelEvent as Did;
        match event {
            Did::MessageCreated(Message { id, .. }) | Did::MessageDeleted { id } => {
                self.messages.insert(*id);
            }
            Did::MessageEdited { id, edited_at, .. } => {
                let last = self.edited.entry(*id).or_insert(i64::MIN);
                *last = edited_at.timestamp_millis().max(*last);
            }
            Did::ReactionAdded { message, user, emoji }
            | Did::ReactionRemoved { message, user, emoji } => {
                self.reactions.insert((*message, *user, emoji.clone()));
            }
            Did::CaughtUp { .. }
            | Did::InteractionAnswered { .. }
            | Did::InteractionReceived { .. } => {}
        }
    }

    /// Whether the log holds this, or something newer that settles it.
    pub fn holds(&self, fact: &ChannelEvent) -> bool {
        use ChannelEvent as Did;
        match fact {
            Did::MessageCreated(Message { id, .. }) | Did::MessageDeleted { id } => {
                self.messages.contains(id)
            }
            Did::MessageEdited { id, edited_at, .. } => {
                self.edited.get(id).is_some_and(|last| *last >= edited_at.timestamp_millis())
            }
            Did::ReactionAdded { message, user, emoji }
            | Did::ReactionRemoved { message, user, emoji } => {
                self.reactions.contains(&(*message, *user, emoji.clone()))
            }
            Did::CaughtUp { .. }
            | Did::InteractionAnswered { .. }
            | Did::InteractionReceived { .. } => false,
        }
    }

    /// Only what bears on these facts.
    #[must_use]
    pub fn about(&self, facts: &[ChannelEvent]) -> Self {
        use ChannelEvent as Did;
        let mut about = Self::default();
        for fact in facts.iter().filter(|fact| self.holds(fact)) {
            about.learn(fact);
            if let Did::MessageEdited { id, .. } = fact
                && let Some(last) = self.edited.get(id)
            {
                about.edited.insert(*id, *last);
            }
        }
        about
    }

    /// How many messages.
    pub fn messages(&self) -> usize {
        self.messages.len()
    }
}
