//! Appends to a log of ours, as its writers make them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use domain::kernel::{Append, CommitId, EventLog, Expected, StreamId};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use uuid::Uuid;

use crate::figure::Figure;

/// How large a commit is: about what one chat message leads to.
pub(crate) const COMMIT_BYTES: usize = 400;

/// One stream, its next append in hand.
pub(crate) struct Writer {
    stream: StreamId,
    expected: Expected,
    body: Bytes,
}

impl Writer {
    pub(crate) fn new(number: usize) -> Result<Self> {
        let stream = StreamId::named(format!("channel.{}", 80_351_110_224_678_912 + number));
        let stream = stream.context("a stream has a name")?;
        let body = body(&stream)?;
        Ok(Self { stream, expected: Expected::New, body })
    }

    pub(crate) fn stream(&self) -> &StreamId {
        &self.stream
    }

    pub(crate) fn next(&self) -> Append {
        Append {
            stream: self.stream.clone(),
            expected: self.expected,
            id: CommitId(Uuid::now_v7()),
            command: Uuid::now_v7(),
            count: 1,
            types: "channel.message_created".to_owned(),
            body: self.body.clone(),
        }
    }

    /// The last append stands at this position.
    pub(crate) fn moved(&mut self, position: u64) {
        self.expected = Expected::Exact { version: self.expected.version() + 1, position };
    }
}

/// The form of a commit, filled up to its size.
fn body(stream: &StreamId) -> Result<Bytes> {
    let envelope = |text: &str| {
        serde_json::to_vec(&json!({
            "id": Uuid::nil(),
            "stream": stream.as_str(),
            "version": 1,
            "command": Uuid::nil(),
            "actor": { "kind": "discord", "id": "80351110224678912" },
            "correlation": Uuid::nil(),
            "source": "discord",
            "recorded": "2026-11-20T12:00:00.000Z",
            "events": [{ "type": "channel.message_created", "v": 1, "data": { "text": text } }],
        }))
    };
    let room = COMMIT_BYTES.saturating_sub(envelope("")?.len());
    Ok(envelope(&"t".repeat(room))?.into())
}

/// So many clients, each waiting for its append before it makes the next.
pub(crate) async fn clients(
    log: Arc<dyn EventLog>,
    clients: usize,
    span: Duration,
) -> Result<Figure> {
    let started = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let log = log.clone();
            tokio::spawn(async move {
                let mut writer = Writer::new(client)?;
                let mut latencies = Vec::new();
                while started.elapsed() < span {
                    let begun = Instant::now();
                    let position = log.append(writer.next()).await?.position();
                    latencies.push(begun.elapsed());
                    writer.moved(position);
                }
                anyhow::Ok(latencies)
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    Ok(Figure::rate_of(latencies, started.elapsed()))
}

/// One process that keeps so many appends in flight, over so many streams in turn.
pub(crate) async fn pipelined(
    log: Arc<dyn EventLog>,
    window: usize,
    streams: usize,
    span: Duration,
) -> Result<Figure> {
    let mut writers: Vec<_> = (0..streams).map(Writer::new).collect::<Result<_>>()?;
    let mut waiting = FuturesUnordered::new();
    let mut latencies = Vec::new();
    let started = Instant::now();
    let mut number = 0;
    loop {
        while waiting.len() < window && started.elapsed() < span {
            let writer = number % streams;
            let begun = Instant::now();
            let append = log.append(writers[writer].next());
            waiting.push(async move { (writer, begun, append.await) });
            number += 1;
        }
        let Some((writer, begun, appended)) = waiting.next().await else { break };
        writers[writer].moved(appended?.position());
        latencies.push(begun.elapsed());
    }
    Ok(Figure::rate_of(latencies, started.elapsed()))
}
