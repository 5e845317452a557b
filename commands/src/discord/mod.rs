//! Use cases around what is seen on Discord.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::discord::{
    Channel, ChannelCommand, ChannelEvent, Guild, GuildCommand, GuildEvent, Message,
};
use domain::kernel::{
    Cause, ChannelId, Event, Expected, GuildId, Journal, MessageId, Person, StreamId,
};

use crate::CommandError;
use crate::ports::Execute;

/// How many facts go into one commit: well below what the log takes.
const FACTS_PER_COMMIT: usize = 200;

/// How many commits are read at once.
const PAGE: usize = 1_000;

/// The door for facts from Discord. What was seen needs no permission.
#[derive(Clone)]
pub struct Observations {
    pub channels: Arc<dyn Execute<Channel>>,
    pub guilds: Arc<dyn Execute<Guild>>,
    pub journal: Journal,
}

/// What became of some facts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recording {
    /// The newest commit that holds any of them; 0 when there is none.
    pub position: u64,
    /// How many were new.
    pub new: u64,
}

/// Where the record of a channel ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Up to this message nothing is missing.
    pub complete_to: Option<MessageId>,
    pub newest: Option<MessageId>,
}

impl Observations {
    /// Record what was seen in a channel, each fact once. Up to `complete_to`, nothing is missing
    /// afterwards.
    pub async fn observe_channel(
        &self,
        cause: &Cause,
        channel: ChannelId,
        facts: Vec<ChannelEvent>,
        complete_to: Option<MessageId>,
    ) -> Result<Recording, CommandError> {
        self.prepare_keys(&facts).await?;
        let mut recording = Recording::default();
        let mut chunks = chunks(facts);
        let last = chunks.pop().unwrap_or_default();
        for (number, facts) in chunks.into_iter().enumerate() {
            let command = ChannelCommand::Observe { facts, complete_to: None };
            let cause = cause.then(&number.to_string());
            recording.add(&self.channels.execute(&channel, command, &cause).await?);
        }
        let command = ChannelCommand::Observe { facts: last, complete_to };
        recording.add(&self.channels.execute(&channel, command, cause).await?);
        Ok(recording)
    }

    /// Record what was seen in a server, each fact once.
    pub async fn observe_guild(
        &self,
        cause: &Cause,
        guild: GuildId,
        facts: Vec<GuildEvent>,
    ) -> Result<Recording, CommandError> {
        let mut recording = Recording::default();
        for (number, facts) in chunks(facts).into_iter().enumerate() {
            let cause = cause.then(&number.to_string());
            let command = GuildCommand::Observe { facts };
            recording.add(&self.guilds.execute(&guild, command, &cause).await?);
        }
        Ok(recording)
    }

    /// Where the record of a channel ends, for a backfill to go on from.
    pub async fn cursor(&self, channel: ChannelId) -> Result<Cursor, CommandError> {
        let loaded = self.channels.load(&channel).await?.aggregate;
        Ok(Cursor { complete_to: loaded.complete_to(), newest: loaded.newest() })
    }

    /// Every message of a channel that the log holds: what an import asks first.
    pub async fn known_messages(
        &self,
        channel: ChannelId,
    ) -> Result<BTreeSet<MessageId>, CommandError> {
        let stream = StreamId::of::<Channel>(&channel);
        let (mut known, mut after) = (BTreeSet::new(), Expected::New);
        loop {
            let page = self.journal.read_stream(&stream, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(known) };
            after = Expected::Exact { version: last.version, position: last.position };
            known.extend(page.iter().filter_map(|recorded| match &recorded.event {
                Event::Channel(_, ChannelEvent::MessageCreated(Message { id, .. })) => Some(*id),
                _ => None,
            }));
        }
    }

    /// Record what an export holds of a channel; `known` is what the log holds already, and grows.
    pub async fn import_channel(
        &self,
        cause: &Cause,
        channel: ChannelId,
        facts: Vec<ChannelEvent>,
        known: &mut BTreeSet<MessageId>,
    ) -> Result<Recording, CommandError> {
        self.prepare_keys(&facts).await?;
        let mut recording = Recording::default();
        for (number, facts) in chunks(facts).into_iter().enumerate() {
            let ids: Vec<_> = facts.iter().filter_map(message_id).collect();
            let relevant = ids.iter().copied().filter(|id| known.contains(id)).collect();
            let command = ChannelCommand::Import { facts, known: relevant };
            let cause = cause.then(&number.to_string());
            recording.add(&self.channels.execute(&channel, command, &cause).await?);
            known.extend(ids);
        }
        Ok(recording)
    }

    /// One trip to the vault for all authors, instead of one for each.
    async fn prepare_keys(&self, facts: &[ChannelEvent]) -> Result<(), CommandError> {
        let authors = facts.iter().filter_map(|fact| match fact {
            ChannelEvent::MessageCreated(message) => Some(message.content.person()),
            _ => None,
        });
        let people: Vec<Person> = authors.collect::<BTreeSet<_>>().into_iter().cloned().collect();
        Ok(self.journal.codec().prepare(&people).await?)
    }
}

fn message_id(fact: &ChannelEvent) -> Option<MessageId> {
    match fact {
        ChannelEvent::MessageCreated(message) => Some(message.id),
        _ => None,
    }
}

fn chunks<T>(facts: Vec<T>) -> Vec<Vec<T>> {
    let mut facts = facts.into_iter().peekable();
    let mut chunks = Vec::new();
    while facts.peek().is_some() {
        chunks.push(facts.by_ref().take(FACTS_PER_COMMIT).collect());
    }
    chunks
}

impl Recording {
    fn add<A: domain::kernel::Listed>(&mut self, executed: &crate::ports::Executed<A>) {
        self.position = self.position.max(executed.position);
        self.new += executed.events.len() as u64;
    }
}
