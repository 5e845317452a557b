//! Use cases around conversations.

mod answer_messages;
mod deliver_answers;
mod limits;
mod persona;
mod pieces;
mod recent_turns;

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use domain::conversation::{
    Conversation, ConversationCommand, ConversationEvent, Delivery, MAX_MESSAGE,
};
use domain::identity::Permission;
use domain::kernel::{
    Cause, ConversationId, Event, Expected, Journal, Listed as _, Outcome, Person, Personal,
    Recorded, Singleton,
};
use domain::self_editing::Workspace;
use uuid::Uuid;

pub use answer_messages::AnswerMessages;
pub use deliver_answers::DeliverAnswers;
pub use limits::{ConversationLimits, Pace};
pub(crate) use persona::persona;
pub use pieces::pieces;
pub use recent_turns::RecentTurns;

use limits::TooFast;

use crate::ports::{Answer, Asker, Caller, ChatModel, Execute, Executed, Prompt};
use crate::{Blobs, CommandError};

/// The door to conversations.
#[derive(Clone)]
pub struct Conversations {
    pub blobs: Blobs,
    pub conversations: Arc<dyn Execute<Conversation>>,
    pub journal: Journal,
    pub model: Arc<dyn ChatModel>,
    pub pace: Pace,
    pub workspace: Arc<dyn Execute<Workspace>>,
    pub recent: RecentTurns,
}

/// Something a person says to the bot.
#[derive(Debug, Clone)]
pub struct Said {
    pub to: ConversationId,
    pub guild: Option<String>,
    /// Names the message; the same one is taken once.
    pub message: Uuid,
    pub text: String,
    /// Where on Discord the answer is to be sent; none when the caller gets it in reply.
    pub deliver: Option<Delivery>,
}

/// What the bot said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub id: Uuid,
    pub answer: Answer,
    pub processing_ms: u64,
    /// The commit that holds it.
    pub position: u64,
}

impl Conversations {
    /// Open a conversation; one that is open stays as it is.
    pub async fn open(
        &self,
        caller: &Caller,
        id: &ConversationId,
        guild: Option<String>,
    ) -> Result<Executed<Conversation>, CommandError> {
        caller.require(Permission::WriteConversation)?;
        let command = ConversationCommand::Open { guild, now: self.journal.clock().now() };
        self.conversations.execute(id, command, &caller.cause).await
    }

    /// Close a conversation; it can be opened again. A repeat tells of the end that was.
    pub async fn end(
        &self,
        caller: &Caller,
        id: &ConversationId,
        reason: String,
    ) -> Result<Executed<Conversation>, CommandError> {
        caller.require(Permission::WriteConversation)?;
        let command = ConversationCommand::End { reason, now: self.journal.clock().now() };
        let mut ended = self.conversations.execute(id, command, &caller.cause).await?;
        if ended.events.is_empty() {
            ended.events = self.events_of(caller.cause.command, ended.position).await?;
        }
        Ok(ended)
    }

    /// What an earlier command led to, if it is the one of this commit.
    async fn events_of(
        &self,
        command: Uuid,
        position: u64,
    ) -> Result<Vec<ConversationEvent>, CommandError> {
        let (found, _) = self.journal.read_all(position.saturating_sub(1), 1).await?;
        let own = found.into_iter().filter(|it| it.command == command);
        Ok(own.filter_map(|it| Conversation::from_event(it.event)).collect())
    }

    /// Say something to the bot and get its answer.
    pub async fn say(&self, caller: &Caller, said: Said) -> Result<Reply, CommandError> {
        caller.require(Permission::WriteConversation)?;
        self.count(&said, self.journal.clock().now()).await??;
        self.exchange(&caller.cause, said).await
    }

    /// Counts a message against the limits. One that came before does not count.
    async fn count(
        &self,
        said: &Said,
        at: DateTime<Utc>,
    ) -> Result<Result<(), TooFast>, CommandError> {
        let known = self.conversations.load(&said.to).await?.aggregate;
        if known.has_received(&said.message) {
            return Ok(Ok(()));
        }
        Ok(self.pace.take(&said.to, at))
    }

