//! Explains what the bot did about something, or why it did nothing: from the log, as it stands.

mod chain;
mod fared;
mod silence;
mod words;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::behaviors::{Hold, Power};
use domain::discord::ChannelEvent;
use domain::kernel::{
    ActorKind, BehaviorId, ChannelId, ConversationId, DiscordUserId, Event, GuildId, MessageId,
    Outcome, Recorded, Source,
};
use serde_json::Value;
use uuid::Uuid;

use crate::CommandError;
use crate::behaviors::Behaviors;
use crate::ports::{Checkpoints, EventPlace, Made, Spotted, Traces};

pub use fared::{Failure, Fared, Unusable};

/// See the module.
#[derive(Clone)]
pub struct Explain {
    pub behaviors: Behaviors,
    pub checkpoints: Arc<dyn Checkpoints>,
    pub traces: Arc<dyn Traces>,
}

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum About {
    /// Something that the bot said in a conversation.
    Answer,
    /// One call of a behavior.
    Call,
    /// A slash command that somebody used.
    Interaction,
    /// A message that somebody wrote.
    Message,
    /// A message that the bot wrote.
    OwnMessage,
}

/// The chain from what came in to what was done about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    pub id: String,
    pub about: About,
    /// What came in; none for what the clock called.
    pub event: Option<Incoming>,
    pub calls: Vec<Called>,
    pub answers: Vec<Spoken>,
    /// Why nothing happened, or not what was wanted; empty when all was done.
    pub nothing_happened_because: Vec<String>,
}

/// The event that came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    pub position: u64,
    /// Its place in that commit.
    pub index: u32,
    /// Its type: `channel.message_created` …
    pub kind: String,
    pub at: DateTime<Utc>,
    pub source: Source,
    pub guild: Option<GuildId>,
    pub channel: Option<ChannelId>,
    pub user: Option<DiscordUserId>,
    pub message: Option<MessageId>,
    pub interaction: Option<MessageId>,
    /// Of a slash command: its name.
    pub command: Option<String>,
}

/// A behavior that was called.
#[derive(Debug, Clone, PartialEq)]
pub struct Called {
    pub id: Uuid,
    pub behavior: BehaviorId,
    pub file: String,
    pub description: Option<String>,
    /// The revision of the workspace that was live for the event.
    pub revision: u64,
    /// The edit that made this version of the file.
    pub made: Option<Made>,
    /// What called it: `command`, `prefix_command`, `message`, `member_joined` …
    pub what: String,
    pub position: u64,
    pub at: DateTime<Utc>,
    pub channel: Option<ChannelId>,
    /// What it may do.
    pub powers: Vec<Power>,
    /// How long one person waits between two calls.
    pub cooldown_s: u32,
    pub ended: Ended,
    pub operations: u64,
    pub took_us: u64,
    pub actions: Vec<Done>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Failed { line: Option<u32>, reason: String },
    Held(Hold),
    Ran,
}

/// An action, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    pub kind: String,
    /// As JSON; `[erased]` once its owner was erased, null for an apology.
    pub content: Value,
    /// The power that allowed it.
    pub power: Option<Power>,
    /// None while that is not known.
    pub outcome: Option<Outcome>,
    /// What did not work although it was delivered: a reaction, or the rest of a long message.
    pub trouble: Option<String>,
    pub settled_at: Option<DateTime<Utc>>,
    pub ai: Option<AiSaid>,
}

/// What the AI provider answered to an action that asks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AiSaid {
    pub content: String,
    pub provider: String,
    pub model: String,
    pub tokens: u64,
}

/// An answer in a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    pub id: Uuid,
    pub conversation: ConversationId,
    pub position: u64,
    pub at: DateTime<Utc>,
    pub said: AiSaid,
    pub processing_ms: u64,
    /// Whether it is sent as a message; else it was given in the reply to a request.
    pub by_message: bool,
    pub outcome: Option<Outcome>,
}

