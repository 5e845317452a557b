//! What executing commands over a log means: once each, in turn, durable, and never on old news.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::ChaCha20Poly1305;
use adapters::jetstream_log::{JetStreamLog, Options};
use async_trait::async_trait;
use commands::ports::{Execute, Snapshots};
use commands::{CommandError, Executors};
use domain::conversation::{Conversation, ConversationCommand, ConversationEvent};
use domain::kernel::{
    Actor, Cause, Codec, ConversationId, CryptError, Event, Expected, Journal, Key, KeyId, Keys,
    Person, Personal, Singleton, Source, StreamId,
};
use domain::lifecycle::{Settings, SettingsCommand, SettingsPatch};
use futures_util::future::join_all;
use tests::embedded::Embedded;
use tests::services::{nats_monitor_url, nats_url};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

#[tokio::test]
async fn a_command_answers_the_position_that_shows_its_effect() {
    let (platform, _folder) = Embedded::start().await;
    let first = set(&platform, 7, &cause()).await.unwrap();
    let again = set(&platform, 7, &cause()).await.unwrap();

    assert_eq!((first.position, first.version, first.events.len()), (1, 1, 1));
    assert_eq!((again.position, again.version, again.events.len()), (1, 1, 0));
}

#[tokio::test]
async fn the_same_command_is_stored_once_however_late_it_comes_again() {
    let (platform, folder) = Embedded::start().await;
    let cause = cause();
    let first = set(&platform, 7, &cause).await.unwrap();
    for most in 8..100 {
        set(&platform, most, &self::cause()).await.unwrap();
    }

    let again = set(&platform, 7, &cause).await.unwrap();
    assert_eq!((again.position, again.version, again.events.len()), (first.position, 93, 0));
    assert_eq!(max_guilds(&platform).await, 99);
    let after_a_restart = Embedded::open(folder.path()).await;
    assert_eq!(set(&after_a_restart, 7, &cause).await.unwrap().position, first.position);
}

#[tokio::test]
async fn one_hot_aggregate_takes_many_writers_without_a_conflict() {
    let (platform, _folder) = Embedded::start().await;
    let id = ConversationId::new("ana", "general").unwrap();
    let writers = (0..16u128).map(async |writer| {
        for message in 0..50 {
            say(&platform, &id, writer << 64 | message).await.unwrap();
        }
    });
    join_all(writers).await;

    let loaded = platform.executors.conversations.load(&id).await.unwrap();
    assert_eq!((loaded.aggregate.messages(), loaded.version), (16 * 50, 16 * 50 + 1));
    let stream = StreamId::of::<Conversation>(&id);
    let history = platform.journal.read_stream(&stream, Expected::New, 10_000).await.unwrap();
    let versions: Vec<_> = history.iter().map(|recorded| recorded.version).collect();
    assert!(versions.into_iter().eq(1..=801));
}

#[tokio::test]
async fn two_processes_on_one_log_both_get_through() {
    let (one, folder) = Embedded::start().await;
    let other = Embedded::over(folder.path(), one.journal.log().clone()).await;
    let id = ConversationId::new("ana", "general").unwrap();
    let writers = (0..8u128).map(async |writer| {
        let platform = if writer % 2 == 0 { &one } else { &other };
        for message in 0..20 {
            say(platform, &id, writer << 64 | message).await.unwrap();
        }
    });
    join_all(writers).await;

    let loaded = Embedded::over(folder.path(), one.journal.log().clone()).await;
    let loaded = loaded.executors.conversations.load(&id).await.unwrap();
    assert_eq!(loaded.aggregate.messages(), 8 * 20);
}

#[tokio::test]
async fn what_another_process_wrote_is_seen_once_the_log_shows_it() {
    let (one, folder) = Embedded::start().await;
    let other = Embedded::over(folder.path(), one.journal.log().clone()).await;
    assert_eq!(max_guilds(&other).await, 100);

    let written = set(&one, 7, &cause()).await.unwrap();
    let stream = StreamId::of::<Settings>(&Singleton);
    other.executors.observe(&stream, written.position).await;

    assert_eq!(max_guilds(&other).await, 7);
}

