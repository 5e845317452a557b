//! Use cases around what is seen on Discord.

mod backfill;
mod channel_import;
mod chunks;
pub mod export;
pub mod imports;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::discord::{Channel, ChannelCommand, ChannelEvent, Guild, GuildCommand, GuildEvent};
use domain::kernel::{Cause, ChannelId, DiscordUserId, GuildId, Journal, MessageId, Person};

use self::chunks::chunks;
use crate::CommandError;
use crate::ports::Execute;

pub use self::channel_import::{Added, ChannelImport};

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

    /// Who is a member of a server, as far as it was seen.
    pub async fn members(&self, guild: GuildId) -> Result<Vec<DiscordUserId>, CommandError> {
        Ok(self.guilds.load(&guild).await?.aggregate.members().collect())
    }

    /// Who reacted to a message and how, as far as the channel remembers.
    pub async fn reactions(
        &self,
        channel: ChannelId,
        message: MessageId,
    ) -> Result<Vec<(DiscordUserId, String)>, CommandError> {
        Ok(self.channels.load(&channel).await?.aggregate.reactions(message).collect())
    }

    /// Record what an export says of a server, as far as it was never heard of.
    pub async fn import_guild(
        &self,
        cause: &Cause,
        guild: GuildId,
        facts: Vec<GuildEvent>,
    ) -> Result<Recording, CommandError> {
        let mut recording = Recording::default();
        for (number, facts) in chunks(facts).into_iter().enumerate() {
            let cause = cause.then(&format!("server {guild} {number}"));
            let command = GuildCommand::Import { facts };
            recording.add(&self.guilds.execute(&guild, command, &cause).await?);
        }
        Ok(recording)
    }

    /// One trip to the vault for all authors, instead of one for each.
    async fn prepare_keys(
        &self,
        facts: impl IntoIterator<Item = &ChannelEvent>,
    ) -> Result<(), CommandError> {
        let authors = facts.into_iter().filter_map(|fact| match fact {
            ChannelEvent::MessageCreated(message) => Some(message.content.person()),
            ChannelEvent::MessageEdited { content, .. } => Some(content.person()),
            _ => None,
        });
        let people: Vec<Person> = authors.collect::<BTreeSet<_>>().into_iter().cloned().collect();
        Ok(self.journal.codec().prepare(&people).await?)
    }
}

impl Recording {
    fn add<A: domain::kernel::Listed>(&mut self, executed: &crate::ports::Executed<A>) {
        self.position = self.position.max(executed.position);
        self.new += executed.events.len() as u64;
    }
}
