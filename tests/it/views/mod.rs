//! The views: the same on both databases, whatever happens while they are built.

mod deeds;
mod generations;
mod places;
mod story;
mod together;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{EventLog as _, Person};
use places::{TestPlace, on_each_place};
use projections::audit::{details, trail};
use projections::conversation::{conversations, messages as said};
use projections::discord::{guilds, messages};
use projections::self_editing::{edits, files, revisions};
use projections::{
    BuildError, Failure, Fence, Generation, Generations, Slice, analytics, lifecycle,
};
use proptest::prelude::*;
use sea_orm::{ConnectionTrait, Statement};
use tests::journals::TestJournal;
use tokio::sync::oneshot;

on_each_place! {
    a_crash_in_the_middle_neither_loses_nor_doubles,
    a_log_that_changed_stops_the_projector,
    a_row_that_the_database_refuses_is_set_aside,
    an_event_that_cannot_be_read_stops_a_build,
    an_old_leaseholder_writes_no_more,
    erasing_a_person_empties_rows_and_the_search,
    pages_of_any_size_give_the_same_rows,
    questions_find_what_happened,
    the_views_follow_the_log,
}

const ALL: Slice = Slice { limit: 100, offset: 0 };
const SOON: Duration = Duration::from_secs(20);

fn views(journal: &TestJournal, place: &TestPlace) -> Generations {
    let pointer = Arc::clone(&place.pointer) as _;
    Generations::new(journal.journal.clone(), place.place.clone(), pointer)
}

/// Everything that is in the views, as text.
async fn rows(generation: &Generation) -> BTreeMap<&'static str, Vec<String>> {
    let mut rows = BTreeMap::new();
    for projection in projections::all() {
        let table = projection.name();
        let find = format!("SELECT * FROM {table} ORDER BY 1, 2");
        let find = Statement::from_string(generation.db().get_database_backend(), find);
        let found = generation.db().query_all_raw(find).await.unwrap();
        let mut lines: Vec<_> = found.iter().map(places::line).collect();
        lines.sort();
        rows.insert(table, lines);
    }
    rows
}

async fn built(journal: &TestJournal, place: &TestPlace) -> Arc<Generation> {
    views(journal, place).open_or_build(&|_| ()).await.unwrap()
}

async fn questions_find_what_happened(place: TestPlace) {
    let journal = TestJournal::default();
    story::tell(&journal).await;
    let live = built(&journal, &place).await;
    let db = live.db();

    let open = conversations::Filter { status: Some("active".into()), ..Default::default() };
    let found = conversations::list(db, &open, ALL).await.unwrap();
    assert_eq!((found.total, found.items[0].id.as_str()), (1, "1:5"));
    assert_eq!(found.items[0].message_count, 3);
    let talk = said::list(db, &found.items[0], Slice { limit: 1, offset: 1 }).await.unwrap();
    assert_eq!((talk.total, talk.items[0].content.as_str()), (3, "an answer"));

    let search = |words: &str| messages::Filter {
        channel: Some(5),
        search: Some(words.to_owned()),
        ..Default::default()
    };
    for (words, expected) in [
        ("brown FOX", vec![101]),
        ("grün", vec![102]),
        ("before the edit", vec![]),
        ("after", vec![103]),
        ("gone", vec![]),
        ("\"; DROP", vec![]),
        ("", vec![]),
    ] {
        let found = messages::list(db, &search(words), ALL).await.unwrap();
        let ids: Vec<_> = found.items.iter().map(|it| it.id).collect();
        assert_eq!(ids, expected, "{words}");
    }
    assert_eq!(guilds::list(db, ALL).await.unwrap().items[0].name, "Home");

    let filter = edits::Filter { kind: Some("features".into()), ..Default::default() };
    let found = edits::list(db, &filter, ALL).await.unwrap();
    assert_eq!(found.total, 2);
    let statistics = edits::statistics(db).await.unwrap();
    assert_eq!((statistics.total(), statistics.failed, statistics.rollbacks), (2, 1, 0));
    let changes = files::changed_by(db, &found.items[1..]).await.unwrap();
    let lines = changes[0][0].lines();
    assert_eq!((lines.added, lines.removed), (2, 1));
    assert!(changes[0][0].diff().contains("-say(\"hi\")"), "{}", changes[0][0].diff());
    let first = files::workspace(db, revisions::At::Revision(1)).await.unwrap();
    assert_eq!(first.files["behaviors/wave.rhai"], "say(\"hi\")\n");

    let now = journal.journal.clock().now();
    let period = analytics::overview::Period::Week;
    let overview = analytics::overview::overview(db, period.start(now), now).await.unwrap();
    assert_eq!((overview.users_total, overview.users_active, overview.users_new), (3, 1, 1));
    // Discord's messages are from the first second of 2015, and what a reactor takes in is theirs.
    assert_eq!((overview.commands, overview.messages, overview.interactions()), (0, 1, 1));
    assert!((overview.performance.avg_response_ms - 20.0).abs() < 1e-9);
    assert!((overview.performance.error_rate() - 0.1).abs() < 1e-9);
    let status = lifecycle::bots::status(db).await.unwrap();
    assert_eq!((status.guilds, status.users, status.commands), (1, 3, 1));

    let filter = trail::Filter { target_type: Some("edit".into()), ..Default::default() };
    let (page, next) = trail::page(db, &journal.journal, &filter, 0, 2).await.unwrap();
    let actions: Vec<_> = page.iter().map(|entry| entry.row.action.as_str()).collect();
    assert_eq!(actions, ["edit.proposed", "edit.checks_passed"]);
    assert_eq!(details(&page[0].recorded)["description"], "Wave twice");
    let (rest, end) = trail::page(db, &journal.journal, &filter, next.unwrap(), 50).await.unwrap();
    assert_eq!((rest.len(), end), (4, None));
}