impl Explain {
    /// Explains what an id names: a message, a slash command, a call of a behavior, or an answer in
    /// a conversation; none when nothing like that is known.
    pub async fn explain(&self, id: &str) -> Result<Option<Explanation>, CommandError> {
        let found = match (id.parse::<Uuid>(), id.parse::<u64>()) {
            (Ok(uuid), _) => self.by_uuid(id, uuid).await?,
            (_, Ok(number)) => self.by_snowflake(id, MessageId(number)).await?,
            _ => None,
        };
        let Some(mut found) = found else { return Ok(None) };
        found.nothing_happened_because.extend(self.silence(&found).await?);
        Ok(Some(found))
    }

    async fn by_uuid(&self, id: &str, uuid: Uuid) -> Result<Option<Explanation>, CommandError> {
        let calls = self.traces.calls(id).await?;
        if !calls.is_empty() {
            return self.of_calls(id, About::Call, calls).await;
        }
        let answers = self.traces.answers(uuid).await?;
        let Some(first) = answers.first().copied() else { return Ok(None) };
        let event = match self.event(first).await?.and_then(|it| it.causation) {
            Some(place) => self.event(place).await?,
            None => None,
        };
        let answers = self.spoken(answers).await?;
        Ok(Some(story(id, About::Answer, event.as_ref(), Vec::new(), answers)))
    }

    async fn by_snowflake(
        &self,
        id: &str,
        number: MessageId,
    ) -> Result<Option<Explanation>, CommandError> {
        if let Some(call) = self.traces.call_that_wrote(number).await? {
            let calls = self.traces.calls(&call.to_string()).await?;
            return self.of_calls(id, About::OwnMessage, calls).await;
        }
        if let Some(spotted) = self.traces.message(number).await? {
            if let Some(own) = self.own_answer(id, number, spotted).await? {
                return Ok(Some(own));
            }
            return self.of_event(id, About::Message, number, spotted.position).await;
        }
        if let Some(position) = self.traces.interaction(number).await? {
            return self.of_event(id, About::Interaction, number, position).await;
        }
        // A reaction to a message from before the bot came.
        let calls = self.traces.calls(id).await?;
        if calls.is_empty() { Ok(None) } else { self.of_calls(id, About::Message, calls).await }
    }

    /// What the bot wrote in answer to a message, if it was the bot.
    async fn own_answer(
        &self,
        id: &str,
        number: MessageId,
        spotted: Spotted,
    ) -> Result<Option<Explanation>, CommandError> {
        let Some(asked) = spotted.reply_to.filter(|_| spotted.bot) else { return Ok(None) };
        let Some(question) = self.traces.message(asked).await? else { return Ok(None) };
        let story = self.of_event(id, About::OwnMessage, asked, question.position).await?;
        let Some(story) = story else { return Ok(None) };
        let written: Vec<_> = story.delivered().collect();
        for outside in written {
            // A long answer comes in several messages, of which the first one is known.
            let same = outside == number;
            let author = self.traces.message(outside).await?.map(|it| it.author);
            if same || author == Some(spotted.author) {
                return Ok(Some(story));
            }
        }
        Ok(None)
    }

    /// The story of a message or a slash command, from the event that brought it.
    async fn of_event(
        &self,
        id: &str,
        about: About,
        number: MessageId,
        position: u64,
    ) -> Result<Option<Explanation>, CommandError> {
        let commit = self.commit(position).await?;
        let event = commit.into_iter().find(|it| names(it, number));
        let calls = self.traces.calls(&number.to_string()).await?;
        let said = Uuid::new_v5(&Uuid::NAMESPACE_OID, number.to_string().as_bytes());
        let answers = self.traces.answers(said).await?;
        let (calls, answers) = (self.called(calls).await?, self.spoken(answers).await?);
        Ok(Some(story(id, about, event.as_ref(), calls, answers)))
    }

    async fn of_calls(
        &self,
        id: &str,
        about: About,
        places: Vec<EventPlace>,
    ) -> Result<Option<Explanation>, CommandError> {
        let event = match places.first() {
            Some(place) => self.caller_of(*place).await?,
            None => None,
        };
        let calls = self.called(places).await?;
        Ok(Some(story(id, about, event.as_ref(), calls, Vec::new())))
    }