#[tokio::test]
async fn a_version_that_was_overtaken_is_refused() {
    let (platform, _folder) = Embedded::start().await;
    set(&platform, 7, &cause()).await.unwrap();
    let change = change(8);
    let refused = platform.executors.settings.execute_at(&Singleton, 0, change, &cause()).await;
    assert!(matches!(refused, Err(CommandError::Moved { wanted: 0, at: 1 })), "{refused:?}");
}

#[tokio::test]
async fn a_rule_that_says_no_stores_nothing() {
    let (platform, _folder) = Embedded::start().await;
    let refused = set(&platform, 0, &cause()).await;
    assert!(matches!(refused, Err(CommandError::Rejected(_))), "{refused:?}");
    assert_eq!(platform.journal.log().head().await.unwrap(), 0);
}

#[tokio::test]
async fn a_long_history_is_loaded_from_a_snapshot_and_its_tail() {
    let (platform, folder) = Embedded::start().await;
    let id = ConversationId::new("ana", "general").unwrap();
    let stream = StreamId::of::<Conversation>(&id);
    let mut message = 0;
    let snapshot = loop {
        message += 1;
        say(&platform, &id, message).await.unwrap();
        if let Some(snapshot) = platform.operational.get(&stream).await.unwrap() {
            break snapshot;
        }
        assert!(message < 2_000, "no snapshot was ever kept");
        tokio::task::yield_now().await;
    };
    say(&platform, &id, message + 1).await.unwrap();

    // A state that the history alone would not give shows that the snapshot was used.
    let text = String::from_utf8(snapshot.body.clone()).unwrap();
    let marked = text.replacen("\"session\":1", "\"session\":9", 1);
    assert_ne!(marked, text);
    let marked = commands::ports::Snapshot { body: marked.into_bytes(), ..snapshot };
    // A snapshot of the same version is kept only in place of one of another form.
    let other = commands::ports::Snapshot { schema: "other".into(), ..marked.clone() };
    platform.operational.put(&stream, other).await.unwrap();
    platform.operational.put(&stream, marked).await.unwrap();

    let again = Embedded::open(folder.path()).await;
    let loaded = again.executors.conversations.load(&id).await.unwrap();
    assert_eq!(loaded.version, u64::try_from(message).unwrap() + 2);
    let ended = ConversationCommand::End { reason: "bye".into(), now: again.journal.clock().now() };
    again.executors.conversations.execute(&id, ended, &cause()).await.unwrap();
    let opened = again.executors.conversations.execute(&id, open(&again), &cause()).await.unwrap();
    assert!(matches!(opened.events[..], [ConversationEvent::Opened { session: 10, .. }]));
}

