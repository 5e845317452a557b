//! A channel is the stream of what was said and done there.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Known;
use crate::kernel::{DiscordUserId, Ground, GuildId, MessageId, Personal, Rejection, aggregate};

/// How many of the newest ids are remembered, to know a repeat when it comes.
const REMEMBERED: usize = 4_000;

/// What is known of a channel: enough to record each fact once.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Channel {
    /// Messages and interactions seen lately.
    seen: BTreeSet<u64>,
    /// The largest id that fell out of `seen`; what is not newer and comes live is a repeat.
    forgotten: u64,
    /// Up to this message nothing is missing.
    complete_to: u64,
    /// Messages edited lately, and when last (milliseconds since 1970).
    edited: BTreeMap<u64, i64>,
    deleted: BTreeSet<u64>,
    answered: BTreeSet<u64>,
    /// Reactions added lately: message, user, emoji.
    reactions: BTreeSet<(u64, u64, String)>,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum ChannelCommand {
    /// Record what an export, or Discord after a long absence, holds. `known` is what the log holds
    /// of it already: an import looks, because it may be older than what is remembered here.
    Import { facts: Vec<ChannelEvent>, known: Known },
    /// Record what was seen live or filled in after a gap. Up to `complete_to`, if given, nothing
    /// is missing afterwards.
    Observe { facts: Vec<ChannelEvent>, complete_to: Option<MessageId> },
}

/// What has happened in it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ChannelEvent {
    /// The cursor: everything up to this message is recorded.
    CaughtUp {
        to: MessageId,
    },
    /// A command was answered, or was not.
    InteractionAnswered {
        id: MessageId,
        success: bool,
        error: Option<String>,
        duration_ms: u64,
    },
    /// Somebody used a slash command or a button.
    InteractionReceived {
        id: MessageId,
        user: DiscordUserId,
        guild: Option<GuildId>,
        user_name: Personal<String>,
        command: String,
        options: Personal<Value>,
    },
    MessageCreated(Message),
    MessageDeleted {
        id: MessageId,
    },
    MessageEdited {
        id: MessageId,
        edited_at: DateTime<Utc>,
        content: Personal<String>,
        /// In characters.
        length: u32,
    },
    /// The emoji is a Unicode one, or `name:id`.
    ReactionAdded {
        message: MessageId,
        user: DiscordUserId,
        emoji: String,
    },
    ReactionRemoved {
        message: MessageId,
        user: DiscordUserId,
        emoji: String,
    },
}

/// A message as it was when it was first seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub id: MessageId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guild: Option<GuildId>,
    pub author: DiscordUserId,
    pub author_name: Personal<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
    pub content: Personal<String>,
    /// In characters.
    pub length: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Personal<Vec<Attachment>>>,
    /// Whether it speaks to the bot: a mention, an answer to it, or a direct message.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub to_bot: bool,
}

/// A file that came with a message; the file itself stays with Discord.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub name: String,
    pub url: String,
    /// In bytes.
    pub size: u64,
}

/// There is nothing it refuses: what was seen was seen.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {}

impl Rejection for ChannelError {
    fn ground(&self) -> Ground {
        match *self {}
    }
}

/// When a thing with this id was made (Discord's epoch is the first second of 2015).
pub fn happened_at(id: MessageId) -> DateTime<Utc> {
    let millis = (id.0 >> 22) + 1_420_070_400_000;
    DateTime::from_timestamp_millis(millis.cast_signed()).unwrap_or_default()
}

impl ChannelEvent {
    /// When it happened, as far as Discord says.
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::InteractionReceived { id, .. } | Self::MessageCreated(Message { id, .. }) => {
                Some(happened_at(*id))
            }
            Self::MessageEdited { edited_at, .. } => Some(*edited_at),
            Self::CaughtUp { .. }
            | Self::InteractionAnswered { .. }
            | Self::MessageDeleted { .. }
            | Self::ReactionAdded { .. }
            | Self::ReactionRemoved { .. } => None,
        }
    }
}

impl Channel {
    /// Up to this message nothing is missing; none when nothing was ever seen.
    pub fn complete_to(&self) -> Option<MessageId> {
        (self.complete_to > 0).then_some(MessageId(self.complete_to))
    }

