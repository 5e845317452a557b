//! The promises of a log.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::kernel::{
    Appended, EventLog, Expected, LogError, MAX_COMMIT_BYTES, StoredCommit, StreamId,
};
use futures_util::future::join_all;
use futures_util::{Stream, StreamExt};
use tests::commits::{Body, after, commit, commit_of_events, commit_of_size, stream};
use uuid::Uuid;

use super::place::Place;

pub(super) async fn an_empty_log_says_so(place: &Place) {
    let log = place.open().await;
    assert_eq!(log.head().await.unwrap(), 0);
    assert_eq!(log.read_all(0, 10).await.unwrap(), []);
    assert_eq!(log.read_stream(&stream("a.1"), Expected::New, 10).await.unwrap(), []);

    let page = log.follow(0).next().await.expect("a first page").unwrap();
    assert!(page.commits.is_empty() && page.caught_up);
}

pub(super) async fn nobody_writes_who_has_the_end_wrong(place: &Place) {
    let log = place.open().await;
    let (one, missing) = (stream("a.1"), stream("a.2"));
    let first = stored(&log, &one, Expected::New).await;
    let other = stored(&log, &stream("b.1"), Expected::New).await;
    let second = stored(&log, &one, after(1, first)).await;

    for wrong in [Expected::New, after(1, first), after(2, other), after(3, second + 1)] {
        conflicts(&log, &one, wrong).await;
    }
    conflicts(&log, &missing, after(1, second)).await;
    assert_eq!(log.head().await.unwrap(), 3);
    stored(&log, &one, after(2, second)).await;
}

pub(super) async fn of_many_writers_one_wins_and_the_others_are_told(place: &Place) {
    let logs = place.open_for(4).await;
    let stream = stream("a.1");
    let mut expected = Expected::New;
    for round in 1..=20 {
        let appends = (0..8).map(|it| logs[it % 4].append(commit(&stream, expected)));
        let mut winner = None;
        for outcome in join_all(appends.map(tokio::spawn)).await {
            match outcome.unwrap() {
                Ok(Appended::Stored { position }) => {
                    assert_eq!(winner.replace(position), None, "two have won");
                }
                Err(LogError::Conflict { stream: told }) => assert_eq!(told, stream),
                other => panic!("{other:?}"),
            }
        }
        expected = after(round, winner.expect("one has won"));
    }
    assert_eq!(logs[0].head().await.unwrap(), 20);
}