    async fn commit(&self, position: u64) -> Result<Vec<Recorded>, CommandError> {
        let Some(before) = position.checked_sub(1) else { return Ok(Vec::new()) };
        let (events, _) = self.behaviors.journal.read_all(before, 1).await?;
        Ok(events.into_iter().filter(|it| it.position == position).collect())
    }

    async fn event(&self, (position, index): EventPlace) -> Result<Option<Recorded>, CommandError> {
        Ok(self.commit(position).await?.into_iter().find(|it| it.index == index))
    }
}

impl Explanation {
    /// The messages that came of it.
    fn delivered(&self) -> impl Iterator<Item = MessageId> {
        let actions = self.calls.iter().flat_map(|call| &call.actions);
        let outcomes =
            actions.map(|it| &it.outcome).chain(self.answers.iter().map(|it| &it.outcome));
        outcomes.filter_map(|it| match it {
            Some(Outcome::Delivered { outside_id }) => outside_id.parse().ok(),
            _ => None,
        })
    }

    /// The channel it is about.
    pub fn channel(&self) -> Option<ChannelId> {
        let event = self.event.as_ref().and_then(|it| it.channel);
        event.or_else(|| self.calls.iter().find_map(|it| it.channel))
    }
}

fn story(
    id: &str,
    about: About,
    event: Option<&Recorded>,
    calls: Vec<Called>,
    answers: Vec<Spoken>,
) -> Explanation {
    Explanation {
        id: id.to_owned(),
        about,
        event: event.map(incoming),
        calls,
        answers,
        nothing_happened_because: Vec::new(),
    }
}

/// Whether an event brought this message or slash command.
fn names(recorded: &Recorded, wanted: MessageId) -> bool {
    match &recorded.event {
        Event::Channel(_, ChannelEvent::MessageCreated(message)) => message.id == wanted,
        Event::Channel(_, ChannelEvent::InteractionReceived { id, .. }) => *id == wanted,
        _ => false,
    }
}

fn incoming(recorded: &Recorded) -> Incoming {
    let mut incoming = Incoming {
        position: recorded.position,
        index: recorded.index,
        kind: recorded.event.type_name(),
        at: recorded.occurred_at,
        source: recorded.source,
        guild: None,
        channel: None,
        user: None,
        message: None,
        interaction: None,
        command: None,
    };
    match &recorded.event {
        Event::Channel(channel, event) => {
            incoming.channel = Some(*channel);
            match event {
                ChannelEvent::InteractionReceived { id, user, guild, command, .. } => {
                    (incoming.interaction, incoming.user) = (Some(*id), Some(*user));
                    (incoming.guild, incoming.command) = (*guild, Some(command.clone()));
                }
                ChannelEvent::MessageCreated(message) => {
                    (incoming.message, incoming.user) = (Some(message.id), Some(message.author));
                    incoming.guild = message.guild;
                }
                ChannelEvent::MessageDeleted { id } | ChannelEvent::MessageEdited { id, .. } => {
                    incoming.message = Some(*id);
                }
                ChannelEvent::ReactionAdded { message, user, .. }
                | ChannelEvent::ReactionRemoved { message, user, .. } => {
                    (incoming.message, incoming.user) = (Some(*message), Some(*user));
                }
                ChannelEvent::CaughtUp { .. } | ChannelEvent::InteractionAnswered { .. } => {}
            }
        }
        Event::Guild(guild, event) => {
            incoming.guild = Some(*guild);
            if let domain::discord::GuildEvent::MemberJoined { user, .. }
            | domain::discord::GuildEvent::MemberLeft { user } = event
            {
                incoming.user = Some(*user);
            }
        }
        _ => {}
    }
    incoming
}

/// Who wrote an edit, for people.
pub(crate) fn author(made: &Made) -> String {
    match (&made.author_name, made.author.kind) {
        (Some(name), ActorKind::Ai) => format!("the AI {name}"),
        (Some(name), ActorKind::System) => format!("the platform ({name})"),
        (Some(name), _) => name.clone(),
        (None, kind) => format!("{} {}", kind.as_ref().replace('_', " "), made.author.id),
    }
}
