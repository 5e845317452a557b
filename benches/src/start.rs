//! How long the program takes to serve on a log of a million events, and what it holds at rest.

use std::sync::Arc;
use std::time::Duration;

use adapters::sqlite_log::SqliteLog;
use anyhow::Result;

use crate::desk::Desk;
use crate::figure::{Figure, Unit};
use crate::server::{self, Server};
use crate::table::{Goal, Row};
use crate::workload;

const EVENTS: usize = 1_000_000;
/// So long after its start the program is taken to be at rest.
const REST: Duration = Duration::from_secs(5);

pub(crate) async fn show() -> Result<Vec<Row>> {
    let binary = server::build().await?;
    let data = tempfile::tempdir()?;
    {
        let log = Arc::new(SqliteLog::open(data.path().join("log.db"))?);
        let desk = Desk::open(log, data.path()).await?;
        workload::fill(&desk.journal, EVENTS).await?;
    }
    // The first start builds the views.
    Server::start(&binary, data.path()).await?.stop().await?;

    let server = Server::start(&binary, data.path()).await?;
    let took = server.took.as_secs_f64() * 1e6;
    let took = Figure { value: took, unit: Unit::Microseconds, p50_us: None, p99_us: None };
    tokio::time::sleep(REST).await;
    let held = server.memory_mb()?;
    let held = Figure { value: held, unit: Unit::Megabytes, p50_us: None, p99_us: None };
    server.stop().await?;
    Ok(vec![
        Row::new("start to serving, 1M events, views present", took).reaching(Goal::AtMost(1e6)),
        Row::new("memory at rest, 1M events", held).reaching(Goal::AtMost(80.0)),
    ])
}