pub(super) async fn a_hot_stream_takes_every_writer_in_turn(place: &Place) {
    let logs = place.open_for(3).await;
    let writers = logs.iter().cloned().map(|log| {
        tokio::spawn(async move {
            let stream = stream("a.1");
            for _ in 0..20 {
                // Decide again as often as somebody was faster.
                loop {
                    let end = end(&log, &stream).await;
                    match log.append(commit(&stream, end)).await {
                        Ok(_) => break,
                        Err(LogError::Conflict { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    let versions: Vec<u64> = all(&logs[0]).await.iter().map(|it| Body::of(it).version).collect();
    assert_eq!(versions, (1..=60).collect::<Vec<_>>());
}

pub(super) async fn the_same_command_is_stored_once_per_stream(place: &Place) {
    let log = place.open().await;
    let (one, other) = (stream("a.1"), stream("a.2"));
    let append = commit(&one, Expected::New);
    let first = Appended::Stored { position: 1 };
    assert_eq!(log.append(append.clone()).await.unwrap(), first);

    let again = Appended::Repeated { position: 1 };
    assert_eq!(log.append(append.clone()).await.unwrap(), again);
    stored(&log, &stream("b.1"), Expected::New).await;
    let third = stored(&log, &one, after(1, 1)).await;
    let fourth = stored(&log, &one, after(2, third)).await;
    assert_eq!(log.append(append.clone()).await.unwrap(), again, "others appended meanwhile");
    let mut knowing = append.clone();
    knowing.expected = after(3, fourth);
    assert_eq!(log.append(knowing).await.unwrap(), again, "the end is known, the command is old");

    let mut elsewhere = commit(&other, Expected::New);
    elsewhere.command = append.command;
    assert_eq!(log.append(elsewhere).await.unwrap(), Appended::Stored { position: 5 });
    assert_eq!(log.head().await.unwrap(), 5);
}

pub(super) async fn the_same_command_twice_at_once_is_stored_once(place: &Place) {
    let logs = place.open_for(2).await;
    for number in 1..=20 {
        let append = commit(&stream(&format!("a.{number}")), Expected::New);
        let both = logs.iter().map(|log| tokio::spawn(log.append(append.clone())));
        let both: Vec<Appended> =
            join_all(both).await.into_iter().map(|it| it.unwrap().unwrap()).collect();
        assert_eq!([both[0].position(), both[1].position()], [number; 2]);
        let stored = both.iter().filter(|it| matches!(it, Appended::Stored { .. })).count();
        assert_eq!(stored, 1, "{both:?}");
    }
}

pub(super) async fn an_append_that_expects_what_is_in_flight_is_stored_behind_it(place: &Place) {
    let log = place.open().await;
    let stream = stream("a.1");
    if !log.pipelines() {
        return;
    }
    let first = log.append(commit(&stream, Expected::New));
    let next = |version| (log.append(commit(&stream, after(version, 0))), version + 1);
    let rest: Vec<_> = (1..50).map(next).collect();
    // The last is awaited first: their order is the order of the calls.
    for (answer, position) in rest.into_iter().rev() {
        assert_eq!(answer.await.unwrap(), Appended::Stored { position });
    }
    assert_eq!(first.await.unwrap(), Appended::Stored { position: 1 });
}

pub(super) async fn versions_count_events_and_not_commits(place: &Place) {
    let log = place.open().await;
    let stream = stream("a.1");
    let first = log.append(commit_of_events(&stream, Expected::New, 3)).await.unwrap();
    conflicts(&log, &stream, after(1, first.position() + 1)).await;
    let second = log.append(commit_of_events(&stream, after(3, first.position()), 2)).await;
    let third = stored(&log, &stream, after(5, second.unwrap().position())).await;

    let read = log.read_stream(&stream, after(3, 1), 10).await.unwrap();
    let versions: Vec<u64> = read.iter().map(|it| Body::of(it).version).collect();
    assert_eq!((versions, third), (vec![4, 6], 3));
}

pub(super) async fn positions_have_no_gaps_and_streams_keep_their_order(place: &Place) {
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

pub(super) async fn pages_are_never_split_and_keep_the_order(place: &Place) {
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

pub(super) async fn a_follower_gets_everything_once_while_others_write(place: &Place) {
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

pub(super) async fn a_follower_from_the_middle_gets_the_rest(place: &Place) {
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

pub(super) async fn a_follower_who_is_ahead_of_the_log_is_told(place: &Place) {
    let log = place.open().await;
    stored(&log, &stream("a.1"), Expected::New).await;
    let mut pages = log.follow(2);
    let error = pages.next().await.expect("an answer").expect_err("it must not wait in silence");
    assert!(matches!(error, LogError::Corrupt(_)), "{error:?}");
    assert!(pages.next().await.is_none());
}

pub(super) async fn streams_with_odd_names_are_kept_apart(place: &Place) {
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

pub(super) async fn the_largest_commit_comes_back_as_it_was(place: &Place) {
    let log = place.open().await;
    let stream = stream("a.1");
    let append = commit_of_size(&stream, Expected::New, MAX_COMMIT_BYTES);
    assert_eq!(append.body.len(), MAX_COMMIT_BYTES);
    log.append(append.clone()).await.unwrap();

    let commit = StoredCommit { position: 1, body: append.body };
    assert_eq!(log.read_all(0, 10).await.unwrap(), [commit.clone()]);
    assert_eq!(log.read_stream(&stream, Expected::New, 10).await.unwrap(), [commit.clone()]);
    assert_eq!(take(log.follow(0), 1).await, [commit]);
}

pub(super) async fn a_commit_that_is_too_large_is_refused_by_its_size(place: &Place) {
    let log = place.open().await;
    let stream = stream("a.1");
    for too_large in [MAX_COMMIT_BYTES + 1, 3 * 1024 * 1024] {
        let append = commit_of_size(&stream, Expected::New, too_large);
        match log.append(append).await {
            Err(LogError::TooLarge { size, limit }) => {
                assert_eq!((size, limit), (too_large, MAX_COMMIT_BYTES));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stored(&log, &stream, Expected::New).await, 1);
}

pub(super) async fn a_log_goes_on_when_it_is_opened_again(place: &Place) {
    let stream = stream("a.1");
    let append = commit(&stream, Expected::New);
    {
        let log = place.open().await;
        log.append(append.clone()).await.unwrap();
        stored(&log, &stream, after(1, 1)).await;
    }
    let log = place.open().await;
    assert_eq!(log.head().await.unwrap(), 2);
    conflicts(&log, &stream, after(1, 1)).await;
    assert_eq!(log.append(append).await.unwrap(), Appended::Repeated { position: 1 });
    assert_eq!(stored(&log, &stream, after(2, 2)).await, 3);
}

/// So many writers on each log, each with a stream of its own, so many commits each.
/// Answers the acknowledged positions and their commands.
async fn write_from_all_sides(
    logs: &[Arc<dyn EventLog>],
    writers: usize,
    commits: u64,
) -> BTreeMap<u64, Uuid> {
    let write = |log: Arc<dyn EventLog>| async move {
        let stream = stream(&format!("writer.{}", Uuid::now_v7()));
        let mut expected = Expected::New;
        let mut acknowledged = Vec::new();
        for version in 1..=commits {
            let append = commit(&stream, expected);
            let command = append.command;
            let appended = log.append(append).await.unwrap();
            acknowledged.push((appended.position(), command));
            expected = after(version, appended.position());
        }
        acknowledged
    };
    let tasks = logs.iter().flat_map(|log| (0..writers).map(|_| tokio::spawn(write(log.clone()))));
    let done = join_all(tasks.collect::<Vec<_>>()).await;
    done.into_iter().flat_map(|it| it.expect("a writer ends well")).collect()
}

async fn stored(log: &Arc<dyn EventLog>, stream: &StreamId, expected: Expected) -> u64 {
    match log.append(commit(stream, expected)).await {
        Ok(Appended::Stored { position }) => position,
        other => panic!("{stream} after {expected:?}: {other:?}"),
    }
}

async fn conflicts(log: &Arc<dyn EventLog>, stream: &StreamId, expected: Expected) {
    match log.append(commit(stream, expected)).await {
        Err(LogError::Conflict { stream: told }) => assert_eq!(told, *stream),
        other => panic!("{stream} after {expected:?}: {other:?}"),
    }
}

async fn end(log: &Arc<dyn EventLog>, stream: &StreamId) -> Expected {
    let read = log.read_stream(stream, Expected::New, usize::MAX).await.unwrap();
    read.last().map_or(Expected::New, |it| after(Body::of(it).version, it.position))
}

pub(super) async fn all(log: &Arc<dyn EventLog>) -> Vec<StoredCommit> {
    let mut read: Vec<StoredCommit> = Vec::new();
    loop {
        let page = log.read_all(read.last().map_or(0, |it| it.position), 1000).await.unwrap();
        if page.is_empty() {
            return read;
        }
        read.extend(page);
    }
}

/// So many commits of a follower, and not one more.
pub(super) async fn take(
    mut pages: impl Stream<Item = Result<domain::kernel::LogPage, LogError>> + Unpin,
    count: usize,
) -> Vec<StoredCommit> {
    let mut read = Vec::new();
    while read.len() < count {
        read.extend(pages.next().await.expect("no end").unwrap().commits);
    }
    assert_eq!(read.len(), count);
    read
}
