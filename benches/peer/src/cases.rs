//! The cases, each measured for a few seconds after a short warm-up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use cqrs_es::AggregateError;
use postgres_es::PostgresCqrs;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::store::{HISTORIES, lay_histories, metadata, with_events, with_snapshots};
use crate::tally::{Count, Tally, note};

const WARM_UP: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// All tasks command one aggregate.
    Hot,
    /// No framework: one row of the same table per commit.
    Insert,
    /// Histories of 1,000 events, folded from the first one.
    LongEvents,
    /// Histories of 1,000 events, with a snapshot every 100.
    LongSnapshots,
    /// Each command makes an aggregate of its own.
    New,
}

#[derive(Debug, Clone, Copy)]
pub struct Case {
    kind: Kind,
    tasks: usize,
}

pub const CASES: [Case; 9] = [
    Case { kind: Kind::Hot, tasks: 16 },
    Case { kind: Kind::Insert, tasks: 1 },
    Case { kind: Kind::Insert, tasks: 16 },
    Case { kind: Kind::LongEvents, tasks: 1 },
    Case { kind: Kind::LongEvents, tasks: 16 },
    Case { kind: Kind::LongSnapshots, tasks: 1 },
    Case { kind: Kind::LongSnapshots, tasks: 16 },
    Case { kind: Kind::New, tasks: 1 },
    Case { kind: Kind::New, tasks: 16 },
];

/// What one task saw.
#[derive(Default)]
struct Seen {
    latencies_us: Vec<u64>,
    conflicts: u64,
}

impl Case {
    pub fn name(self) -> String {
        format!("{}/{}", self.title(), self.tasks)
    }

    fn title(self) -> &'static str {
        match self.kind {
            Kind::Hot => "hot",
            Kind::Insert => "insert",
            Kind::LongEvents => "long_events",
            Kind::LongSnapshots => "long_snapshots",
            Kind::New => "new",
        }
    }

    pub async fn run(self, pool: &PgPool, seconds: f64) -> Result<Value> {
        let prefix = format!("{}-", self.name());
        if matches!(self.kind, Kind::LongEvents | Kind::LongSnapshots) {
            lay_histories(pool, &prefix, self.tasks * HISTORIES).await?;
        }
        let framework = Arc::new(match self.kind {
            Kind::LongSnapshots => with_snapshots(pool),
            _ => with_events(pool),
        });

        let begin = Instant::now() + WARM_UP;
        let end = begin + Duration::from_secs_f64(seconds);
        let tasks: Vec<_> = (0..self.tasks)
            .map(|task| {
                let (framework, pool) = (framework.clone(), pool.clone());
                let prefix = prefix.clone();
                tokio::spawn(self.task(task, prefix, framework, pool, begin, end))
            })
            .collect();

        let mut all = Seen::default();
        for task in tasks {
            let seen = task.await??;
            all.latencies_us.extend(seen.latencies_us);
            all.conflicts += seen.conflicts;
        }
        Ok(self.shown(all, seconds))
    }

    async fn task(
        self,
        task: usize,
        prefix: String,
        framework: Arc<PostgresCqrs<Tally>>,
        pool: PgPool,
        begin: Instant,
        end: Instant,
    ) -> Result<Seen> {
        let mut seen = Seen::default();
        for number in 0.. {
            let started = Instant::now();
            if started >= end {
                break;
            }
            let id = match self.kind {
                Kind::Hot => prefix.clone(),
                Kind::Insert | Kind::New => format!("{prefix}{task}-{number}"),
                Kind::LongEvents | Kind::LongSnapshots => {
                    format!("{prefix}{}", task * HISTORIES + number % HISTORIES)
                }
            };
            let done = match self.kind {
                Kind::Insert => insert(&pool, &id, number).await?,
                _ => execute(&framework, &id, number).await?,
            };
            if started < begin {
                continue;
            }
            if done {
                seen.latencies_us.push(u64::try_from(started.elapsed().as_micros())?);
            } else {
                seen.conflicts += 1;
            }
        }
        Ok(seen)
    }

    fn shown(self, mut seen: Seen, seconds: f64) -> Value {
        seen.latencies_us.sort_unstable();
        let count = seen.latencies_us.len();
        let at =
            |percent: usize| seen.latencies_us.get(count * percent / 100).copied().unwrap_or(0);
        json!({
            "case": self.title(),
            "tasks": self.tasks,
            "per_second": (count as f64 / seconds).round(),
            "p50_us": at(50),
            "p99_us": at(99),
            "conflicts": seen.conflicts,
        })
    }
}

/// False when another task was faster.
async fn execute(framework: &PostgresCqrs<Tally>, id: &str, number: usize) -> Result<bool> {
    let command = Count { note: note(number) };
    match framework.execute_with_metadata(id, command, metadata()).await {
        Ok(()) => Ok(true),
        Err(AggregateError::AggregateConflict) => Ok(false),
        Err(error) => bail!("{id}: {error}"),
    }
}

async fn insert(pool: &PgPool, id: &str, number: usize) -> Result<bool> {
    sqlx::query("INSERT INTO events VALUES ('bare', $1, 1, 'counted', '1', $2::json, $3::json)")
        .bind(id)
        .bind(json!({ "counted": { "note": note(number) } }).to_string())
        .bind(serde_json::to_string(&metadata())?)
        .execute(pool)
        .await?;
    Ok(true)
}
