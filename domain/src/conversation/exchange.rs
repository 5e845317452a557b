//! One person's conversation with the bot in one channel, opened and closed any number of times.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::{ChannelId, Ground, MessageId, Outcome, Personal, Rejection, aggregate};

/// The longest message a conversation takes, in characters.
pub const MAX_MESSAGE: usize = 4_000;

/// How many answers are remembered, to know a repeat when it comes.
const REMEMBERED: usize = 64;

/// Where a conversation stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Conversation {
    session: u32,
    /// When it was first opened.
    #[serde(default)]
    created_at: Option<DateTime<Utc>>,
    /// The server it was last opened in.
    #[serde(default)]
    guild: Option<String>,
    opened_at: Option<DateTime<Utc>>,
    open: bool,
    /// Messages of both sides in the present or last session.
    messages: u64,
    /// Messages received and answered lately.
    received: Vec<Uuid>,
    answered: Vec<Uuid>,
    settled: Vec<Uuid>,
}

/// Where an answer goes on Discord; without one it was given in the reply to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub channel: ChannelId,
    pub reply_to: Option<MessageId>,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum ConversationCommand {
    /// Answer a message that was received.
    Answer {
        to: Uuid,
        answer: Uuid,
        content: Personal<String>,
        length: u32,
        provider: String,
        model: String,
        tokens: u64,
        processing_ms: u64,
        deliver: Option<Delivery>,
    },
    End {
        reason: String,
        now: DateTime<Utc>,
    },
    Open {
        guild: Option<String>,
        now: DateTime<Utc>,
    },
    /// Take a message; opens the conversation when it is not open.
    Receive {
        message: Uuid,
        content: Personal<String>,
        length: u32,
        guild: Option<String>,
        now: DateTime<Utc>,
    },
    /// Record what became of an answer's delivery.
    Settle {
        answer: Uuid,
        outcome: Outcome,
    },
}

/// What has happened in it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ConversationEvent {
    AnswerSettled {
        answer: Uuid,
        outcome: Outcome,
    },
    Answered {
        to: Uuid,
        answer: Uuid,
        content: Personal<String>,
        /// In characters.
        length: u32,
        provider: String,
        model: String,
        tokens: u64,
        processing_ms: u64,
        deliver: Option<Delivery>,
    },
    Ended {
        reason: String,
        ended_at: DateTime<Utc>,
        messages: u64,
        duration_s: u64,
    },
    MessageReceived {
        message: Uuid,
        content: Personal<String>,
        /// In characters.
        length: u32,
    },
    Opened {
        session: u32,
        guild: Option<String>,
        opened_at: DateTime<Utc>,
    },
}

/// Why a command on a conversation is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversationError {
    #[error("the message is empty")]
    Empty,
    #[error("this conversation is not open")]
    NotOpen,
    #[error("the message is longer than {MAX_MESSAGE} characters")]
    TooLong,
    #[error("there is no such conversation")]
    Unknown,
}

impl Rejection for ConversationError {
    fn ground(&self) -> Ground {
        match self {
            Self::Empty | Self::TooLong => Ground::Input,
            Self::NotOpen => Ground::State,
            Self::Unknown => Ground::Missing,
        }
    }

    fn field(&self) -> Option<&str> {
        matches!(self, Self::Empty | Self::TooLong).then_some("message")
    }
}

impl Conversation {
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether this message was taken lately.
    pub fn has_received(&self, message: &Uuid) -> bool {
        self.received.contains(message)
    }

    /// Messages of both sides in the present or last session.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// When it was first opened.
    pub fn created_at(&self) -> Option<DateTime<Utc>> {
        self.created_at.or(self.opened_at)
    }

