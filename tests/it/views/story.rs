//! A small history with something of everything.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use domain::conversation::ConversationEvent as Talk;
use domain::discord::{Attachment, ChannelEvent, ChannelFact, GuildEvent, Message};
use domain::identity::{ApiKeyEvent, Permissions};
use domain::integrations::InstallationEvent;
use domain::kernel::{
    Actor, ApiKeyId, ChannelId, ConversationId, DiscordUserId, EditId, Event, GuildId,
    InstallationId, MessageId, Person, Personal, ProcessId, Scope, Singleton, Source,
};
use domain::lifecycle::{BotEvent, ProcessEvent, Sample};
use domain::self_editing::{Change, Check, EditEvent, RevisionKind, WorkspaceEvent};
use tests::journals::TestJournal;
use uuid::Uuid;

/// Somebody says something in a channel; the ids of messages rise.
pub(super) async fn say(journal: &TestJournal, channel: u64, author: u64, text: &str) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1_000_000);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    journal.write(&[said(channel, id, author, text)]).await
}

fn said(channel: u64, id: u64, author: u64, text: &str) -> Event {
    let person = Person::discord(author);
    let name = if author == 1 { "Ana" } else { "Ben" };
    let url = "https://files.example/a.png".to_owned();
    let file = Attachment { name: "a.png".into(), url, size: 9 };
    Event::Channel(
        ChannelId(channel),
        ChannelEvent::MessageCreated(Message {
            id: MessageId(id),
            guild: Some(GuildId(9)),
            author: DiscordUserId(author),
            author_name: Personal::of(person.clone(), name.into()),
            bot: author == 99,
            content: Personal::of(person.clone(), text.into()),
            length: u32::try_from(text.chars().count()).expect("a short text"),
            reply_to: (id > 101).then_some(MessageId(101)),
            attachments: (id == 101).then(|| Personal::of(person, vec![file])),
            to_bot: false,
        }),
    )
}

fn in_channel(event: ChannelEvent) -> Event {
    Event::Channel(ChannelId(5), event)
}

fn minute(journal: &TestJournal) -> i64 {
    now(journal).timestamp() / 60
}

fn now(journal: &TestJournal) -> DateTime<Utc> {
    journal.journal.clock().now()
}

/// Everything once.
pub(super) async fn tell(journal: &TestJournal) {
    guild(journal).await;
    channel(journal).await;
    conversation(journal).await;
    edits(journal).await;
    platform(journal).await;
}

async fn guild(journal: &TestJournal) {
    let ana = Person::discord(1);
    let joined_at = now(journal);
    let user = DiscordUserId(1);
    let fact = ChannelFact { id: ChannelId(5), name: "lounge".into(), kind: "text".into() };
    let events = [
        GuildEvent::Observed { name: "Home".into(), member_count: 2 },
        GuildEvent::ChannelObserved(fact),
        GuildEvent::MemberJoined { user, name: Personal::of(ana.clone(), "Ana".into()), joined_at },
        GuildEvent::MemberUpdated {
            user,
            name: Personal::of(ana, "Ana".into()),
            roles: vec!["7".into()],
        },
        GuildEvent::MemberJoined {
            user: DiscordUserId(2),
            name: Personal::of(Person::discord(2), "Ben".into()),
            joined_at,
        },
        GuildEvent::MemberLeft { user: DiscordUserId(2) },
    ];
    journal.write(&events.map(|event| Event::Guild(GuildId(9), event))).await;
}

async fn channel(journal: &TestJournal) {
    // Snowflakes of the first second of 2015 would lie long ago: these counts are small on purpose.
    journal
        .write(&[
            said(5, 101, 1, "The quick brown fox"),
            said(5, 102, 2, "Alles grün"),
            said(5, 103, 2, "before the edit"),
            said(5, 104, 99, "gone"),
        ])
        .await;
    let edited_at = now(journal);
    let content = Personal::of(Person::discord(2), "after".to_owned());
    let (message, user) = (MessageId(101), DiscordUserId(2));
    let emoji = || "👍".to_owned();
    let id = MessageId(200);
    journal
        .write(&[
            in_channel(ChannelEvent::MessageEdited {
                id: MessageId(103),
                edited_at,
                content,
                length: 5,
            }),
            in_channel(ChannelEvent::MessageDeleted { id: MessageId(104) }),
            in_channel(ChannelEvent::ReactionAdded { message, user, emoji: emoji() }),
            in_channel(ChannelEvent::ReactionAdded { message, user, emoji: "🦊".into() }),
            in_channel(ChannelEvent::ReactionRemoved { message, user, emoji: emoji() }),
            in_channel(ChannelEvent::InteractionReceived {
                id,
                user: DiscordUserId(1),
                guild: Some(GuildId(9)),
                user_name: Personal::of(Person::discord(1), "Ana".into()),
                command: "/ask".into(),
                options: Personal::of(
                    Person::discord(1),
                    serde_json::json!({ "text": "hello bot" }),
                ),
            }),
            in_channel(ChannelEvent::InteractionAnswered {
                id,
                success: true,
                error: None,
                duration_ms: 12,
            }),
            in_channel(ChannelEvent::CaughtUp { to: id }),
        ])
        .await;
}

