//! Replay of all read models, beside D; each in a process of its own, so that its memory can be told.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use adapters::sqlite_log::SqliteLog;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tests::services::{NatsServer, Sync, postgres_url};
use tokio::process::Command;

use crate::desk::{Desk, jetstream};
use crate::figure::{Figure, Unit};
use crate::measure::Bench;
use crate::table::{Goal, Row};
use crate::{bare_jetstream, raw, workload};

const MANY: usize = 1_000_000;
const FEW: usize = 100_000;

/// What a replay came to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Replayed {
    events: u64,
    seconds: f64,
    peak_mb: f64,
}

impl Replayed {
    fn rate(self) -> Figure {
        let value = self.events as f64 / self.seconds;
        Figure { value, unit: Unit::PerSecond, p50_us: None, p99_us: None }
    }
}

pub(crate) async fn show(bench: Bench) -> Result<Vec<Row>> {
    let many = tempfile::tempdir()?;
    fill_sqlite(many.path(), MANY).await?;
    let few = tempfile::tempdir()?;
    fill_sqlite(few.path(), FEW).await?;
    let d = async || raw::d(bench.span);
    let mut rows = Vec::new();

    let peak = std::cell::Cell::new(0.0_f64);
    let run = async || {
        let replayed = replay("sqlite", many.path(), "sqlite", false).await?;
        peak.set(peak.get().max(replayed.peak_mb));
        Ok(replayed.rate())
    };
    let sqlite = bench.in_turns(false, run, d).await?;
    let row = Row::new("replay, SQLite to SQLite, 1M events", sqlite.ours);
    rows.push(row.beside("D", sqlite.theirs).reaching(Goal::AtLeast(0.15)));
    let peak = Figure { value: peak.get(), unit: Unit::Megabytes, p50_us: None, p99_us: None };
    rows.push(Row::new("… memory at its peak", peak).reaching(Goal::AtMost(400.0)));

    let run = async || Ok(replay("sqlite", few.path(), "sqlite", false).await?.rate());
    let less = async || Ok(replay("sqlite", many.path(), "sqlite", false).await?.rate());
    let pair = bench.in_turns(false, run, less).await?;
    let row = Row::new("… 100k events", pair.ours).beside("1M events", pair.theirs);
    rows.push(row.reaching(Goal::Within(0.2)));

    let searched = replay("sqlite", many.path(), "sqlite", true).await?.rate();
    rows.push(Row::new("… with full-text search", searched).beside("without", sqlite.ours));

    let run = async || Ok(replay("sqlite", many.path(), &postgres_url(), false).await?.rate());
    let pair = bench.in_turns(false, run, d).await?;
    let row = Row::new("replay, SQLite to PostgreSQL, 1M events", pair.ours);
    rows.push(row.beside("D", pair.theirs).reaching(Goal::AtLeast(0.07)));

    rows.push(from_jetstream(sqlite.ours).await?);
    Ok(rows)
}

/// Beside the bare consumer, told in events, or the replay from SQLite: whichever is slower.
async fn from_jetstream(sqlite: Figure) -> Result<Row> {
    let folder = tempfile::tempdir()?;
    let server = NatsServer::start(Sync::Default);
    let desk = Desk::open(jetstream(&server.url()).await?, folder.path()).await?;
    let commits = workload::fill(&desk.journal, MANY).await?;
    drop(desk);
    let ours = replay(&server.url(), folder.path(), "sqlite", false).await?.rate();

    let stream = adapters::jetstream_log::Options::default().stream;
    let j = bare_jetstream::ordered_push_of(&server.url(), &stream, commits).await?;
    let j = Figure { value: j.value * MANY as f64 / commits as f64, ..j };
    let (name, beside) =
        if j.value < sqlite.value { ("J", j) } else { ("the replay from SQLite", sqlite) };
    let row = Row::new("replay, JetStream to SQLite, 1M events", ours).beside(name, beside);
    Ok(row.reaching(Goal::AtLeast(0.7)))
}

async fn fill_sqlite(folder: &Path, events: usize) -> Result<()> {
    let log = Arc::new(SqliteLog::open(folder.join("log.db"))?);
    let desk = Desk::open(log, folder).await?;
    workload::fill(&desk.journal, events).await?;
    Ok(())
}

/// Replays in a process of its own: `log` is `sqlite` or a server, the stores are in the folder.
async fn replay(log: &str, folder: &Path, views: &str, search: bool) -> Result<Replayed> {
    let target = tempfile::tempdir()?;
    let views = match views {
        "sqlite" => format!("sqlite://{}", target.path().join("views.db").display()),
        other => other.to_owned(),
    };
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("replay-child").arg(log).arg(folder).arg(views).arg(search.to_string());
    let output = command.stderr(Stdio::inherit()).output().await?;
    ensure!(output.status.success(), "the replay failed");
    let replayed: Replayed = serde_json::from_slice(&output.stdout)?;
    eprintln!(
        "  {} events, {:.1} s, {:.0} MB",
        replayed.events, replayed.seconds, replayed.peak_mb
    );
    Ok(replayed)
}

/// The process that [`replay`] starts; answers one line for the standard output.
pub(crate) async fn child(mut arguments: impl Iterator<Item = String>) -> Result<String> {
    let mut next = || arguments.next().context("replay-child <log> <folder> <views> <search>");
    let (log, folder, views, search) = (next()?, next()?, next()?, next()?);
    let log = match log.as_str() {
        "sqlite" => Arc::new(SqliteLog::open(Path::new(&folder).join("log.db"))?),
        url => jetstream(url).await?,
    };
    let desk = Desk::open(log, Path::new(&folder)).await?;
    let views = projections::Address::parse(&views)?;

    let events = std::sync::atomic::AtomicU64::new(0);
    let tell = |progress: projections::Progress| {
        events.fetch_max(progress.events, std::sync::atomic::Ordering::Relaxed);
    };
    let started = Instant::now();
    projections::build_for_measure(&desk.journal, &views, search == "true", &tell).await?;
    let seconds = started.elapsed().as_secs_f64();
    let replayed = Replayed { events: events.into_inner(), seconds, peak_mb: peak_mb()? };
    Ok(serde_json::to_string(&replayed)?)
}

/// The most memory this process ever held.
fn peak_mb() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|it| it.trim().strip_suffix(" kB")).context("Linux tells the peak")?;
    Ok(peak.trim().parse::<f64>()? / 1024.0)
}