async fn pages_of_any_size_give_the_same_rows(place: TestPlace) {
    let journal = TestJournal::default();
    story::tell(&journal).await;
    story::tell_more(&journal, 40).await;
    let whole = built(&journal, &place).await;
    let expected = rows(&whole).await;

    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 6,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let runtime = tokio::runtime::Handle::current();
    let sizes = prop::collection::vec(1_usize..60, 1..4);
    tokio::task::block_in_place(|| {
        runner.run(&sizes, |sizes| {
            let found = runtime.block_on(async {
                let other = place.another().await;
                // Each page size follows for a while, then the next one goes on.
                for size in sizes {
                    journal.log.set_page(size);
                    let generation = built(&journal, &other).await;
                    followed(&journal, &other, generation.checkpoint().await.unwrap().position)
                        .await;
                }
                rows(&*built(&journal, &other).await).await
            });
            prop_assert_eq!(&found, &expected);
            Ok(())
        })
    })
    .unwrap();
    // A second run changes nothing.
    followed(&journal, &place, whole.checkpoint().await.unwrap().position).await;
    assert_eq!(rows(&whole).await, expected);
}

/// Follows until a position is reached, then stops in good order.
async fn followed(journal: &TestJournal, place: &TestPlace, position: u64) {
    let views = views(journal, place);
    views.open_or_build(&|_| ()).await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let run = views.follow(Fence::Alone, async {
        let _ = stopped.await;
    });
    let reach = async {
        assert!(views.wait_for(position, SOON).await);
        drop(stop);
    };
    tokio::join!(async { run.await.unwrap() }, reach);
}

async fn the_views_follow_the_log(place: TestPlace) {
    let journal = TestJournal::default();
    let views = views(&journal, &place);
    views.open_or_build(&|_| ()).await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let run = views.follow(Fence::Alone, async {
        let _ = stopped.await;
    });
    let act = async {
        for text in ["one", "two", "three"] {
            let position = story::say(&journal, 5, 7, text).await;
            assert!(views.wait_for(position, SOON).await);
            let live = views.live().unwrap();
            let found = messages::list(live.db(), &messages::Filter::default(), ALL).await;
            assert_eq!(found.unwrap().items[0].content, text);
        }
        // Told to stop, it still takes in what the log holds.
        let last = story::say(&journal, 5, 7, "last").await;
        drop(stop);
        last
    };
    let (ended, last) = tokio::join!(run, act);
    ended.unwrap();
    assert_eq!(views.live().unwrap().checkpoint().await.unwrap().position, last);
}

async fn a_crash_in_the_middle_neither_loses_nor_doubles(place: TestPlace) {
    let journal = TestJournal::default();
    let live = built(&journal, &place).await;
    story::tell(&journal).await;
    story::tell_more(&journal, 60).await;
    journal.log.set_page(3);
    let head = journal.journal.log().head().await.unwrap();
    for polls in 1.. {
        if live.checkpoint().await.unwrap().position == head {
            break;
        }
        let views = views(&journal, &place);
        views.open_or_build(&|_| ()).await.unwrap();
        let run = views.follow(Fence::Alone, std::future::pending());
        // Dropped after so many polls, wherever it is then.
        places::poll_times(run, 10 + polls).await;
    }
    let other = place.another().await;
    assert_eq!(rows(&live).await, rows(&*built(&journal, &other).await).await);
}

