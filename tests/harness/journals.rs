//! A log in memory with everything around it, for tests of what reads it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use adapters::{ChaCha20Poly1305, SystemClock};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::kernel::{
    Actor, Append, Appended, Cause, Clock, Codec, CryptError, Event, EventLog, Expected, Journal,
    Key, KeyId, Keys, LogError, LogPage, Person, PersonEvent, Source, StoredCommit, StreamId,
};
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;
use uuid::Uuid;

/// A journal, and a pen to write in it.
pub struct TestJournal {
    pub journal: Journal,
    pub log: Arc<MemoryLog>,
    pub clock: Arc<TestClock>,
    streams: Mutex<HashMap<StreamId, Expected>>,
}

impl Default for TestJournal {
    fn default() -> Self {
        let log = Arc::<MemoryLog>::default();
        let clock = Arc::<TestClock>::default();
        let codec = Codec::new(Arc::<MemoryKeys>::default(), Arc::new(ChaCha20Poly1305));
        let journal = Journal::new(log.clone(), Arc::new(codec), clock.clone());
        Self { journal, log, clock, streams: Mutex::default() }
    }
}

impl TestJournal {
    /// One commit of events of one aggregate, by an API key; a second passes. Answers its position.
    pub async fn write(&self, events: &[Event]) -> u64 {
        self.write_as(Source::Api, events).await
    }

    /// The same, through another door.
    pub async fn write_as(&self, source: Source, events: &[Event]) -> u64 {
        self.clock.pass(TimeDelta::seconds(1));
        let stream = events[0].stream();
        let known = self.streams.lock().expect("a map").get(&stream).copied();
        let expected = known.unwrap_or(Expected::New);
        let cause = Cause::asked(Actor::api_key("tests"), Uuid::now_v7(), source);
        let sent = self.journal.append(&stream, expected, events, &cause).await;
        let position = sent.expect("a sealed commit").await.expect("a stored one").position();
        let version = expected.version() + events.len() as u64;
        let now = Expected::Exact { version, position };
        self.streams.lock().expect("a map").insert(stream, now);
        position
    }

    /// Destroys a person's keys and records it.
    pub async fn erase(&self, person: &Person) -> u64 {
        let keys = self.journal.codec().erase(person).await.expect("destroyed keys") as u64;
        let event = PersonEvent::Erased { keys, reason: "asked".into() };
        self.write(&[Event::Person(person.clone(), event)]).await
    }
}

/// Time that passes when it is told to, from the first second of 2026.
pub struct TestClock(AtomicI64);

impl Default for TestClock {
    fn default() -> Self {
        Self(AtomicI64::new(1_767_225_600_000))
    }
}

impl TestClock {
    pub fn pass(&self, time: TimeDelta) {
        self.0.fetch_add(time.num_milliseconds(), Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::Relaxed)).expect("a time")
    }
}

/// The machine's clock, moved on when it is told to.
#[derive(Default)]
pub struct MovedClock(AtomicI64);

impl MovedClock {
    pub fn pass(&self, time: TimeDelta) {
        self.0.fetch_add(time.num_milliseconds(), Ordering::Relaxed);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::milliseconds(self.0.load(Ordering::Relaxed))
    }
}

/// Keys in a map.
#[derive(Default)]
struct MemoryKeys(Mutex<Vec<(Person, Option<Key>)>>);

impl MemoryKeys {
    fn all(&self) -> MutexGuard<'_, Vec<(Person, Option<Key>)>> {
        self.0.lock().expect("a list")
    }
}

#[async_trait]
impl Keys for MemoryKeys {
    async fn current(&self, of: &[Person]) -> Result<Vec<(KeyId, Key)>, CryptError> {
        let mut all = self.all();
        let current = of.iter().map(|person| {
            let found = all.iter().position(|(of, key)| of == person && key.is_some());
            let at = found.unwrap_or_else(|| {
                let half = *Uuid::now_v7().as_bytes();
                let key = Key::new(std::array::from_fn(|nth| half[nth % 16]));
                all.push((person.clone(), Some(key)));
                all.len() - 1
            });
            (KeyId(at as u64), all[at].1.clone().expect("a key"))
        });
        Ok(current.collect())
    }

    async fn find(&self, ids: &[KeyId]) -> Result<Vec<Option<Key>>, CryptError> {
        let all = self.all();
        let at = |id: &KeyId| usize::try_from(id.0).expect("a small number");
        Ok(ids.iter().map(|id| all[at(id)].1.clone()).collect())
    }

    async fn destroy(&self, of: &Person) -> Result<usize, CryptError> {
        let mut all = self.all();
        let theirs = all.iter_mut().filter(|(person, key)| person == of && key.is_some());
        Ok(theirs.map(|(_, key)| *key = None).count())
    }
}

/// Commits in a list.
pub struct MemoryLog {
    commits: Arc<Mutex<Vec<StoredCommit>>>,
    head: watch::Sender<u64>,
    page: AtomicUsize,
}

impl Default for MemoryLog {
    fn default() -> Self {
        let page = AtomicUsize::new(100);
        Self { commits: Arc::default(), head: watch::Sender::new(0), page }
    }
}

impl MemoryLog {
    /// How many commits come at once.
    pub fn set_page(&self, commits: usize) {
        self.page.store(commits, Ordering::Relaxed);
    }

    /// Does to the log what must never happen.
    pub fn tamper(&self, with: impl FnOnce(&mut Vec<StoredCommit>)) {
        let mut commits = self.commits.lock().expect("a list");
        with(&mut commits);
        self.head.send_replace(commits.len() as u64);
    }

    fn after(&self, position: u64, limit: usize) -> Vec<StoredCommit> {
        after(&self.commits.lock().expect("a list"), position, limit)
    }
}

fn after(commits: &[StoredCommit], position: u64, limit: usize) -> Vec<StoredCommit> {
    let from = usize::try_from(position).expect("a small number").min(commits.len());
    commits[from..].iter().take(limit).cloned().collect()
}

#[async_trait]
impl EventLog for MemoryLog {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, LogError>> {
        let mut commits = self.commits.lock().expect("a list");
        let position = commits.len() as u64 + 1;
        commits.push(StoredCommit { position, body: append.body });
        self.head.send_replace(position);
        async move { Ok(Appended::Stored { position }) }.boxed()
    }

    fn pipelines(&self) -> bool {
        false
    }

    async fn head(&self) -> Result<u64, LogError> {
        Ok(*self.head.borrow())
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Expected,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, LogError> {
        let mut commits = self.after(after.position(), usize::MAX);
        commits.retain(|commit| Codec::parse(commit).is_ok_and(|it| it.stream == stream.as_str()));
        commits.truncate(limit);
        Ok(commits)
    }

    async fn read_all(&self, after: u64, limit: usize) -> Result<Vec<StoredCommit>, LogError> {
        Ok(self.after(after, limit))
    }

    fn follow(&self, after: u64) -> BoxStream<'static, Result<LogPage, LogError>> {
        let (commits, head) = (Arc::clone(&self.commits), self.head.subscribe());
        let page = self.page.load(Ordering::Relaxed);
        futures_util::stream::unfold(
            (after, commits, head),
            move |(at, list, mut head)| async move {
                head.wait_for(|head| *head > at).await.ok()?;
                let commits = self::after(&list.lock().expect("a list"), at, page);
                let last = commits.last()?.position;
                let caught_up = last == *head.borrow();
                Some((Ok(LogPage { commits, caught_up }), (last, list, head)))
            },
        )
        .boxed()
    }
}
