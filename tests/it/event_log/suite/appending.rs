//! What a log promises its writers.

use domain::kernel::{Appended, Expected, LogError, MAX_COMMIT_BYTES};
use futures_util::future::join_all;
use tests::commits::{Body, after, commit, commit_of_events, commit_of_size, stream};

use super::super::place::Place;
use super::{all, conflicts, end, stored};

pub(in super::super) async fn nobody_writes_who_has_the_end_wrong(place: &Place) {
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

pub(in super::super) async fn of_many_writers_one_wins_and_the_others_are_told(place: &Place) {
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

pub(in super::super) async fn a_hot_stream_takes_every_writer_in_turn(place: &Place) {
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

pub(in super::super) async fn the_same_command_is_stored_once_per_stream(place: &Place) {
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

pub(in super::super) async fn the_same_command_twice_at_once_is_stored_once(place: &Place) {
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

pub(in super::super) async fn an_append_that_expects_what_is_in_flight_is_stored_behind_it(
    place: &Place,
) {
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

pub(in super::super) async fn versions_count_events_and_not_commits(place: &Place) {
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

pub(in super::super) async fn a_commit_that_is_too_large_is_refused_by_its_size(place: &Place) {
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

pub(in super::super) async fn a_log_goes_on_when_it_is_opened_again(place: &Place) {
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