async fn a_log_that_changed_stops_the_projector(place: TestPlace) {
    let journal = TestJournal::default();
    story::tell(&journal).await;
    built(&journal, &place).await;
    let follow = async || {
        let views = views(&journal, &place);
        let live = views.open_or_build(&|_| ()).await.unwrap();
        let mut standing = live.standing();
        let stands = tokio::select! {
            ended = views.follow(Fence::Alone, std::future::pending()) => panic!("{ended:?}"),
            stands = standing.wait_for(|it| it.differs) => stands.unwrap().alarm.clone().unwrap(),
        };
        let status = views.status().await.unwrap().unwrap();
        assert_eq!((status.alarm.as_deref(), status.differs), (Some(&*stands), true));
        assert_eq!(views.differ().await.unwrap().as_deref(), Some(&*stands));
        stands.to_string()
    };

    let mut kept = Vec::new();
    journal.log.tamper(|commits| {
        kept.clone_from(commits);
        let last = commits.len() - 1;
        let other = commits[0].body.clone();
        commits[last].body = other;
    });
    assert!(follow().await.contains("is another one"));
    journal.log.tamper(|commits| {
        commits.clone_from(&kept);
        commits.pop();
    });
    assert!(follow().await.contains("it ends at"));

    // The right log is back.
    journal.log.tamper(|commits| commits.clone_from(&kept));
    let (views, head) = (views(&journal, &place), journal.log.head().await.unwrap());
    views.open_or_build(&|_| ()).await.unwrap();
    assert_eq!(views.differ().await.unwrap(), None);
    story::say(&journal, 5, 7, "again").await;
    tokio::select! {
        ended = views.follow(Fence::Alone, std::future::pending()) => panic!("{ended:?}"),
        reached = views.wait_for(head + 1, Duration::from_mins(1)) => assert!(reached),
    }
}

async fn an_event_that_cannot_be_read_stops_a_build(place: TestPlace) {
    let journal = TestJournal::default();
    story::say(&journal, 5, 7, "fine").await;
    story::say(&journal, 5, 7, "not fine").await;
    journal.log.tamper(|commits| {
        let body = String::from_utf8(commits[1].body.to_vec()).unwrap();
        commits[1].body = body.replace("message_created", "message_dreamed").into();
    });
    let Err(error) = views(&journal, &place).open_or_build(&|_| ()).await else {
        panic!("it was built")
    };
    assert!(error.to_string().contains("message_dreamed"), "{error}");
    assert!(matches!(error, BuildError::Alarm(_)));
}

async fn a_row_that_the_database_refuses_is_set_aside(place: TestPlace) {
    let journal = TestJournal::default();
    let live = built(&journal, &place).await;
    place.refuse_messages_saying("poison", &live).await;
    for text in ["one", "poison", "three"] {
        story::say(&journal, 5, 7, text).await;
    }
    let last = story::say(&journal, 5, 7, "four\0").await;
    followed(&journal, &place, last).await;

    let found = messages::list(live.db(), &messages::Filter::default(), ALL).await.unwrap();
    let texts: Vec<_> = found.items.iter().rev().map(|it| it.content.as_str()).collect();
    assert_eq!(texts, ["one", "three", "four\u{fffd}"]);
    let failures = Failure::list(live.db()).await.unwrap();
    let [failure] = failures.as_slice() else { panic!("{failures:?}") };
    assert_eq!((failure.position, failure.projection.as_str()), (2, "discord_messages"));
    assert_eq!(failure.event, "channel.message_created");
}

async fn an_old_leaseholder_writes_no_more(place: TestPlace) {
    let journal = TestJournal::default();
    let live = built(&journal, &place).await;
    let position = story::say(&journal, 5, 7, "one").await;
    let newer = views(&journal, &place);
    newer.open_or_build(&|_| ()).await.unwrap();
    tokio::select! {
        ended = newer.follow(Fence::Token(2), std::future::pending()) => panic!("{ended:?}"),
        reached = newer.wait_for(position, SOON) => assert!(reached),
    }
    story::say(&journal, 5, 7, "two").await;
    let older = views(&journal, &place);
    older.open_or_build(&|_| ()).await.unwrap();
    let ended = older.follow(Fence::Token(1), std::future::pending()).await;
    assert!(ended.unwrap_err().to_string().contains("another process"));
    assert_eq!(live.checkpoint().await.unwrap().position, position);
}

async fn erasing_a_person_empties_rows_and_the_search(place: TestPlace) {
    let journal = TestJournal::default();
    let live = built(&journal, &place).await;
    story::tell(&journal).await;
    deeds::tell(&journal).await;
    let position = journal.journal.log().head().await.unwrap();
    followed(&journal, &place, position).await;
    let position = journal.erase(&Person::discord(1)).await;
    followed(&journal, &place, position).await;

    let everything = format!("{:?}", rows(&live).await);
    for gone in ["quick brown", "hello bot", "an answer", "Ana", "Wave twice", "Looks good"] {
        assert!(!everything.contains(gone), "{gone}");
    }
    assert!(everything.contains("Alles grün"));
    let search = messages::Filter { search: Some("brown".into()), ..Default::default() };
    assert_eq!(messages::list(live.db(), &search, ALL).await.unwrap().total, 0);
    // What is built from the log now is the same.
    let other = place.another().await;
    assert_eq!(rows(&live).await, rows(&*built(&journal, &other).await).await);
}