    /// The newest message or interaction that was seen.
    pub fn newest(&self) -> Option<MessageId> {
        self.seen.last().copied().map(MessageId)
    }

    /// Who reacted to a message and how, as far as it is remembered.
    pub fn reactions(&self, to: MessageId) -> impl Iterator<Item = (DiscordUserId, String)> {
        let from = (to.0, 0, String::new());
        let of_message = self.reactions.range(from..).take_while(move |it| it.0 == to.0);
        of_message.map(|(_, user, emoji)| (DiscordUserId(*user), emoji.clone()))
    }

    /// Whether the channel itself can tell if this is a repeat.
    pub fn remembers(&self, fact: &ChannelEvent) -> bool {
        match fact {
            ChannelEvent::InteractionReceived { id, .. }
            | ChannelEvent::MessageCreated(Message { id, .. }) => id.0 > self.forgotten,
            ChannelEvent::CaughtUp { .. }
            | ChannelEvent::InteractionAnswered { .. }
            | ChannelEvent::MessageDeleted { .. }
            | ChannelEvent::MessageEdited { .. }
            | ChannelEvent::ReactionAdded { .. }
            | ChannelEvent::ReactionRemoved { .. } => true,
        }
    }

    /// Each fact once, whoever brings it again.
    fn decide(&self, command: ChannelCommand) -> Result<Vec<ChannelEvent>, ChannelError> {
        let (facts, known, cursor) = match command {
            ChannelCommand::Import { facts, known } => (facts, Some(known), None),
            ChannelCommand::Observe { facts, complete_to } => (facts, None, complete_to),
        };
        // What the facts before said; kept apart, because the memory is large and they are few.
        let mut news: Vec<ChannelEvent> = Vec::new();
        let mut said = Self::default();
        for fact in facts {
            let undone = matches!(&fact, ChannelEvent::ReactionAdded { message, user, emoji }
                if news.iter().any(|it| matches!(it, ChannelEvent::ReactionRemoved { message: m, user: u, emoji: e }
                    if (m, u, e) == (message, user, emoji))));
            let repeated =
                !said.is_new(&fact, None) && !matches!(fact, ChannelEvent::CaughtUp { .. });
            if !repeated && (undone || self.is_new(&fact, known.as_ref())) {
                said.evolve(&fact);
                news.push(fact);
            }
        }
        if let Some(to) = cursor.filter(|to| to.0 > self.complete_to) {
            news.push(ChannelEvent::CaughtUp { to });
        }
        Ok(news)
    }

    fn is_new(&self, fact: &ChannelEvent, known: Option<&Known>) -> bool {
        use ChannelEvent as Did;
        if known.is_some_and(|known| known.holds(fact)) {
            return false;
        }
        match fact {
            Did::CaughtUp { to } => to.0 > self.complete_to,
            Did::InteractionAnswered { id, .. } => !self.answered.contains(&id.0),
            Did::InteractionReceived { id, .. } | Did::MessageCreated(Message { id, .. }) => {
                let forgotten = known.is_none() && id.0 <= self.forgotten;
                !forgotten && !self.seen.contains(&id.0)
            }
            Did::MessageDeleted { id } => !self.deleted.contains(&id.0),
            Did::MessageEdited { id, edited_at, .. } => {
                self.edited.get(&id.0).is_none_or(|last| *last < edited_at.timestamp_millis())
            }
            Did::ReactionAdded { message, user, emoji } => {
                !self.reactions.contains(&(message.0, user.0, emoji.clone()))
            }
            Did::ReactionRemoved { .. } => true,
        }
    }

    fn evolve(&mut self, event: &ChannelEvent) {
        use ChannelEvent as Did;
        match event {
            Did::CaughtUp { to } => self.complete_to = to.0,
            Did::InteractionAnswered { id, .. } => {
                self.answered.insert(id.0);
            }
            Did::InteractionReceived { id, .. } | Did::MessageCreated(Message { id, .. }) => {
                self.seen.insert(id.0);
            }
            Did::MessageDeleted { id } => {
                self.deleted.insert(id.0);
            }
            Did::MessageEdited { id, edited_at, .. } => {
                self.edited.insert(id.0, edited_at.timestamp_millis());
            }
            Did::ReactionAdded { message, user, emoji } => {
                self.reactions.insert((message.0, user.0, emoji.clone()));
            }
            Did::ReactionRemoved { message, user, emoji } => {
                self.reactions.remove(&(message.0, user.0, emoji.clone()));
            }
        }
        self.forget_the_oldest();
    }

