//! The log in a SQLite file, beside F.

use std::sync::Arc;

use adapters::sqlite_log::SqliteLog;
use anyhow::Result;
use domain::kernel::EventLog;

use crate::measure::Bench;
use crate::table::{Goal, Row};
use crate::{appends, log_reads};

/// Clients, and how many times F they have to reach: fsync is shared, so more is expected of more.
const CLIENTS: [(usize, f64); 3] = [(1, 0.75), (16, 6.0), (256, 14.0)];

/// How many aggregates of 20 commits there are to load and to follow.
const STREAMS: usize = 50_000;

pub(crate) async fn show(bench: Bench) -> Result<Vec<Row>> {
    let open = || -> Result<_> {
        let folder = tempfile::tempdir()?;
        let log = SqliteLog::open(folder.path().join("log.sqlite"))?;
        Ok((Arc::new(log), folder))
    };
    let mut rows = Vec::new();
    for (clients, least) in CLIENTS {
        let run = async || {
            let (log, _folder) = open()?;
            appends::clients(log, clients, bench.span).await
        };
        let pair = bench.against_f(run).await?;
        let what = format!("SQLite log, durable appends, clients: {clients}");
        rows.push(
            Row::new(what, pair.ours).beside("F", pair.theirs).reaching(Goal::AtLeast(least)),
        );
    }

    let run = async || {
        let (log, _folder) = open()?;
        appends::pipelined(log, 256, 10_000, bench.span).await
    };
    let pair = bench.against_f(run).await?;
    let what = "SQLite log, durable appends, one task with 256 in flight";
    rows.push(Row::new(what, pair.ours).beside("F", pair.theirs));

    let (log, _folder) = open()?;
    let log: Arc<dyn EventLog> = log;
    log_reads::fill(&log, STREAMS).await?;
    let load = log_reads::loads(&log, STREAMS, bench.span).await?;
    rows.push(Row::new("SQLite log, load of 20 commits", load).reaching(Goal::AtMost(60.0)));
    rows.push(
        Row::new("SQLite log, follower from the start", log_reads::follow(&log).await?)
            .reaching(Goal::AtLeast(1e6)),
    );
    Ok(rows)
}
