//! Personal data on its way through the log: sealed in it, clear above it, gone when erased.

use std::sync::{Arc, Mutex};

use adapters::{ChaCha20Poly1305, MasterKey, SealedVault, SystemClock};
use async_trait::async_trait;
use domain::conversation::ConversationEvent;
use domain::discord::ChannelEvent;
use domain::kernel::{
    Actor, Append, Appended, Cause, ChainHash, ChannelId, Codec, ConversationId, DiscordUserId,
    Event, EventLog, Expected, Journal, LogError, LogPage, MessageId, Person, Personal, Recorded,
    Source, StoredCommit, StreamId,
};
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::json;
use tests::databases::TestDatabase;
use uuid::Uuid;

tests::on_each_database! { Secret;
    an_erased_person_is_erased_in_every_event_and_nobody_else_is,
    personal_data_is_clear_above_the_log_and_sealed_in_it,
}

async fn personal_data_is_clear_above_the_log_and_sealed_in_it(database: TestDatabase) {
    let (journal, log) = journal(&database).await;
    let written = write(&journal).await;
    assert_eq!(events(&journal).await, written);
    for text in ["a secret of Ana", "Ana Name", "an option of Ben", "a secret of Ben"] {
        assert!(!log.holds(text), "“{text}” stands in the log in clear");
    }
    // The search itself finds things: what is not personal is clear.
    assert!(log.holds("/remind"));

    let (again, _) = journal_on(&database, log).await;
    assert_eq!(events(&again).await, written);
}

async fn an_erased_person_is_erased_in_every_event_and_nobody_else_is(database: TestDatabase) {
    let (journal, log) = journal(&database).await;
    let written = write(&journal).await;
    let chain = log.chain();

    assert_eq!(journal.codec().erase(&ana()).await.unwrap(), 1);
    let (again, _) = journal_on(&database, Arc::clone(&log)).await;
    for journal in [&journal, &again] {
        let read = events(journal).await;
        let [
            Event::Conversation(_, ConversationEvent::MessageReceived { content, length, .. }),
            Event::Channel(_, ChannelEvent::InteractionReceived { user_name, options, .. }),
            bens,
        ] = read.as_slice()
        else {
            panic!("{read:?}");
        };
        assert_eq!(*content, Personal::Erased { of: ana() });
        assert_eq!(*length, 15);
        assert_eq!(*user_name, Personal::Erased { of: ana() });
        assert_eq!(*options, Personal::of(ben(), json!({"text": "an option of Ben"})));
        assert_eq!(*bens, written[2]);
    }
    assert_eq!(log.chain(), chain);

    // Ana comes back, and has a key of her own again; what she said before stays gone.
    let back = received(&ana(), "a new secret");
    append(&journal, Expected::Exact { version: 2, position: 3 }, std::slice::from_ref(&back))
        .await;
    let read = events(&again).await;
    assert_eq!(read[3], back);
    assert_ne!(read[0], written[0]);
}

/// Ana says something, something about Ana and Ben happens, Ben says something.
async fn write(journal: &Journal) -> Vec<Event> {
    let mixed = Event::Channel(
        ChannelId(5),
        ChannelEvent::InteractionReceived {
            id: MessageId(77),
            user: DiscordUserId(1),
            guild: None,
            user_name: Personal::of(ana(), "Ana Name".to_owned()),
            command: "/remind".to_owned(),
            options: Personal::of(ben(), json!({"text": "an option of Ben"})),
        },
    );
    let [anas, bens] = [(ana(), "a secret of Ana"), (ben(), "a secret of Ben")]
        .map(|(person, text)| received(&person, text));
    append(journal, Expected::New, std::slice::from_ref(&anas)).await;
    append(journal, Expected::New, std::slice::from_ref(&mixed)).await;
    append(journal, Expected::Exact { version: 1, position: 1 }, std::slice::from_ref(&bens)).await;
    vec![anas, mixed, bens]
}

fn received(person: &Person, text: &str) -> Event {
    let id = ConversationId::new("somebody", "somewhere").expect("an id");
    let length = u32::try_from(text.len()).expect("a short text");
    let content = Personal::of(person.clone(), text.to_owned());
    let message = Uuid::now_v7();
    Event::Conversation(id, ConversationEvent::MessageReceived { message, content, length })
}

fn ana() -> Person {
    Person::discord(1)
}

fn ben() -> Person {
    Person::discord(2)
}

async fn append(journal: &Journal, expected: Expected, events: &[Event]) {
    let cause = Cause::asked(Actor::system("tests"), Uuid::now_v7(), Source::Cli);
    let sent = journal.append(&events[0].stream(), expected, events, &cause).await;
    sent.expect("a sealed commit").await.expect("a stored commit");
}

async fn events(journal: &Journal) -> Vec<Event> {
    let (recorded, _) = journal.read_all(0, 100).await.expect("what was written");
    recorded.into_iter().map(|recorded: Recorded| recorded.event).collect()
}

async fn journal(database: &TestDatabase) -> (Journal, Arc<MemoryLog>) {
    journal_on(database, Arc::default()).await
}

/// As another process would see the same log.
async fn journal_on(database: &TestDatabase, log: Arc<MemoryLog>) -> (Journal, Arc<MemoryLog>) {
    let master = MasterKey::new([42; 32]);
    let vault = SealedVault::open(database.open().await, &master).await.expect("a vault");
    let codec = Arc::new(Codec::new(Arc::new(vault), Arc::new(ChaCha20Poly1305)));
    let journal = Journal::new(Arc::clone(&log) as _, codec, Arc::new(SystemClock));
    (journal, log)
}

/// Commits in a list: what is looked at here happens above the log.
#[derive(Default)]
struct MemoryLog(Mutex<Vec<StoredCommit>>);

impl MemoryLog {
    fn commits(&self, after: u64) -> Vec<StoredCommit> {
        let commits = self.0.lock().expect("a list");
        commits.iter().filter(|commit| commit.position > after).cloned().collect()
    }

    fn holds(&self, text: &str) -> bool {
        let bodies = self.commits(0).into_iter().map(|commit| commit.body);
        bodies.into_iter().any(|body| String::from_utf8_lossy(&body).contains(text))
    }

    fn chain(&self) -> ChainHash {
        self.commits(0).iter().fold(ChainHash::default(), |chain, it| chain.next(&it.body))
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, LogError>> {
        let mut commits = self.0.lock().expect("a list");
        let position = commits.len() as u64 + 1;
        commits.push(StoredCommit { position, body: append.body });
        async move { Ok(Appended::Stored { position }) }.boxed()
    }

    fn pipelines(&self) -> bool {
        false
    }

    async fn head(&self) -> Result<u64, LogError> {
        Ok(self.commits(0).len() as u64)
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Expected,
        _: usize,
    ) -> Result<Vec<StoredCommit>, LogError> {
        let mut commits = self.commits(after.position());
        commits.retain(|commit| Codec::parse(commit).is_ok_and(|it| it.stream == stream.as_str()));
        Ok(commits)
    }

    async fn read_all(&self, after: u64, _: usize) -> Result<Vec<StoredCommit>, LogError> {
        Ok(self.commits(after))
    }

    fn follow(&self, after: u64) -> BoxStream<'static, Result<LogPage, LogError>> {
        let commits = self.commits(after);
        futures_util::stream::iter([Ok(LogPage { commits, caught_up: true })]).boxed()
    }
}