    fn forget_the_oldest(&mut self) {
        if self.seen.len() > REMEMBERED {
            self.forgotten = self.seen.pop_first().unwrap_or_default().max(self.forgotten);
        }
        if self.edited.len() > REMEMBERED {
            self.edited.pop_first();
        }
        if self.reactions.len() > REMEMBERED {
            self.reactions.pop_first();
        }
        for ids in [&mut self.deleted, &mut self.answered] {
            if ids.len() > REMEMBERED {
                ids.pop_first();
            }
        }
    }
}

aggregate!(Channel: "channel", ChannelCommand -> ChannelEvent | ChannelError);

#[cfg(test)]
mod tests {
    use super::{ChannelCommand as Do, ChannelEvent as Did, *};
    use crate::kernel::Person;
    use crate::kernel::testing::given;

    #[test]
    fn a_message_seen_twice_is_recorded_once() {
        given::<Channel>([said(1)])
            .when(observe([said(1), said(2), said(2)]))
            .then_expect_events(vec![said(2)]);
    }

    #[test]
    fn a_reaction_that_comes_back_is_recorded_again() {
        given::<Channel>([
            said(1),
            liked(),
            Did::ReactionRemoved {
                message: MessageId(1),
                user: DiscordUserId(7),
                emoji: "👍".into(),
            },
        ])
        .when(observe([liked(), liked()]))
        .then_expect_events(vec![liked()]);
    }

    #[test]
    fn the_cursor_only_moves_forward() {
        given::<Channel>([Did::CaughtUp { to: MessageId(9) }])
            .when(Do::Observe { facts: vec![], complete_to: Some(MessageId(8)) })
            .then_expect_events(vec![]);
    }

    #[test]
    fn an_import_adds_what_is_older_than_memory_but_not_what_the_log_holds() {
        let mut history: Vec<_> = (100..).take(REMEMBERED + 1).map(said).collect();
        history.push(Did::CaughtUp { to: MessageId(100) });
        let mut known = Known::default();
        known.learn(&said(60));
        given::<Channel>(history)
            .when(Do::Import { facts: vec![said(50), said(60)], known })
            .then_expect_events(vec![said(50)]);
    }

    #[test]
    fn an_import_brings_back_nothing_that_was_deleted_taken_back_or_edited_since() {
        let edited = |millis| Did::MessageEdited {
            id: MessageId(1),
            edited_at: DateTime::UNIX_EPOCH + chrono::TimeDelta::milliseconds(millis),
            content: Personal::of(Person::discord(7), "hello!".into()),
            length: 6,
        };
        let mut known = Known::default();
        let deleted = Did::MessageDeleted { id: MessageId(2) };
        for event in [edited(9), liked(), deleted] {
            known.learn(&event);
        }

        let facts = vec![said(1), edited(5), edited(9), liked(), said(2), edited(10)];
        let known = known.about(&facts);
        given::<Channel>([])
            .when(Do::Import { facts, known })
            .then_expect_events(vec![said(1), edited(10)]);
    }

    #[test]
    fn what_is_older_than_memory_and_comes_live_is_a_repeat() {
        given::<Channel>((100..).take(REMEMBERED + 1).map(said))
            .when(observe([said(100), said(99)]))
            .then_expect_events(vec![]);
    }

    fn observe<const N: usize>(facts: [Did; N]) -> Do {
        Do::Observe { facts: facts.into(), complete_to: None }
    }

    fn liked() -> Did {
        Did::ReactionAdded { message: MessageId(1), user: DiscordUserId(7), emoji: "👍".into() }
    }

    fn said(id: u64) -> Did {
        let ana = Person::discord(7);
        Did::MessageCreated(Message {
            id: MessageId(id),
            guild: None,
            author: DiscordUserId(7),
            author_name: Personal::of(ana.clone(), "Ana".into()),
            bot: false,
            content: Personal::of(ana, "hello".into()),
            length: 5,
            reply_to: None,
            attachments: None,
            to_bot: false,
        })
    }
}