    /// The server it was last opened in.
    pub fn guild(&self) -> Option<&str> {
        self.guild.as_deref()
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(
        &self,
        command: ConversationCommand,
    ) -> Result<Vec<ConversationEvent>, ConversationError> {
        use {ConversationCommand as Do, ConversationError as No, ConversationEvent as Did};

        Ok(match command {
            Do::Answer { to, .. } if self.answered.contains(&to) => vec![],
            Do::Answer { to, .. } if !self.received.contains(&to) => return Err(No::Unknown),
            Do::Answer {
                to,
                answer,
                content,
                length,
                provider,
                model,
                tokens,
                processing_ms,
                deliver,
            } => vec![Did::Answered {
                to,
                answer,
                content,
                length,
                provider,
                model,
                tokens,
                processing_ms,
                deliver,
            }],

            Do::End { .. } if self.session == 0 => return Err(No::Unknown),
            Do::End { .. } if !self.open => return Err(No::NotOpen),
            Do::End { reason, now } => {
                let open_for = self.opened_at.map_or(0, |since| (now - since).num_seconds().max(0));
                let duration_s = open_for.cast_unsigned();
                vec![Did::Ended { reason, ended_at: now, messages: self.messages, duration_s }]
            }

            Do::Open { .. } if self.open => vec![],
            Do::Open { guild, now } => vec![self.opened(guild, now)],

            Do::Receive { message, .. } if self.received.contains(&message) => vec![],
            Do::Receive { length: 0, .. } => return Err(No::Empty),
            Do::Receive { length, .. } if length as usize > MAX_MESSAGE => return Err(No::TooLong),
            Do::Receive { message, content, length, guild, now } => {
                let opened = (!self.open).then(|| self.opened(guild, now));
                let received = Did::MessageReceived { message, content, length };
                opened.into_iter().chain([received]).collect()
            }

            Do::Settle { answer, .. } if self.settled.contains(&answer) => vec![],
            Do::Settle { answer, outcome } => vec![Did::AnswerSettled { answer, outcome }],
        })
    }

    fn opened(&self, guild: Option<String>, opened_at: DateTime<Utc>) -> ConversationEvent {
        ConversationEvent::Opened { session: self.session + 1, guild, opened_at }
    }

    fn evolve(&mut self, event: &ConversationEvent) {
        use ConversationEvent as Did;
        match event {
            Did::AnswerSettled { answer, .. } => remember(&mut self.settled, *answer),
            Did::Answered { to, .. } => {
                self.messages += 1;
                remember(&mut self.answered, *to);
            }
            Did::Ended { .. } => self.open = false,
            Did::MessageReceived { message, .. } => {
                self.messages += 1;
                remember(&mut self.received, *message);
            }
            Did::Opened { session, guild, opened_at } => {
                self.session = *session;
                self.created_at = self.created_at().or(Some(*opened_at));
                self.guild.clone_from(guild);
                self.opened_at = Some(*opened_at);
                self.open = true;
                self.messages = 0;
            }
        }
    }
}

fn remember(ids: &mut Vec<Uuid>, id: Uuid) {
    if ids.len() == REMEMBERED {
        ids.remove(0);
    }
    ids.push(id);
}

aggregate!(Conversation: "conversation", ConversationCommand -> ConversationEvent | ConversationError);

#[cfg(test)]
mod tests {
    use super::{ConversationCommand as Do, ConversationError as No, ConversationEvent as Did, *};
    use crate::kernel::Person;
    use crate::kernel::testing::given;

    const EPOCH: DateTime<Utc> = DateTime::UNIX_EPOCH;

    #[test]
    fn a_message_opens_a_conversation() {
        given::<Conversation>([])
            .when(receive(1, "hello"))
            .then_expect_events(vec![opened(1), received(1, "hello")]);
    }

    #[test]
    fn an_ended_conversation_opens_a_new_session() {
        let ended =
            Did::Ended { reason: "bye".into(), ended_at: EPOCH, messages: 0, duration_s: 0 };
        given::<Conversation>([opened(1), ended])
            .when(Do::Open { guild: None, now: EPOCH })
            .then_expect_events(vec![opened(2)]);
    }

    #[test]
    fn a_message_that_comes_twice_counts_once() {
        given::<Conversation>([opened(1), received(1, "hello")])
            .when(receive(1, "hello"))
            .then_expect_events(vec![]);
    }

    #[test]
    fn an_end_tells_how_much_and_how_long() {
        let now = EPOCH + chrono::TimeDelta::seconds(300);
        let ended =
            Did::Ended { reason: "bye".into(), ended_at: now, messages: 1, duration_s: 300 };
        given::<Conversation>([opened(1), received(1, "hello")])
            .when(Do::End { reason: "bye".into(), now })
            .then_expect_events(vec![ended]);
    }

    #[test]
    fn what_was_never_opened_cannot_end() {
        given::<Conversation>([])
            .when(Do::End { reason: "bye".into(), now: EPOCH })
            .then_expect_error(No::Unknown);
    }

    #[test]
    fn empty_messages_are_refused() {
        given::<Conversation>([opened(1)]).when(receive(1, "")).then_expect_error(No::Empty);
    }

    fn opened(session: u32) -> Did {
        Did::Opened { session, guild: None, opened_at: EPOCH }
    }

    fn received(id: u128, text: &str) -> Did {
        let length = u32::try_from(text.len()).unwrap();
        Did::MessageReceived { message: Uuid::from_u128(id), content: of_ana(text), length }
    }

    fn receive(id: u128, text: &str) -> Do {
        let length = u32::try_from(text.len()).unwrap();
        let (message, content) = (Uuid::from_u128(id), of_ana(text));
        Do::Receive { message, content, length, guild: None, now: EPOCH }
    }

    fn of_ana(text: &str) -> Personal<String> {
        Personal::of(Person::discord(7), text.into())
    }
}
