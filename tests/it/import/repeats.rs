//! Imports that are repeated, overlap, or meet the live traffic.

use commands::CommandError;
use domain::discord::{ChannelEvent as Did, Message};
use domain::identity::Permissions;
use domain::kernel::{Actor, Cause, ChannelId, DiscordUserId, MessageId, Person, Personal, Source};
use tests::embedded::Embedded;
use tokio::join;
use uuid::Uuid;

use super::{
    Arc, Progress, UBUNTU, channel, export, facts, fixture, guild, head, id_at, import, importer,
    imports, observations, write,
};

const HALL: ChannelId = ChannelId(401_000_000_000_000_001);

#[tokio::test]
async fn a_file_imported_again_adds_nothing() {
    let (platform, folder) = Embedded::start().await;
    for file in ["ubuntu.json", "pretty.json", "broken.json"] {
        import(&platform, &fixture(file)).await.unwrap();
    }
    let before = head(&platform).await;

    let again = import(&platform, &fixture("ubuntu.json")).await.unwrap();
    assert_eq!((again.new, again.known), (0, 140));
    drop(platform);
    let platform = Embedded::open(folder.path()).await;
    for file in ["pretty.json", "broken.json"] {
        let again = import(&platform, &fixture(file)).await.unwrap();
        assert_eq!((again.new, again.known, again.edits, again.reactions), (0, 6, 0, 0));
    }
    assert_eq!(head(&platform).await, before);
}

#[tokio::test]
async fn a_repeat_long_after_other_traffic_adds_nothing() {
    let (platform, folder) = Embedded::start().await;
    import(&platform, &fixture("pretty.json")).await.unwrap();
    let told = facts(&platform, HALL).await.len();

    // More than a channel remembers, of each kind.
    let path = folder.path().join("export.json");
    let later = 12_000_000..12_005_000;
    write(&path, &export(HALL, later.clone()));
    import(&platform, &path).await.unwrap();
    let reactions = later.clone().map(|second| {
        let (message, user) = (MessageId(id_at(second)), DiscordUserId(7));
        Did::ReactionAdded { message, user, emoji: "👍".into() }
    });
    let edits = later.map(|second| edited(second, 1));
    let traffic = reactions.chain(edits).collect();
    observations(&platform).observe_channel(&live(), HALL, traffic, None).await.unwrap();
    let renamed = domain::discord::GuildEvent::Observed { name: "Beacon".into(), member_count: 3 };
    observations(&platform).observe_guild(&live(), super::LIGHTHOUSE, vec![renamed]).await.unwrap();
    let before = head(&platform).await;

    let again = import(&platform, &fixture("pretty.json")).await.unwrap();
    assert_eq!((again.new, again.known, again.edits, again.reactions), (0, 6, 0, 0));
    assert_eq!(head(&platform).await, before);
    assert_eq!(facts(&platform, HALL).await.len(), told + 15_000);
    assert_eq!(guild(&platform, super::LIGHTHOUSE).await.len(), 3);
}

#[tokio::test]
async fn exports_that_overlap_are_one() {
    let (platform, folder) = Embedded::start().await;
    let (early, late) = (folder.path().join("early.json"), folder.path().join("late.json"));
    write(&early, &export(HALL, 0..5_000));
    write(&late, &export(HALL, 2_000..7_000));

    let (early, late, again) =
        join!(import(&platform, &early), import(&platform, &late), import(&platform, &late));
    let new = [early, late, again].map(|report| report.unwrap().new);
    assert_eq!(new.iter().sum::<u64>(), 7_000, "{new:?}");
    assert!(messages(&platform).await.into_iter().eq((0..7_000).map(id_at)));
}

#[tokio::test]
async fn two_processes_may_import_the_same_at_once() {
    let (one, folder) = Embedded::start().await;
    let other = Embedded::over(folder.path(), one.journal.log().clone()).await;
    let path = folder.path().join("export.json");
    write(&path, &export(HALL, 0..5_000));

    let (first, second) = join!(import(&one, &path), import(&other, &path));
    assert_eq!(first.unwrap().new + second.unwrap().new, 5_000);
    assert!(messages(&one).await.into_iter().eq((0..5_000).map(id_at)));
}