    /// Take a message, answer it, and keep both. A message that came before gets the answer it
    /// got then.
    pub(crate) async fn exchange(&self, cause: &Cause, said: Said) -> Result<Reply, CommandError> {
        let Said { to, guild, message, text, deliver } = said;
        let person = Person::named(to.user());
        let receive = ConversationCommand::Receive {
            message,
            content: Personal::of(person.clone(), text.clone()),
            length: length(&text),
            guild: guild.clone(),
            now: self.journal.clock().now(),
        };
        let received = self.conversations.execute(&to, receive, cause).await?;
        if received.events.is_empty()
            && let Some(reply) = self.earlier_reply(&to, message).await?
        {
            return Ok(reply);
        }

        let end = Expected::Exact { version: received.version, position: received.position };
        let before = self.recent.before(&self.journal, &to, end, message).await?;
        let workspace = self.workspace.load(&Singleton).await?.aggregate;
        let workspace = self.blobs.files(&workspace).await?;
        let started = Instant::now();
        let prompt = Prompt {
            system: persona(&workspace),
            text,
            before,
            workspace,
            asker: Asker { guild, user: Some(to.user().to_owned()) },
            ..Prompt::default()
        };
        let answer = self.model.answer(prompt).await?;
        let processing_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);

        self.answer(cause, &to, message, answer, processing_ms, deliver).await
    }

    async fn answer(
        &self,
        cause: &Cause,
        to: &ConversationId,
        message: Uuid,
        answer: Answer,
        processing_ms: u64,
        deliver: Option<Delivery>,
    ) -> Result<Reply, CommandError> {
        let person = Person::named(to.user());
        let id = Uuid::new_v5(&message, b"answer");
        let command = ConversationCommand::Answer {
            to: message,
            answer: id,
            content: Personal::of(person, answer.text.clone()),
            length: length(&answer.text),
            provider: answer.provider.clone(),
            model: answer.model.clone(),
            tokens: answer.tokens(),
            processing_ms,
            deliver,
        };
        let answered = self.conversations.execute(to, command, &cause.then("answer")).await?;
        let position = answered.position;
        Ok(Reply { id, answer, processing_ms, position })
    }

    /// Take a message and answer it with these words, without asking a model.
    pub(crate) async fn excuse(
        &self,
        cause: &Cause,
        said: Said,
        words: &str,
    ) -> Result<(), CommandError> {
        let Said { to, guild, message, text, deliver } = said;
        // What is too short or too long to be taken is answered all the same.
        let fits = !text.trim().is_empty() && text.chars().count() <= MAX_MESSAGE;
        let text = if fits { text } else { "…".to_owned() };
        let receive = ConversationCommand::Receive {
            message,
            length: length(&text),
            content: Personal::of(Person::named(to.user()), text),
            guild,
            now: self.journal.clock().now(),
        };
        self.conversations.execute(&to, receive, &cause.then("receive")).await?;
        self.answer(cause, &to, message, plain(words), 0, deliver).await?;
        Ok(())
    }

    /// Record what became of an answer's delivery.
    pub(crate) async fn settle(
        &self,
        cause: &Cause,
        id: &ConversationId,
        answer: Uuid,
        outcome: Outcome,
    ) -> Result<u64, CommandError> {
        let command = ConversationCommand::Settle { answer, outcome };
        Ok(self.conversations.execute(id, command, cause).await?.position)
    }

    async fn earlier_reply(
        &self,
        id: &ConversationId,
        message: Uuid,
    ) -> Result<Option<Reply>, CommandError> {
        let end = self.conversations.load(id).await?;
        let end = Expected::Exact { version: end.version, position: end.position };
        // The answer comes after the message.
        let has_it = |tail: &[Recorded]| tail.iter().any(|it| receives(message, it));
        let tail = recent_turns::tail(&self.journal, id, end, has_it).await?;
        Ok(tail.into_iter().rev().find_map(|recorded| reply_to(message, recorded)))
    }
}

fn receives(wanted: Uuid, recorded: &Recorded) -> bool {
    matches!(&recorded.event,
        Event::Conversation(_, ConversationEvent::MessageReceived { message, .. })
            if *message == wanted)
}

/// What no model said.
fn plain(text: &str) -> Answer {
    let (provider, model) = ("palimpsest".to_owned(), "none".to_owned());
    Answer { text: text.to_owned(), provider, model, ..Answer::default() }
}

fn reply_to(message: Uuid, recorded: Recorded) -> Option<Reply> {
    match recorded.event {
        Event::Conversation(
            _,
            ConversationEvent::Answered {
                to,
                answer: id,
                content,
                provider,
                model,
                tokens,
                processing_ms,
                ..
            },
        ) if to == message => {
            let text = content.shown().to_owned();
            let answer = Answer { text, provider, model, tokens_out: tokens, ..Answer::default() };
            Some(Reply { id, answer, processing_ms, position: recorded.position })
        }
        _ => None,
    }
}

fn length(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}
