//! What commands need: a log, the stores beside it in a folder, and an executor over them.

use std::path::Path;
use std::sync::Arc;

use adapters::jetstream_log::{JetStreamLog, Options};
use adapters::{
    Address, Care, ChaCha20Poly1305, MasterKey, Opening, OperationalStore, SealedVault, SystemClock,
};
use anyhow::Result;
use commands::Executor;
use commands::ports::{Execute, Leases, Snapshots};
use domain::conversation::{Conversation, ConversationCommand, ConversationEvent};
use domain::kernel::{
    Actor, Cause, Clock, Codec, ConversationId, Event, EventLog, Expected, Journal, Listed, Person,
    Personal, Source, StreamId,
};
use uuid::Uuid;

/// People who talk; a key is made for each before anything is measured.
const PEOPLE: usize = 100;

pub(crate) struct Desk {
    pub(crate) journal: Journal,
    pub(crate) snapshots: Arc<dyn Snapshots>,
    pub(crate) leases: Arc<dyn Leases>,
    clock: Arc<dyn Clock>,
}

impl Desk {
    pub(crate) async fn open(log: Arc<dyn EventLog>, folder: &Path) -> Result<Self> {
        let open = |name: &str, care| Opening::new(Address::Sqlite(folder.join(name)), care).open();
        let master = MasterKey::open_or_make(&folder.join("master.key"))?;
        let vault = SealedVault::open(open("vault.db", Care::Secret).await?, &master).await?;
        let vault = Arc::new(vault);
        let operational = open("operational.db", Care::Durable).await?;
        let operational = OperationalStore::open(operational, vault.clone()).await?;

        let codec = Arc::new(Codec::new(vault, Arc::new(ChaCha20Poly1305)));
        let people: Vec<_> = (0..PEOPLE).map(person).collect();
        codec.prepare(&people).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let journal = Journal::new(log, codec, clock.clone());
        let operational = Arc::new(operational);
        Ok(Self { journal, snapshots: operational.clone(), leases: operational, clock })
    }

    pub(crate) fn executor<A: Listed>(&self) -> Executor<A> {
        Executor::new(self.journal.clone(), self.snapshots.clone())
    }

    /// Says something in a conversation, which begins if it has not yet; the answer is the position.
    pub(crate) async fn say(
        &self,
        conversations: &Executor<Conversation>,
        id: &ConversationId,
        number: usize,
    ) -> Result<u64> {
        let content = note(number);
        let command = ConversationCommand::Receive {
            message: Uuid::now_v7(),
            length: u32::try_from(content.chars().count())?,
            content: Personal::of(person(number % PEOPLE), content),
            guild: None,
            now: self.clock.now(),
        };
        let actor = Actor::discord(snowflake(number % PEOPLE));
        let cause = Cause::asked(actor, Uuid::now_v7(), Source::Api);
        Ok(conversations.execute(id, command, &cause).await?.position)
    }

    /// Lays a conversation of so many events, so many in each commit, without executing anything.
    pub(crate) async fn lay(
        &self,
        id: &ConversationId,
        events: usize,
        commit: usize,
    ) -> Result<()> {
        let stream = StreamId::of::<Conversation>(id);
        let mut expected = Expected::New;
        let numbers: Vec<_> = (0..events).collect();
        for chunk in numbers.chunks(commit) {
            let chunk = chunk.iter().map(|number| self.laid(id, *number));
            let chunk = chunk.collect::<Result<Vec<_>>>()?;
            let cause = Cause::asked(Actor::discord(snowflake(0)), Uuid::now_v7(), Source::Import);
            let append = self.journal.append(&stream, expected, &chunk, &cause).await?;
            let version = expected.version() + chunk.len() as u64;
            expected = Expected::Exact { version, position: append.await?.position() };
        }
        Ok(())
    }

    /// Lays the next event of a conversation that ends there; answers where it ends then.
    pub(crate) async fn lay_one(
        &self,
        id: &ConversationId,
        end: Expected,
        number: usize,
    ) -> Result<Expected> {
        let stream = StreamId::of::<Conversation>(id);
        let cause = Cause::asked(Actor::discord(snowflake(0)), Uuid::now_v7(), Source::Import);
        let event = [self.laid(id, number)?];
        let append = self.journal.append(&stream, end, &event, &cause).await?;
        Ok(Expected::Exact { version: end.version() + 1, position: append.await?.position() })
    }

    fn laid(&self, id: &ConversationId, number: usize) -> Result<Event> {
        let event = if number == 0 {
            ConversationEvent::Opened { session: 1, guild: None, opened_at: self.clock.now() }
        } else {
            let content = note(number);
            ConversationEvent::MessageReceived {
                message: Uuid::now_v7(),
                length: u32::try_from(content.chars().count())?,
                content: Personal::of(person(number % PEOPLE), content),
            }
        };
        Ok(Event::Conversation(id.clone(), event))
    }
}

/// The log on a server of one's own.
pub(crate) async fn jetstream(url: &str) -> Result<Arc<dyn EventLog>> {
    Ok(Arc::new(JetStreamLog::connect(url, Options::default()).await?))
}

fn person(number: usize) -> Person {
    Person::discord(snowflake(number))
}

fn snowflake(number: usize) -> usize {
    80_351_110_224_678_912 + number
}

/// As long as what the peer is told.
fn note(number: usize) -> String {
    format!(
        "{number:08} as the wheel turns, each palimpsest keeps what was written before, and it shows"
    )
}
