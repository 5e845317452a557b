//! Sets of views: built beside each other, compared, switched, thrown away.

use std::future::Future as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use projections::discord::messages;
use projections::{Fence, Generations, Place, Step, Until, build_into, is_snapshot};
use tests::journals::TestJournal;

use super::places::{TestPlace, on_each_place, poll_times};
use super::{ALL, SOON, built, rows, story, views};

on_each_place! {
    a_build_that_was_dropped_leaves_nothing,
    a_moment_of_the_past_is_a_replay_of_its_beginning,
    a_planted_difference_is_found,
    requests_go_on_while_generations_switch,
    views_that_were_lost_are_built_again,
}

async fn a_moment_of_the_past_is_a_replay_of_its_beginning(place: TestPlace) {
    let (journal, prefix) = (TestJournal::default(), TestJournal::default());
    journal.log.set_page(7);
    story::tell(&journal).await;
    story::tell_more(&journal, 20).await;
    for position in [0, 1, 13, 25] {
        prefix.log.tamper(Vec::clear);
        let mut first = journal.journal.log().read_all(0, position).await.unwrap();
        first.truncate(position);
        let expected = place.another().await;
        prefix.log.tamper(|commits| *commits = first);
        // The same keys open both.
        let codec = Arc::clone(journal.journal.codec());
        let log = Arc::clone(&prefix.log) as _;
        let clock = Arc::clone(journal.journal.clock());
        let short = domain::kernel::Journal::new(log, codec, clock);
        let pointer = Arc::clone(&expected.pointer) as _;
        let short = Generations::new(short, expected.place.clone(), pointer);
        let short = short.open_or_build(&|_| ()).await.unwrap();

        let address = place.another().await.moment().await;
        let until = Until::Position(position as u64);
        let built = build_into(&journal.journal, &address, until, &|_| ()).await.unwrap();
        assert_eq!(built.until, Some(position.to_string()));
        assert!(is_snapshot(&address).await);
        let moment = Generations::snapshot(journal.journal.clone(), &address).await.unwrap();
        assert_eq!(rows(&moment.live().unwrap()).await, rows(&short).await, "{position}");
        assert!(moment.replay(false, &|_| ()).await.is_err());
        // It is not overwritten.
        assert!(build_into(&journal.journal, &address, until, &|_| ()).await.is_err());
    }

    let (events, _) = journal.journal.read_all(0, 25).await.unwrap();
    let time = events.last().unwrap().recorded_at;
    let address = place.another().await.moment().await;
    let built = build_into(&journal.journal, &address, Until::Time(time), &|_| ()).await.unwrap();
    assert_eq!(built.position, 25);
}

async fn a_planted_difference_is_found(place: TestPlace) {
    let journal = TestJournal::default();
    story::tell(&journal).await;
    let views = views(&journal, &place).with_grace(Duration::ZERO);
    views.open_or_build(&|_| ()).await.unwrap();
    let done = views.replay(true, &|_| ()).await.unwrap();
    assert_eq!((done.differences.len(), done.switched), (0, true));

    let live = views.live().unwrap();
    // The log is ahead of the live views, as after a crash.
    story::say(&journal, 5, 7, "one more").await;
    place.run(&live, "UPDATE discord_messages SET length = 7 WHERE id = 102").await;
    place.run(&live, "DELETE FROM audit_entries WHERE position = 3").await;
    let done = views.replay(true, &|_| ()).await.unwrap();
    assert!(!done.switched);
    let [lacking, other] = done.differences.as_slice() else { panic!("{:?}", done.differences) };
    assert_eq!((lacking.table.as_str(), lacking.column.as_deref()), ("audit_entries", None));
    let other = (other.key.as_str(), other.column.as_deref(), other.first.as_deref());
    assert_eq!(other, ("102", Some("length"), Some("7")));
    assert_eq!(views.live().unwrap().number(), live.number());
    // Without comparing, the mistake goes.
    assert!(views.replay(false, &|_| ()).await.unwrap().switched);
    assert_eq!(
        rows(&*built(&journal, &place.another().await).await).await,
        rows(&views.live().unwrap()).await
    );
}

