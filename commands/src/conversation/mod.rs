//! Use cases around conversations.

mod answer_messages;
mod deliver_answers;
mod recent_turns;

use std::sync::Arc;
use std::time::Instant;

use domain::conversation::{
    Conversation, ConversationCommand, ConversationEvent, Delivery, Outcome,
};
use domain::identity::Permission;
use domain::kernel::{
    Cause, ConversationId, Event, Expected, Journal, Person, Personal, Recorded, Singleton,
    StreamId,
};
use domain::self_editing::Workspace;
use uuid::Uuid;

pub use answer_messages::AnswerMessages;
pub use deliver_answers::DeliverAnswers;
pub use recent_turns::RecentTurns;

use crate::ports::{Answer, Caller, ChatModel, Execute, Executed, Prompt};
use crate::{Blobs, CommandError};

/// How many commits are read at once.
const PAGE: usize = 1_000;

/// The door to conversations.
#[derive(Clone)]
pub struct Conversations {
    pub blobs: Blobs,
    pub conversations: Arc<dyn Execute<Conversation>>,
    pub journal: Journal,
    pub model: Arc<dyn ChatModel>,
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
            ended.events = self.events_of(id, caller.cause.command).await?;
        }
        Ok(ended)
    }

    /// What an earlier command led to.
    async fn events_of(
        &self,
        id: &ConversationId,
        command: Uuid,
    ) -> Result<Vec<ConversationEvent>, CommandError> {
        let stream = StreamId::of::<Conversation>(id);
        let (mut found, mut after) = (Vec::new(), Expected::New);
        loop {
            let page = self.journal.read_stream(&stream, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Expected::Exact { version: last.version, position: last.position };
            found.extend(page.into_iter().filter(|it| it.command == command).filter_map(|it| {
                match it.event {
                    Event::Conversation(_, event) => Some(event),
                    _ => None,
                }
            }));
        }
    }

    /// Say something to the bot and get its answer.
    pub async fn say(&self, caller: &Caller, said: Said) -> Result<Reply, CommandError> {
        caller.require(Permission::WriteConversation)?;
        self.exchange(&caller.cause, said).await
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
            guild,
            now: self.journal.clock().now(),
        };
        let received = self.conversations.execute(&to, receive, cause).await?;
        if received.events.is_empty()
            && let Some(reply) = self.earlier_reply(&to, message).await?
        {
            return Ok(reply);
        }

        let before = self.recent.before(&self.journal, &to, message).await?;
        let workspace = self.workspace.load(&Singleton).await?.aggregate;
        let workspace = self.blobs.files(&workspace).await?;
        let started = Instant::now();
        let answer = self.model.answer(Prompt { text, before, workspace }).await?;
        let processing_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);

        let id = Uuid::new_v5(&message, b"answer");
        let command = ConversationCommand::Answer {
            to: message,
            answer: id,
            content: Personal::of(person, answer.text.clone()),
            length: length(&answer.text),
            provider: answer.provider.clone(),
            model: answer.model.clone(),
            tokens: answer.tokens,
            processing_ms,
            deliver,
        };
        let answered = self.conversations.execute(&to, command, &cause.then("answer")).await?;
        let position = answered.position;
        Ok(Reply { id, answer, processing_ms, position })
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
        let stream = StreamId::of::<Conversation>(id);
        let (mut found, mut after) = (None, Expected::New);
        loop {
            let page = self.journal.read_stream(&stream, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Expected::Exact { version: last.version, position: last.position };
            found =
                page.into_iter().rev().find_map(|recorded| reply_to(message, recorded)).or(found);
        }
    }
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
            let answer = Answer { text, provider, model, tokens };
            Some(Reply { id, answer, processing_ms, position: recorded.position })
        }
        _ => None,
    }
}

fn length(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}
