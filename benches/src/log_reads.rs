//! Reading a log back: one stream at a time, and everything from the start.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use domain::kernel::{EventLog, Expected, StreamId};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::appends::Writer;
use crate::figure::Figure;

/// How many commits a loaded aggregate has.
const COMMITS: usize = 20;

/// How many the executor asks for at first.
const ASKED: usize = 64;

/// So many streams of 20 commits each, written in turns, so that no stream lies in one piece.
pub(crate) async fn fill(log: &Arc<dyn EventLog>, streams: usize) -> Result<()> {
    let mut writers: Vec<_> = (0..streams).map(Writer::new).collect::<Result<_>>()?;
    for _ in 0..COMMITS {
        let mut waiting = FuturesUnordered::new();
        for number in 0..streams {
            let append = log.append(writers[number].next());
            waiting.push(async move { (number, append.await) });
            if waiting.len() == 512
                && let Some((number, appended)) = waiting.next().await
            {
                writers[number].moved(appended?.position());
            }
        }
        while let Some((number, appended)) = waiting.next().await {
            writers[number].moved(appended?.position());
        }
    }
    Ok(())
}

/// Loads of scattered streams, one after the other.
pub(crate) async fn loads(
    log: &Arc<dyn EventLog>,
    streams: usize,
    span: Duration,
) -> Result<Figure> {
    let names: Vec<StreamId> =
        (0..streams).map(|it| Ok(Writer::new(it)?.stream().clone())).collect::<Result<_>>()?;
    let mut latencies = Vec::new();
    let started = Instant::now();
    let mut number = 0;
    while started.elapsed() < span {
        number = (number + 7919) % streams;
        let begun = Instant::now();
        let commits = log.read_stream(&names[number], Expected::New, ASKED).await?;
        latencies.push(begun.elapsed());
        ensure!(commits.len() == COMMITS, "a stream of {} commits", commits.len());
    }
    Ok(Figure::time_of(latencies))
}

/// Commits per second of a follower that only counts.
pub(crate) async fn follow(log: &Arc<dyn EventLog>) -> Result<Figure> {
    let head = usize::try_from(log.head().await?)?;
    let started = Instant::now();
    let mut pages = log.follow(0);
    let mut count = 0;
    while count < head {
        count += pages.next().await.context("a follower has no end")??.commits.len();
    }
    Ok(Figure::rate(count, started.elapsed()))
}
