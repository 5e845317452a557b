//! The log in a SQLite file, beside F.

use std::sync::Arc;

use adapters::sqlite_log::SqliteLog;
use anyhow::Result;

use crate::appends;
use crate::measure::Bench;
use crate::table::{Goal, Row};

/// Clients, and how many times F they have to reach: fsync is shared, so more is expected of more.
const CLIENTS: [(usize, f64); 3] = [(1, 0.75), (16, 6.0), (256, 14.0)];

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
    Ok(rows)
}