async fn conversation(journal: &TestJournal) {
    let ana = Person::discord(1);
    let talk = |event| Event::Conversation(ConversationId::new("1", "5").expect("an id"), event);
    let opened =
        |session| Talk::Opened { session, guild: Some("9".into()), opened_at: now(journal) };
    let message = Uuid::from_u128(1);
    let received = |message, text: &str| Talk::MessageReceived {
        message,
        content: Personal::of(ana.clone(), text.into()),
        length: 9,
    };
    journal.write(&[talk(opened(1)), talk(received(message, "hello bot"))]).await;
    let answered = Talk::Answered {
        to: message,
        answer: Uuid::from_u128(2),
        content: Personal::of(ana.clone(), "an answer".into()),
        length: 9,
        provider: "local".into(),
        model: "responders".into(),
        tokens: 3,
        processing_ms: 4,
        deliver: None,
    };
    journal.write(&[talk(answered)]).await;
    let ended = Talk::Ended {
        reason: "user_request".into(),
        ended_at: now(journal),
        messages: 2,
        duration_s: 60,
    };
    journal.write(&[talk(ended)]).await;
    let again = received(Uuid::from_u128(3), "hello bot, again");
    journal.write_as(Source::Reactor, &[talk(opened(2)), talk(again)]).await;
}

async fn edits(journal: &TestJournal) {
    let workspace = |revision, kind, edit, content: &str| {
        let changes = vec![
            Change { path: "behaviors/wave.rhai".into(), content: Some(content.into()) }.into(),
        ];
        let by = Actor::system("tests");
        Event::Workspace(Singleton, WorkspaceEvent::Revised { revision, kind, edit, by, changes })
    };
    let (first, second) = (EditId(Uuid::from_u128(10)), EditId(Uuid::from_u128(11)));
    let seed = workspace(1, RevisionKind::Seeded, EditId(Uuid::nil()), "say(\"hi\")\n");
    journal.write(&[seed]).await;
    let ana = Actor::discord(1);
    let proposed = |text: &str, content: &str| EditEvent::Proposed {
        author: Actor::discord(1),
        scope: Scope::Features,
        kind: "greeting".into(),
        description: Personal::of(Person::discord(1), text.into()),
        base_revision: 1,
        changes: vec![
            Change { path: "behaviors/wave.rhai".into(), content: Some(content.into()) }.into(),
        ],
        content_hash: "abc".into(),
        author_powers: None,
        asked_by: None,
    };
    let content = "say(\"hi\");\nsay(\"hi\")\n// twice\n";
    let checks = vec![Check { name: "syntax".into(), passed: true, findings: vec![] }];
    journal.write(&[Event::Edit(first, proposed("Wave twice", "say(\"ho\")\nwave()\n"))]).await;
    journal.write(&[Event::Edit(first, EditEvent::ChecksPassed { checks })]).await;
    let comment = Some(Personal::of(ana.person(), "Looks good".into()));
    let approved = EditEvent::Approved { by: ana, comment, alone: true };
    journal.write(&[Event::Edit(first, approved)]).await;
    let position = journal.write(&[workspace(2, RevisionKind::Applied, first, content)]).await;
    journal.write(&[Event::Edit(first, EditEvent::Applied { revision: 2, position })]).await;
    let failed = EditEvent::Failed { reason: "conflict".into() };
    journal
        .write(&[Event::Edit(second, proposed("Wave never", "")), Event::Edit(second, failed)])
        .await;
}

async fn platform(journal: &TestJournal) {
    let by = Actor::api_key("tests");
    let key = ApiKeyId(Uuid::from_u128(20));
    let created = ApiKeyEvent::Created {
        name: "bench".into(),
        permissions: Permissions::all(),
        expires_at: Some(now(journal) + TimeDelta::days(1)),
        by: by.clone(),
    };
    journal.write(&[Event::ApiKey(key, created)]).await;
    journal.write(&[Event::ApiKey(key, ApiKeyEvent::Revoked { by: by.clone() })]).await;
    let installation = InstallationId::new("t", "p").expect("an id");
    let completed = InstallationEvent::Completed {
        guild_id: "9".into(),
        guild_name: "Home".into(),
        scope: "bot".into(),
        by: Some(by.clone()),
    };
    let requested = InstallationEvent::Requested { by };
    journal
        .write(&[requested, completed].map(|it| Event::Installation(installation.clone(), it)))
        .await;
    let connected = BotEvent::Connected { user: "Palimpsest".into(), guilds: 1 };
    journal.write(&[Event::Bot(Singleton, connected)]).await;
    let process = ProcessId(Uuid::from_u128(30));
    let (version, environment) = ("0.1.0".to_owned(), "tests".to_owned());
    let started = ProcessEvent::Started { version, environment, roles: vec!["api".into()] };
    journal.write(&[Event::Process(process, started)]).await;
    journal.clock.pass(TimeDelta::minutes(2));
    let sample = |requests, errors, response_ms, minute| {
        let (memory_mb, cpu_percent, connections) = (64.0, 12.5, 3);
        Sample { minute, requests, errors, response_ms, memory_mb, cpu_percent, connections }
    };
    let minute = minute(journal);
    journal
        .write(
            &[sample(5, 1, 10.0, minute - 2), sample(5, 0, 30.0, minute - 1)]
                .map(|sample| Event::Process(process, ProcessEvent::Sampled(sample))),
        )
        .await;
}

/// Much chatter in a few channels, some of it edited.
pub(super) async fn tell_more(journal: &TestJournal, commits: u64) {
    for nth in 0..commits {
        let (channel, author) = (5 + nth % 3, 1 + nth % 4);
        let id = 10_000 + nth * 2;
        let mut events = vec![
            said(channel, id, author, &format!("message {nth}")),
            said(channel, id + 1, author + 1, "and another"),
        ];
        if nth > 5 {
            events.push(Event::Channel(
                ChannelId(channel),
                ChannelEvent::ReactionAdded {
                    message: MessageId(id - 6),
                    user: DiscordUserId(author),
                    emoji: "👋".into(),
                },
            ));
        }
        journal.write(&events).await;
    }
}