#[tokio::test]
async fn a_caller_who_left_while_a_commit_was_sealed_leaves_no_trace() {
    let (mut platform, _folder) = Embedded::start().await;
    let slow = Arc::new(SlowKeys {
        keys: platform.vault.clone(),
        open: watch::Sender::new(true),
        asked: Notify::new(),
    });
    let codec = Codec::new(slow.clone(), Arc::new(ChaCha20Poly1305));
    let (log, clock) = (platform.journal.log().clone(), platform.journal.clock().clone());
    platform.journal = Journal::new(log, Arc::new(codec), clock);
    let snapshots: Arc<dyn Snapshots> = platform.operational.clone();
    platform.executors = Executors::new(&platform.journal, &snapshots);
    let id = ConversationId::new("ana", "general").unwrap();
    say(&platform, &id, 1).await.unwrap();

    platform.journal.codec().forget_keys();
    slow.open.send_replace(false);
    tokio::select! {
        ended = say(&platform, &id, 2) => panic!("{ended:?}"),
        () = slow.asked.notified() => {}
    }
    slow.open.send_replace(true);
    let loaded = platform.executors.conversations.load(&id).await.unwrap();
    assert_eq!((loaded.aggregate.messages(), loaded.version), (1, 2));
    say(&platform, &id, 2).await.unwrap();
    let stream = StreamId::of::<Conversation>(&id);
    let history = platform.journal.read_stream(&stream, Expected::New, 10).await.unwrap();
    assert_eq!(history.last().unwrap().version, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_known_from_a_snapshot_when_the_server_has_forgotten_it() {
    let own = Uuid::now_v7().simple().to_string();
    let window = Duration::from_millis(100);
    let options = Options {
        stream: format!("EXECUTOR-{own}"),
        prefix: format!("executor.{own}"),
        duplicate_window: window,
        monitor: Some(nats_monitor_url()),
        ..Options::default()
    };
    let log = JetStreamLog::connect(&nats_url(), options).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let platform = Embedded::over(folder.path(), Arc::new(log)).await;
    let id = ConversationId::new("ana", "general").unwrap();
    let stream = StreamId::of::<Conversation>(&id);
    let (mut message, mut causes) = (0, Vec::new());
    while platform.operational.get(&stream).await.unwrap().is_none() {
        message += 1;
        causes.push(cause());
        say_because(&platform, &id, message, causes.last().unwrap()).await.unwrap();
        assert!(message < 2_000, "no snapshot was ever kept");
    }
    let (begun, other) = (Instant::now(), ConversationId::new("ana", "elsewhere").unwrap());
    while begun.elapsed() < 4 * window {
        message += 1;
        say(&platform, &other, message).await.unwrap();
    }

    let again = Embedded::over(folder.path(), platform.journal.log().clone()).await;
    let head = again.journal.log().head().await.unwrap();
    let late = &causes[causes.len() - 20];
    say_because(&again, &id, message + 1, late).await.unwrap();
    assert_eq!(again.journal.log().head().await.unwrap(), head);
}

#[tokio::test]
async fn events_carry_who_why_and_through_which_door() {
    let (platform, _folder) = Embedded::start().await;
    let cause = cause();
    set(&platform, 7, &cause).await.unwrap();
    let (events, _) = platform.journal.read_all(0, 10).await.unwrap();
    let recorded = &events[0];
    assert_eq!(recorded.actor, cause.actor);
    assert_eq!(recorded.command, cause.command);
    assert_eq!(recorded.correlation, cause.correlation);
    assert_eq!((recorded.causation, recorded.source), (None, Source::Api));
    assert_eq!(recorded.id.get_version_num(), 7);
    assert!(matches!(recorded.event, Event::Settings(..)));
}

async fn max_guilds(platform: &Embedded) -> u32 {
    platform.executors.settings.load(&Singleton).await.unwrap().aggregate.max_guilds
}

fn change(max_guilds: u32) -> SettingsCommand {
    let patch = SettingsPatch { max_guilds: Some(max_guilds), ..SettingsPatch::default() };
    SettingsCommand::Change { patch, by: Actor::system("test"), reason: None }
}

async fn set(
    platform: &Embedded,
    max_guilds: u32,
    cause: &Cause,
) -> Result<commands::ports::Executed<Settings>, CommandError> {
    platform.executors.settings.execute(&Singleton, change(max_guilds), cause).await
}

fn open(platform: &Embedded) -> ConversationCommand {
    ConversationCommand::Open { guild: None, now: platform.journal.clock().now() }
}

async fn say(platform: &Embedded, id: &ConversationId, message: u128) -> Result<u64, CommandError> {
    say_because(platform, id, message, &cause()).await
}

async fn say_because(
    platform: &Embedded,
    id: &ConversationId,
    message: u128,
    cause: &Cause,
) -> Result<u64, CommandError> {
    let command = ConversationCommand::Receive {
        message: Uuid::from_u128(message),
        content: Personal::of(Person::user("ana"), "hello".into()),
        length: 5,
        guild: None,
        now: platform.journal.clock().now(),
    };
    let executed = platform.executors.conversations.execute(id, command, cause).await?;
    Ok(executed.position)
}

fn cause() -> Cause {
    Cause::asked(Actor::system("test"), Uuid::now_v7(), Source::Api)
}

/// Keys that come when they are let.
struct SlowKeys {
    keys: Arc<dyn Keys>,
    open: watch::Sender<bool>,
    asked: Notify,
}

#[async_trait]
impl Keys for SlowKeys {
    async fn current(&self, of: &[Person]) -> Result<Vec<(KeyId, Key)>, CryptError> {
        if !*self.open.borrow() {
            self.asked.notify_one();
        }
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        self.keys.current(of).await
    }

    async fn find(&self, ids: &[KeyId]) -> Result<Vec<Option<Key>>, CryptError> {
        self.keys.find(ids).await
    }

    async fn destroy(&self, of: &Person) -> Result<usize, CryptError> {
        self.keys.destroy(of).await
    }
}
