//! Several who project the same views, and views that cannot go on.

use std::time::Duration;

use domain::kernel::EventLog as _;
use projections::discord::messages;
use projections::{BuildError, Fence};
use tests::journals::TestJournal;
use tokio::sync::oneshot;

use super::places::{TestPlace, on_each_place};
use super::{ALL, SOON, built, rows, story, views};

on_each_place! {
    a_projector_ends_when_told_while_its_database_is_away,
    nothing_is_called_equal_that_was_not_compared,
    two_projectors_at_once_double_nothing,
    what_is_before_an_unreadable_event_is_projected,
}

async fn two_projectors_at_once_double_nothing(place: TestPlace) {
    let journal = TestJournal::default();
    journal.log.set_page(3);
    let live = built(&journal, &place).await;
    let (one, other) = (views(&journal, &place), views(&journal, &place));
    one.open_or_build(&|_| ()).await.unwrap();
    other.open_or_build(&|_| ()).await.unwrap();
    let write = async {
        story::tell(&journal).await;
        for _ in 0..20 {
            story::tell_more(&journal, 5).await;
            tokio::task::yield_now().await;
        }
        let head = journal.log.head().await.unwrap();
        assert!(one.wait_for(head, SOON).await && other.wait_for(head, SOON).await);
    };
    tokio::select! {
        // One of them lost its lease and does not know yet; or has none.
        ended = one.follow(Fence::Alone, std::future::pending()) => panic!("{ended:?}"),
        ended = other.follow(Fence::Token(2), std::future::pending()) => panic!("{ended:?}"),
        () = write => {}
    }
    let elsewhere = place.another().await;
    let alone = built(&journal, &elsewhere).await;
    assert_eq!(rows(&live).await, rows(&alone).await);
    let (found, right) = (live.checkpoint().await.unwrap(), alone.checkpoint().await.unwrap());
    assert_eq!((found.position, found.events), (right.position, right.events));
}

async fn a_projector_ends_when_told_while_its_database_is_away(place: TestPlace) {
    let journal = TestJournal::default();
    let views = views(&journal, &place);
    let live = views.open_or_build(&|_| ()).await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let run = views.follow(Fence::Alone, async {
        let _ = stopped.await;
    });
    let act = async {
        let first = story::say(&journal, 5, 7, "one").await;
        assert!(views.wait_for(first, SOON).await);
        place.run(&live, "ALTER TABLE checkpoints RENAME TO elsewhere").await;
        story::say(&journal, 5, 7, "two").await;
        live.standing().wait_for(|it| it.alarm.is_some()).await.unwrap();
        drop(stop);
    };
    let both = async { tokio::join!(run, act) };
    let (ended, ()) = tokio::time::timeout(SOON, both).await.expect("it ends");
    ended.unwrap();

    // What was not taken in is, after the next start.
    place.run(&live, "ALTER TABLE elsewhere RENAME TO checkpoints").await;
    let again = super::views(&journal, &place);
    again.open_or_build(&|_| ()).await.unwrap();
    tokio::select! {
        ended = again.follow(Fence::Alone, std::future::pending()) => panic!("{ended:?}"),
        reached = again.wait_for(2, SOON) => assert!(reached),
    }
}

async fn what_is_before_an_unreadable_event_is_projected(place: TestPlace) {
    let journal = TestJournal::default();
    let live = built(&journal, &place).await;
    let good = story::say(&journal, 5, 7, "fine").await;
    story::say(&journal, 5, 7, "not fine").await;
    journal.log.tamper(|commits| {
        let body = String::from_utf8(commits[1].body.to_vec()).unwrap();
        commits[1].body = body.replace("message_created", "message_dreamed").into();
    });
    let views = views(&journal, &place);
    views.open_or_build(&|_| ()).await.unwrap();
    let ended = views.follow(Fence::Alone, std::future::pending()).await.unwrap_err();
    assert!(ended.to_string().contains("message_dreamed"), "{ended}");
    assert_eq!(live.checkpoint().await.unwrap().position, good);
    let found = messages::list(live.db(), &messages::Filter::default(), ALL).await.unwrap();
    assert_eq!(found.items.iter().map(|it| it.content.as_str()).collect::<Vec<_>>(), ["fine"]);
    let status = views.status().await.unwrap().unwrap();
    assert!(status.alarm.is_some_and(|alarm| alarm.contains("message_dreamed")));
}

async fn nothing_is_called_equal_that_was_not_compared(place: TestPlace) {
    let journal = TestJournal::default();
    story::tell(&journal).await;
    let views = views(&journal, &place).with_grace(Duration::ZERO);
    let ended = views.replay(true, &|_| ()).await;
    assert!(matches!(ended, Err(BuildError::Incomparable)), "{ended:?}");
    assert!(views.replay(false, &|_| ()).await.unwrap().switched);
    assert!(views.replay(true, &|_| ()).await.unwrap().switched);
}