async fn requests_go_on_while_generations_switch(place: TestPlace) {
    let journal = TestJournal::default();
    story::tell_more(&journal, 30).await;
    let views = views(&journal, &place).with_grace(Duration::ZERO);
    views.open_or_build(&|_| ()).await.unwrap();
    let over = AtomicBool::new(false);
    let ask = async {
        let (mut asked, mut seen) = (0, 0);
        while !over.load(Ordering::Relaxed) {
            let live = views.live().unwrap();
            let found = messages::list(live.db(), &messages::Filter::default(), ALL).await.unwrap();
            assert!(found.total >= seen, "it went back from {seen} to {}", found.total);
            (asked, seen) = (asked + 1, found.total);
            tokio::task::yield_now().await;
        }
        asked
    };
    let write = async {
        for _ in 0..200 {
            let position = story::say(&journal, 5, 7, "on and on").await;
            assert!(views.wait_for(position, SOON).await);
        }
    };
    let replay = async {
        for _ in 0..3 {
            assert!(views.replay(true, &|_| ()).await.unwrap().switched);
        }
        over.store(true, Ordering::Relaxed);
    };
    let work = async { tokio::join!(ask, write, replay) };
    tokio::select! {
        ended = views.follow(Fence::Alone, std::future::pending()) => panic!("{ended:?}"),
        (asked, ..) = work => assert!(asked > 3),
    }
    assert_eq!(views.live().unwrap().number(), 4);
    if let Place::Sqlite { folder, .. } = &place.place {
        let files = || std::fs::read_dir(folder).unwrap().count();
        let gone = async {
            while files() > 3 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, gone).await.expect("former generations go");
    }
}

async fn a_build_that_was_dropped_leaves_nothing(place: TestPlace) {
    let journal = TestJournal::default();
    story::tell(&journal).await;
    let views = views(&journal, &place);
    let first = views.open_or_build(&|_| ()).await.unwrap();
    for polls in [3, 30, 100] {
        poll_times(views.replay(true, &|_| ()), polls).await;
        assert_eq!(views.live().unwrap().number(), first.number());
    }
    let steps = std::sync::Mutex::new(Vec::new());
    let tell = |progress: projections::Progress| steps.lock().unwrap().push(progress.step);
    let done = views.replay(true, &tell).await.unwrap();
    assert!(done.switched);
    let mut steps = steps.into_inner().unwrap();
    steps.dedup();
    let last = [Step::CatchingUp, Step::Comparing, Step::Switching, Step::Done];
    let expected = [&[Step::Projecting, Step::Indexing][..], &last].concat();
    assert_eq!(steps, expected);
    views.clean_up(true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crashed_build_left_goes_when_nobody_builds_it() {
    let place = TestPlace::postgres().await;
    let journal = TestJournal::default();
    story::tell(&journal).await;
    let (one, other) = (views(&journal, &place), views(&journal, &place));
    one.open_or_build(&|_| ()).await.unwrap();

    let begun = AtomicBool::new(false);
    let tell = |_: projections::Progress| begun.store(true, Ordering::SeqCst);
    let mut building = Box::pin(other.replay(false, &tell));
    std::future::poll_fn(|context| {
        assert!(building.as_mut().poll(context).is_pending());
        if begun.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    one.clean_up(true).await.unwrap();
    assert_eq!(place.schemas().await, ["views_1", "views_2"], "it is being built");

    drop(building);
    let gone = async {
        while place.schemas().await != ["views_1"] {
            one.clean_up(false).await.unwrap();
        }
    };
    tokio::time::timeout(SOON, gone).await.expect("what is left goes");
    assert!(other.replay(false, &|_| ()).await.unwrap().switched);
}

async fn views_that_were_lost_are_built_again(place: TestPlace) {
    let journal = TestJournal::default();
    story::tell(&journal).await;
    let before = built(&journal, &place).await;
    let expected = rows(&before).await;

    // The pointer is lost: the views are found.
    place.pointer.forget();
    assert_eq!(built(&journal, &place).await.number(), before.number());

    // The views are lost.
    before.db().clone().close().await.unwrap();
    match &place.place {
        Place::Sqlite { folder, .. } => {
            for entry in std::fs::read_dir(folder).unwrap() {
                std::fs::remove_file(entry.unwrap().path()).unwrap();
            }
        }
        Place::Postgres { .. } => place.drop_schemas().await,
    }
    let again = built(&journal, &place).await;
    assert_eq!(rows(&again).await, expected);

    // Another version of a projection wrote them.
    place.run(&again, "UPDATE checkpoints SET versions = '{\"analytics_days\":0}'").await;
    let newest = built(&journal, &place).await;
    assert!(newest.number() > again.number());
    assert_eq!(rows(&newest).await, expected);
}
