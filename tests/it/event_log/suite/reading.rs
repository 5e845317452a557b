//! What a log promises its readers.

use std::collections::HashMap;
use std::sync::Arc;

use domain::kernel::{Expected, LogError, MAX_COMMIT_BYTES, StoredCommit};
use futures_util::StreamExt;
use tests::commits::{Body, after, commit_of_size, stream};

use super::super::place::Place;
use super::{all, stored, take, write_from_all_sides};

pub(in super::super) async fn an_empty_log_says_so(place: &Place) {
    let log = place.open().await;
    assert_eq!(log.head().await.unwrap(), 0);
    assert_eq!(log.read_all(0, 10).await.unwrap(), []);
    assert_eq!(log.read_stream(&stream("a.1"), Expected::New, 10).await.unwrap(), []);

    let page = log.follow(0).next().await.expect("a first page").unwrap();
    assert!(page.commits.is_empty() && page.caught_up);
}

pub(in super::super) async fn positions_have_no_gaps_and_streams_keep_their_order(place: &Place) {
    let acknowledged = write_from_all_sides(&place.open_for(4).await, 4, 25).await;

    let log = place.open().await;
    let read = all(&log).await;
    assert_eq!(log.head().await.unwrap(), 400);
    assert!(read.iter().map(|it| it.position).eq(1..=400), "a gap, or the wrong order");
    let mut ends = HashMap::new();
    for commit in &read {
        let body = Body::of(commit);
        assert_eq!(acknowledged[&commit.position], body.command);
        let end = ends.entry(body.stream).or_insert(0);
        *end += 1;
        assert_eq!(body.version, *end);
    }
    for (name, end) in ends {
        let read = log.read_stream(&stream(&name), Expected::New, usize::MAX).await.unwrap();
        let versions: Vec<u64> = read.iter().map(|it| Body::of(it).version).collect();
        assert_eq!(versions, (1..=end).collect::<Vec<_>>());
    }
}

pub(in super::super) async fn pages_are_never_split_and_keep_the_order(place: &Place) {
    let log = place.open().await;
    let stream = stream("a.1");
    let mut expected = Expected::New;
    for version in 1..=40 {
        // Together more than any page should hold.
        let size = if version % 2 == 0 { 400_000 } else { 200 };
        let position =
            log.append(commit_of_size(&stream, expected, size)).await.unwrap().position();
        expected = after(version, position);
    }
    let everything: Vec<StoredCommit> = all(&log).await;
    assert!(everything.iter().map(|it| it.position).eq(1..=40));

    for limit in [1, 3, 39, 40, 41, usize::MAX] {
        let mut read: Vec<StoredCommit> = Vec::new();
        while let Some(last) = Some(read.last().map_or(0, |it| it.position)).filter(|it| *it < 40) {
            let page = log.read_all(last, limit).await.unwrap();
            assert!(!page.is_empty() && page.len() <= limit);
            let bytes: usize = page.iter().map(|it| it.body.len()).sum();
            assert!(bytes < 5 * 1024 * 1024, "a page of {bytes} bytes");
            read.extend(page);
        }
        assert_eq!(read, everything);

        let read = log.read_stream(&stream, after(10, 10), limit).await.unwrap();
        assert_eq!(read, everything[10..(10_usize.saturating_add(limit)).min(40)]);
    }
    assert_eq!(log.read_all(40, 10).await.unwrap(), []);
    assert_eq!(log.read_all(0, 0).await.unwrap(), []);

    let followed = take(log.follow(0), 40).await;
    assert_eq!(followed, everything);
}

