//! What the files of the exporter become.

use chrono::{DateTime, Utc};
use domain::discord::{
    Attachment, ChannelEvent as Did, ChannelFact, GuildEvent, Message, happened_at,
};
use domain::kernel::{ActorKind, ChannelId, DiscordUserId, MessageId, Person, Personal, Source};
use tests::embedded::Embedded;

use super::{LIGHTHOUSE, UBUNTU, channel, facts, fixture, guild, head, import};

const ANA: DiscordUserId = DiscordUserId(201_000_000_000_000_001);
const BEN: DiscordUserId = DiscordUserId(201_000_000_000_000_002);
const HELPER: DiscordUserId = DiscordUserId(201_000_000_000_000_009);

#[tokio::test]
async fn real_chat_is_imported_whole() {
    let (platform, _folder) = Embedded::start().await;
    let report = import(&platform, &fixture("ubuntu.json")).await.unwrap();

    assert_eq!((report.messages, report.new, report.known), (140, 140, 0));
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.bytes, report.position), (report.total_bytes, head(&platform).await));

    let recorded = channel(&platform, UBUNTU).await;
    assert_eq!(recorded.len(), 140);
    for it in &recorded {
        assert_eq!((it.source, it.actor.kind), (Source::Import, ActorKind::ApiKey));
    }
    let first = DateTime::parse_from_rfc3339("2021-12-23T20:48:40.885Z").unwrap().to_utc();
    assert_eq!(recorded[0].occurred_at, first);
    let replies = facts(&platform, UBUNTU).await.into_iter();
    let replies =
        replies.filter(|it| matches!(it, Did::MessageCreated(it) if it.reply_to.is_some()));
    assert_eq!(replies.count(), 122);
}

#[tokio::test]
async fn everything_a_message_can_hold_is_told() {
    let (platform, _folder) = Embedded::start().await;
    let report = import(&platform, &fixture("pretty.json")).await.unwrap();

    let counts = (report.new, report.edits, report.reactions, report.anonymous_reactions);
    assert_eq!(counts, (6, 1, 3, 2));
    assert!(report.is_clean(), "{report:?}");

    let facts = facts(&platform, ChannelId(401_000_000_000_000_001)).await;
    let messages: Vec<&Message> = facts
        .iter()
        .filter_map(|it| if let Did::MessageCreated(it) = it { Some(it) } else { None })
        .collect();
    let [hello, plan, weather, pin, forward, joined] = &messages[..] else {
        panic!("{messages:#?}");
    };

    assert_eq!(happened_at(hello.id), at("2024-05-04T09:00:00.123Z"));
    assert_eq!((hello.guild, hello.author, hello.bot), (Some(LIGHTHOUSE), ANA, false));
    assert_eq!(hello.author_name.shown(), "Ana");
    assert_eq!(hello.content.shown(), "Good morning, everybody!\nWho keeps the light tonight?");
    assert_eq!((hello.length, hello.reply_to, &hello.attachments), (53, None, &None));

    let ben = Person::discord(BEN);
    assert_eq!((plan.author, plan.reply_to), (BEN, Some(hello.id)));
    let url = "https://cdn.discordapp.com/attachments/1/2/plan.pdf".to_owned();
    let file = Attachment { name: "plan.pdf".into(), url, size: 48_213 };
    assert_eq!(plan.attachments, Some(Personal::of(ben.clone(), vec![file])));
    let content = Personal::of(ben, "I do. See the plan.".into());
    let edited_at = at("2024-05-04T09:02:10.5Z");
    let edited = Did::MessageEdited { id: plan.id, edited_at, content, length: 19 };
    let lamp = "lamp:601000000000000001";
    let reactions = [(ANA, "👍"), (HELPER, "👍"), (ANA, lamp)];
    let reactions = reactions.map(|(user, emoji)| reacted(plan.id, user, emoji));
    assert_eq!(facts[2], edited);
    assert_eq!(facts[3..6], reactions);

    assert_eq!((weather.bot, weather.content.shown(), weather.length), (true, "", 0));
    assert_eq!((pin.reply_to, forward.reply_to), (None, None));
    assert_eq!(joined.content.shown(), "Joined the server.");
}

#[tokio::test]
async fn the_server_and_its_channels_are_told_once() {
    let (platform, _folder) = Embedded::start().await;
    for file in ["pretty.json", "thread.json", "old.json", "pretty.json"] {
        import(&platform, &fixture(file)).await.unwrap();
    }
    let room = |id, name: &str, kind: &str| {
        let (name, kind) = (name.to_owned(), kind.to_owned());
        GuildEvent::ChannelObserved(ChannelFact { id: ChannelId(id), name, kind })
    };
    assert_eq!(
        guild(&platform, LIGHTHOUSE).await,
        [
            GuildEvent::Observed { name: "The Lighthouse".into(), member_count: 0 },
            room(401_000_000_000_000_001, "hall", "text"),
            room(401_000_000_000_000_002, "the broken lamp", "thread"),
            room(401_000_000_000_000_004, "cellar", "text"),
        ]
    );
}

#[tokio::test]
async fn direct_messages_belong_to_no_server() {
    let (platform, _folder) = Embedded::start().await;
    let report = import(&platform, &fixture("direct.json")).await.unwrap();
    assert_eq!((report.new, report.is_clean(), head(&platform).await), (2, true, 1));
    for fact in facts(&platform, ChannelId(401_000_000_000_000_003)).await {
        assert!(matches!(&fact, Did::MessageCreated(it) if it.guild.is_none() && !it.to_bot));
    }
}

#[tokio::test]
async fn older_exports_and_other_orders_are_read_too() {
    let (platform, _folder) = Embedded::start().await;
    let old = import(&platform, &fixture("old.json")).await.unwrap();
    assert_eq!((old.new, old.reactions, old.anonymous_reactions), (2, 0, 8));
    let thread = import(&platform, &fixture("thread.json")).await.unwrap();
    assert_eq!((thread.new, thread.is_clean()), (2, true));
}

fn reacted(message: MessageId, user: DiscordUserId, emoji: &str) -> Did {
    Did::ReactionAdded { message, user, emoji: emoji.to_owned() }
}

fn at(time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(time).unwrap().to_utc()
}
