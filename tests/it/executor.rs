//! What executing commands over a log means: once each, in turn, durable, and never on old news.

use commands::CommandError;
use commands::ports::{Execute, Snapshots};
use domain::conversation::{Conversation, ConversationCommand, ConversationEvent};
use domain::kernel::{
    Actor, Cause, ConversationId, Event, Expected, Person, Personal, Singleton, Source, StreamId,
};
use domain::lifecycle::{Settings, SettingsCommand, SettingsPatch};
use futures_util::future::join_all;
use tests::embedded::Embedded;
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

    assert_eq!(set(&platform, 7, &cause).await.unwrap().position, first.position);
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
    let command = ConversationCommand::Receive {
        message: Uuid::from_u128(message),
        content: Personal::of(Person::user("ana"), "hello".into()),
        length: 5,
        guild: None,
        now: platform.journal.clock().now(),
    };
    let executed = platform.executors.conversations.execute(id, command, &cause()).await?;
    Ok(executed.position)
}

fn cause() -> Cause {
    Cause::asked(Actor::system("test"), Uuid::now_v7(), Source::Api)
}