#[tokio::test]
async fn what_is_said_meanwhile_is_recorded_once_too() {
    let (platform, folder) = Embedded::start().await;
    let path = folder.path().join("export.json");
    write(&path, &export(HALL, 0..3_000));

    let live_traffic = async {
        let observations = observations(&platform);
        for second in 2_900..3_100 {
            let facts = vec![said(second)];
            observations.observe_channel(&live(), HALL, facts, None).await.unwrap();
        }
    };
    let (report, ()) = join!(import(&platform, &path), live_traffic);
    let report = report.unwrap();
    assert_eq!(report.new + report.known, 3_000);
    assert!(messages(&platform).await.into_iter().eq((0..3_100).map(id_at)));
}

#[tokio::test]
async fn what_was_edited_deleted_or_erased_since_does_not_come_back() {
    let (platform, folder) = Embedded::start().await;
    let path = folder.path().join("export.json");
    write(&path, &export(HALL, 0..10));
    import(&platform, &path).await.unwrap();
    let deleted = Did::MessageDeleted { id: MessageId(id_at(10)) };
    let traffic = vec![edited(1, 100), deleted];
    observations(&platform).observe_channel(&live(), HALL, traffic, None).await.unwrap();
    platform.journal.codec().erase(&Person::discord(7)).await.unwrap();
    let before = head(&platform).await;

    let mut older = export(HALL, 0..11);
    older["messages"][1]["timestampEdited"] = "2024-01-01T00:00:50Z".into();
    write(&path, &older);
    let report = import(&platform, &path).await.unwrap();
    assert_eq!((report.new, report.known, report.edits, head(&platform).await), (0, 11, 0, before));
    let erased = facts(&platform, HALL).await.into_iter();
    let erased =
        erased.filter(|it| matches!(it, Did::MessageCreated(it) if it.content.clear().is_none()));
    assert_eq!(erased.count(), 4);
}

#[tokio::test]
async fn an_import_needs_its_permission() {
    let (platform, _folder) = Embedded::start().await;
    let silent: Progress = Arc::new(|_| ());
    let nobody = commands::ports::Caller { permissions: Permissions::default(), ..importer() };
    let import = imports(&platform);
    let refused = import.import(&nobody, "x", &fixture("ubuntu.json"), &silent).await;
    assert!(matches!(refused, Err(CommandError::Forbidden { .. })), "{refused:?}");
    assert!(channel(&platform, UBUNTU).await.is_empty());
}

/// The ids of the hall's messages, sorted; each as often as it is there.
async fn messages(platform: &Embedded) -> Vec<u64> {
    let facts = facts(platform, HALL).await.into_iter();
    let ids =
        facts.filter_map(|it| if let Did::MessageCreated(it) = it { Some(it.id.0) } else { None });
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids
}

fn live() -> Cause {
    Cause::asked(Actor::system("gateway"), Uuid::now_v7(), Source::Discord)
}

fn edited(second: u64, after: i64) -> Did {
    let id = MessageId(id_at(second));
    Did::MessageEdited {
        id,
        edited_at: domain::discord::happened_at(id) + chrono::TimeDelta::seconds(after),
        content: Personal::of(Person::discord(7 + second % 3), "better".into()),
        length: 6,
    }
}

fn said(second: u64) -> Did {
    let author = DiscordUserId(7 + second % 3);
    let person = Person::discord(author);
    Did::MessageCreated(Message {
        id: MessageId(id_at(second)),
        guild: None,
        author,
        author_name: Personal::of(person.clone(), "Ana".into()),
        bot: false,
        content: Personal::of(person, format!("message {second}")),
        length: 12,
        reply_to: None,
        attachments: None,
        to_bot: false,
    })
}
