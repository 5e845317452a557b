//! The promises of a log.

mod appending;
mod reading;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::kernel::{Appended, EventLog, Expected, LogError, LogPage, StoredCommit, StreamId};
use futures_util::future::join_all;
use futures_util::{Stream, StreamExt};
use tests::commits::{Body, after, commit, stream};
use uuid::Uuid;

pub(super) use appending::*;
pub(super) use reading::*;

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
    mut pages: impl Stream<Item = Result<LogPage, LogError>> + Unpin,
    count: usize,
) -> Vec<StoredCommit> {
    let mut read = Vec::new();
    while read.len() < count {
        read.extend(pages.next().await.expect("no end").unwrap().commits);
    }
    assert_eq!(read.len(), count);
    read
}
