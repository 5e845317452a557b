//! JetStream without us: what the bare client reaches on a server of its own.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use async_nats::jetstream;
use async_nats::jetstream::consumer::{DeliverPolicy, push};
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{self, DiscardPolicy, StorageType, Stream};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tests::services::{NatsServer, Sync};

use crate::figure::Figure;
use crate::measure::Bench;
use crate::table::Row;

const MESSAGES: usize = 200_000;
const PAYLOAD: usize = 400;
const SUBJECTS: usize = 10_000;
const WINDOWS: [usize; 3] = [1, 16, 256];

/// A stream as the event log wants one, on an empty server.
struct Bare {
    jetstream: jetstream::Context,
    stream: Stream,
    // Ends with the value.
    _server: NatsServer,
}

impl Bare {
    async fn start(sync: Sync) -> Result<Self> {
        let server = NatsServer::start(sync);
        let client = async_nats::connect(server.url()).await?;
        let jetstream = ContextBuilder::new()
            .max_ack_inflight(100_000)
            .timeout(Duration::from_secs(30))
            .build(client);
        let config = stream::Config {
            name: "bare".to_owned(),
            subjects: vec!["bare.>".to_owned()],
            storage: StorageType::File,
            discard: DiscardPolicy::New,
            allow_direct: true,
            deny_delete: true,
            deny_purge: true,
            ..stream::Config::default()
        };
        let stream = jetstream.create_stream(config).await?;
        Ok(Self { jetstream, stream, _server: server })
    }
}

/// Messages acknowledged per second with so many in flight.
/// With `headers` each carries an id and the last sequence of its subject, as ours do.
pub(crate) async fn publish(
    sync: Sync,
    window: usize,
    headers: bool,
    span: Duration,
) -> Result<Figure> {
    let Bare { jetstream, _server, .. } = Bare::start(sync).await?;
    let payload = Bytes::from(vec![b'p'; PAYLOAD]);
    let subjects: Vec<_> = (0..SUBJECTS)
        .map(|it| async_nats::Subject::from(format!("bare.main.thing.{it}")))
        .collect();
    let mut last = vec![0_u64; SUBJECTS];

    let mut waiting = FuturesUnordered::new();
    let mut latencies = Vec::new();
    let started = Instant::now();
    let mut number = 0;
    loop {
        while waiting.len() < window && started.elapsed() < span {
            let subject = number % SUBJECTS;
            let mut message = PublishMessage::build().payload(payload.clone());
            if headers {
                message = message
                    .message_id(format!("bare.main.thing.{subject}:{number}"))
                    .expected_last_subject_sequence(last[subject]);
            }
            let begun = Instant::now();
            let ack = jetstream
                .send_publish(subjects[subject].clone(), message)
                .await
                .context("a message is sent")?;
            waiting.push(async move { (subject, begun, ack.await) });
            number += 1;
        }
        let Some((subject, begun, ack)) = waiting.next().await else { break };
        last[subject] = ack.context("a message is acknowledged")?.sequence;
        latencies.push(begun.elapsed());
    }
    Ok(Figure::rate_of(latencies, started.elapsed()))
}

/// J: an ordered push consumer that reads a stream from its start, messages per second.
pub(crate) async fn ordered_push(messages: usize) -> Result<Figure> {
    let Bare { jetstream, stream, _server } = Bare::start(Sync::Default).await?;
    fill(&jetstream, messages).await?;
    pushed(&jetstream, &stream, messages).await
}

/// J over the messages of a log of ours.
pub(crate) async fn ordered_push_of(url: &str, stream: &str, messages: usize) -> Result<Figure> {
    let jetstream = jetstream::new(async_nats::connect(url).await?);
    let stream = jetstream.get_stream_no_info(stream).await?;
    pushed(&jetstream, &stream, messages).await
}

async fn pushed<I>(
    jetstream: &jetstream::Context,
    stream: &Stream<I>,
    messages: usize,
) -> Result<Figure> {
    let config = push::OrderedConfig {
        deliver_subject: jetstream.client().new_inbox(),
        deliver_policy: DeliverPolicy::All,
        ..push::OrderedConfig::default()
    };
    let started = Instant::now();
    let mut read = stream.create_consumer(config).await?.messages().await?;
    for _ in 0..messages {
        read.next().await.context("the stream has ended early")??;
    }
    Ok(Figure::rate(messages, started.elapsed()))
}

/// One message by direct get, the latest of its subject: what every load over the network pays at least.
async fn get_last(gets: usize) -> Result<Figure> {
    let Bare { jetstream, stream, _server } = Bare::start(Sync::Default).await?;
    fill(&jetstream, MESSAGES / 4).await?;
    let mut latencies = Vec::new();
    for number in 0..gets {
        let subject = format!("bare.main.thing.{}", number * 7 % SUBJECTS);
        let begun = Instant::now();
        stream.direct_get_last_for_subject(subject).await?;
        latencies.push(begun.elapsed());
    }
    Ok(Figure::time_of(latencies))
}

async fn fill(jetstream: &jetstream::Context, messages: usize) -> Result<()> {
    let payload = Bytes::from(vec![b'p'; PAYLOAD]);
    let mut waiting = FuturesUnordered::new();
    for number in 0..messages {
        let subject = format!("bare.main.thing.{}", number % SUBJECTS);
        waiting.push(jetstream.publish(subject, payload.clone()).await?.into_future());
        if waiting.len() == 1_000 {
            waiting.next().await.transpose()?;
        }
    }
    while waiting.next().await.transpose()?.is_some() {}
    Ok(())
}

pub(crate) async fn show_publish(bench: Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for window in WINDOWS {
        for headers in [false, true] {
            let with = if headers { ", both headers" } else { "" };
            let run = async || publish(Sync::Always, window, headers, bench.span).await;
            let always = bench.against_f(run).await?;
            let what = format!("bare publish, sync always, {window} in flight{with}");
            rows.push(Row::new(what, always.ours).beside("F", always.theirs));
        }
    }
    for window in WINDOWS {
        let plain = async || publish(Sync::Default, window, false, bench.span).await;
        let headers = async || publish(Sync::Default, window, true, bench.span).await;
        let pair = bench.in_turns(false, headers, plain).await?;
        let what = format!("bare publish, default sync, {window} in flight, both headers");
        rows.push(Row::new(what, pair.ours).beside("without headers", pair.theirs));
    }
    Ok(rows)
}

pub(crate) async fn show_get() -> Result<Vec<Row>> {
    Ok(vec![Row::new("bare direct get of the last message of a subject", get_last(2_000).await?)])
}

pub(crate) async fn show_j() -> Result<Vec<Row>> {
    Ok(vec![Row::new("J: bare ordered push consumer", ordered_push(MESSAGES).await?)])
}
