//! Adds to a channel what an export holds, each fact once, however old it is.

use domain::discord::{ChannelCommand, ChannelEvent, Known, Message};
use domain::kernel::{Cause, ChannelId, Event, Expected};
use uuid::Uuid;

use super::Observations;
use super::chunks::chunks;
use crate::CommandError;
use crate::ports::Executed;

/// How many commits are read at once.
const PAGE: usize = 1_000;

/// How often a chunk is tried while others write to the same channel.
const ATTEMPTS: usize = 1_000;

/// What the log holds of a channel, and up to where it was read.
///
/// Every chunk is stored only if the channel still stands where it was read; else what came in the
/// meantime is read first. So neither the live traffic nor a second import adds anything twice.
pub struct ChannelImport {
    observations: Observations,
    channel: ChannelId,
    known: Known,
    read_to: Expected,
}

/// What an import added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Added {
    /// The newest commit of the channel.
    pub position: u64,
    pub messages: u64,
    pub edits: u64,
    pub reactions: u64,
}

impl Observations {
    /// Begin to import into a channel: read what the log holds of it.
    pub async fn begin_import(&self, channel: ChannelId) -> Result<ChannelImport, CommandError> {
        let (observations, known) = (self.clone(), Known::default());
        let mut import = ChannelImport { observations, channel, known, read_to: Expected::New };
        import.catch_up().await?;
        Ok(import)
    }
}

impl ChannelImport {
    /// What the log holds by now.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Record what is new. The ids of the commands follow from the cause and the facts: what is
    /// tried again is stored once, and what somebody else stores at the same time is his.
    pub async fn record(
        &mut self,
        cause: &Cause,
        facts: Vec<ChannelEvent>,
    ) -> Result<Added, CommandError> {
        let news = facts.iter().filter(|fact| !self.known.holds(fact));
        self.observations.prepare_keys(news).await?;
        let mut added = Added::default();
        for facts in chunks(facts) {
            let cause = Cause { command: command(cause, &facts), ..cause.clone() };
            self.record_chunk(&cause, facts, &mut added).await?;
        }
        added.position = self.read_to.position();
        Ok(added)
    }

    async fn record_chunk(
        &mut self,
        cause: &Cause,
        facts: Vec<ChannelEvent>,
        added: &mut Added,
    ) -> Result<(), CommandError> {
        for _ in 0..ATTEMPTS {
            let known = self.known.about(&facts);
            let command = ChannelCommand::Import { facts: facts.clone(), known };
            let version = self.read_to.version();
            let executed =
                self.observations.channels.execute_at(&self.channel, version, command, cause);
            match executed.await {
                Ok(Executed { events, .. }) if events.is_empty() => return Ok(()),
                Ok(Executed { position, version, events })
                    if position > self.read_to.position() =>
                {
                    self.read_to = Expected::Exact { version, position };
                    for event in events {
                        self.known.learn(&event);
                        added.count(&event);
                    }
                    return Ok(());
                }
                // Stored by an earlier try: nothing was added now.
                Ok(_) => return self.catch_up().await,
                Err(CommandError::Moved { .. } | CommandError::Conflict) => self.catch_up().await?,
                Err(error) => return Err(error),
            }
        }
        Err(CommandError::Conflict)
    }

    /// Reads what was added to the channel since.
    async fn catch_up(&mut self) -> Result<(), CommandError> {
        let stream = domain::kernel::StreamId::of::<domain::discord::Channel>(&self.channel);
        loop {
            let page = self.observations.journal.read_stream(&stream, self.read_to, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            self.read_to = Expected::Exact { version: last.version, position: last.position };
            for recorded in page {
                if let Event::Channel(_, event) = recorded.event {
                    self.known.learn(&event);
                }
            }
        }
    }
}

/// The same facts of the same import are the same command.
fn command(cause: &Cause, facts: &[ChannelEvent]) -> Uuid {
    let mut hasher = blake3::Hasher::new();
    for fact in facts {
        let name = match fact {
            ChannelEvent::MessageCreated(Message { id, .. }) => format!("\nmessage {id}"),
            ChannelEvent::MessageEdited { id, edited_at, .. } => {
                format!("\nedit {id} {}", edited_at.timestamp_millis())
            }
            ChannelEvent::ReactionAdded { message, user, emoji } => {
                format!("\nreaction {message} {user} {emoji}")
            }
            other => format!("\n{} {other:?}", other.as_ref()),
        };
        hasher.update(name.as_bytes());
    }
    Uuid::new_v5(&cause.command, hasher.finalize().as_bytes())
}

impl Added {
    fn count(&mut self, event: &ChannelEvent) {
        match event {
            ChannelEvent::MessageCreated(_) => self.messages += 1,
            ChannelEvent::MessageEdited { .. } => self.edits += 1,
            ChannelEvent::ReactionAdded { .. } => self.reactions += 1,
            _ => {}
        }
    }
}