pub(in super::super) async fn a_follower_gets_everything_once_while_others_write(place: &Place) {
    let logs = place.open_for(3).await;
    write_from_all_sides(&logs, 2, 20).await;
    let follower = place.open_for(1).await.remove(0);
    let follower =
        if matches!(place, Place::Sqlite { .. }) { Arc::clone(&logs[0]) } else { follower };

    let (more, fresh) = (write_from_all_sides(&logs, 4, 40), follower.follow(0));
    let (acknowledged, followed) = tokio::join!(more, take(fresh, 120 + 480));
    assert!(followed.iter().map(|it| it.position).eq(1..=600), "a gap, or a repeat");
    for (position, command) in acknowledged {
        let at = usize::try_from(position).unwrap() - 1;
        assert_eq!(Body::of(&followed[at]).command, command);
    }
    let mut again = follower.follow(0);
    while !again.next().await.expect("no end").unwrap().caught_up {}
}

pub(in super::super) async fn a_follower_from_the_middle_gets_the_rest(place: &Place) {
    let logs = place.open_for(1).await;
    write_from_all_sides(&logs, 2, 10).await;
    let mut pages = logs[0].follow(15);
    let (mut read, mut caught_up) = (Vec::new(), false);
    while !caught_up {
        let page = pages.next().await.expect("no end").unwrap();
        read.extend(page.commits.iter().map(|it| it.position));
        caught_up = page.caught_up;
    }
    assert_eq!(read, [16, 17, 18, 19, 20]);

    let position = stored(&logs[0], &stream("late.1"), Expected::New).await;
    let page = pages.next().await.expect("no end").unwrap();
    let read: Vec<u64> = page.commits.iter().map(|it| it.position).collect();
    assert_eq!((read, page.caught_up), (vec![position], true));
}

pub(in super::super) async fn a_follower_who_is_ahead_of_the_log_is_told(place: &Place) {
    let log = place.open().await;
    stored(&log, &stream("a.1"), Expected::New).await;
    let mut pages = log.follow(2);
    let error = pages.next().await.expect("an answer").expect_err("it must not wait in silence");
    assert!(matches!(error, LogError::Corrupt(_)), "{error:?}");
    assert!(pages.next().await.is_none());
}

pub(in super::super) async fn streams_with_odd_names_are_kept_apart(place: &Place) {
    let long = format!("user.{}", "x".repeat(3000));
    let longer = format!("{long}ß");
    let names = [
        "user.user 1:ß€😀",
        "user.*",
        "user.>",
        "user.a.b",
        "user.a",
        "user.a b",
        "user._",
        "user. ",
        "user.A",
        "user.-",
        "user.$JS.API",
        "user.'; DROP TABLE commits",
        "user.\"",
        "user.\\",
        "user.%",
        "user.\u{202e}",
        "user.\t",
        "user._w58",
        "user.__",
        "*.a",
        ">.a",
        "us er.a",
        "ü.a",
        "_.a",
        "user.e\u{301}",
        "user.\u{e9}",
        &long,
        &longer,
    ];
    let log = place.open().await;
    let mut cursors = Vec::new();
    for name in names {
        cursors.push(after(1, stored(&log, &stream(name), Expected::New).await));
    }
    for (name, cursor) in names.iter().zip(cursors) {
        stored(&log, &stream(name), cursor).await;
    }
    for name in names {
        let read = log.read_stream(&stream(name), Expected::New, 10).await.unwrap();
        let read: Vec<(String, u64)> =
            read.iter().map(Body::of).map(|it| (it.stream, it.version)).collect();
        assert_eq!(read, [(name.to_owned(), 1), (name.to_owned(), 2)]);
    }
}

pub(in super::super) async fn the_largest_commit_comes_back_as_it_was(place: &Place) {
    let log = place.open().await;
    let stream = stream("a.1");
    let append = commit_of_size(&stream, Expected::New, MAX_COMMIT_BYTES);
    assert_eq!(append.body.len(), MAX_COMMIT_BYTES);
    log.append(append.clone()).await.unwrap();

    let commit = StoredCommit { position: 1, body: append.body };
    assert_eq!(log.read_all(0, 10).await.unwrap(), std::slice::from_ref(&commit));
    let history = log.read_stream(&stream, Expected::New, 10).await.unwrap();
    assert_eq!(history, std::slice::from_ref(&commit));
    assert_eq!(take(log.follow(0), 1).await, [commit]);
}
