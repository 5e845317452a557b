//! The log in JetStream, beside the bare client that does only the least of it.

use std::sync::Arc;

use adapters::jetstream_log::{JetStreamLog, Options};
use anyhow::Result;
use domain::kernel::EventLog;
use tests::services::{NatsServer, Sync};

use crate::measure::Bench;
use crate::table::{Goal, Row};
use crate::{appends, bare_jetstream, log_reads};

/// As many aggregates as the bare client has subjects.
const STREAMS: usize = 10_000;

pub(crate) async fn show(bench: Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for window in [16, 256] {
        let ours = async || appended(Sync::Always, window, bench).await;
        let bare = async || bare_jetstream::publish(Sync::Always, window, false, bench.span).await;
        let pair = bench.in_turns(true, ours, bare).await?;
        let what = format!("JetStream log, sync always, {window} in flight");
        rows.push(
            Row::new(what, pair.ours)
                .beside("bare publish", pair.theirs)
                .reaching(Goal::AtLeast(0.85)),
        );
    }

    let ours = async || appended(Sync::Default, 256, bench).await;
    let bare = async || bare_jetstream::publish(Sync::Default, 256, true, bench.span).await;
    let pair = bench.in_turns(false, ours, bare).await?;
    rows.push(
        Row::new("JetStream log, default sync, 256 in flight", pair.ours)
            .beside("bare publish, both headers", pair.theirs)
            .reaching(Goal::AtLeast(0.8)),
    );

    let (log, server) = open(Sync::Default).await?;
    log_reads::fill(&log, STREAMS).await?;
    let load = log_reads::loads(&log, STREAMS, bench.span).await?;
    rows.push(
        Row::new("JetStream log, load of 20 commits, warm", load).reaching(Goal::AtMost(500.0)),
    );
    let ours = async || log_reads::follow(&log).await;
    let (url, stream) = (server.url(), Options::default().stream);
    let bare = async || bare_jetstream::ordered_push_of(&url, &stream, 20 * STREAMS).await;
    let pair = bench.in_turns(false, ours, bare).await?;
    rows.push(
        Row::new("JetStream log, follower from the start", pair.ours)
            .beside("J", pair.theirs)
            .reaching(Goal::AtLeast(0.7)),
    );
    Ok(rows)
}

async fn appended(sync: Sync, window: usize, bench: Bench) -> Result<crate::figure::Figure> {
    let (log, _server) = open(sync).await?;
    appends::pipelined(log, window, STREAMS, bench.span).await
}

async fn open(sync: Sync) -> Result<(Arc<dyn EventLog>, NatsServer)> {
    let server = NatsServer::start(sync);
    let log = JetStreamLog::connect(&server.url(), Options::default()).await?;
    Ok((Arc::new(log), server))
}
