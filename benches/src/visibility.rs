//! From a command to the view that shows it, at a steady rate.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use adapters::sqlite_log::SqliteLog;
use anyhow::{Result, ensure};
use async_trait::async_trait;
use domain::conversation::Conversation;
use domain::kernel::{ConversationId, EventLog};
use projections::{Fence, Generations, LivePointer, Place, PointerError};
use tests::services::{NatsServer, Sync};
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

use crate::desk::{Desk, jetstream};
use crate::figure::{Figure, Unit};
use crate::measure::Bench;
use crate::table::{Goal, Row};

const EVERY: Duration = Duration::from_millis(1);
const CONVERSATIONS: usize = 200;
/// Commands at the start that are not counted.
const WARM_UP: usize = 500;

/// Which generation is live; nobody else needs to know.
#[derive(Default)]
struct Pointer(Mutex<Option<u64>>);

#[async_trait]
impl LivePointer for Pointer {
    async fn get(&self) -> Result<Option<u64>, PointerError> {
        Ok(*self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn switch(&self, from: Option<u64>, to: u64) -> Result<bool, PointerError> {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let moves = *live == from;
        if moves {
            *live = Some(to);
        }
        Ok(moves)
    }
}

pub(crate) async fn show(bench: Bench) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let log = Arc::new(SqliteLog::open(folder.path().join("log.db"))?);
    let (appended, visible) = measure(log, folder.path(), bench.span).await?;
    // The goal is told from the append on: half a millisecond more.
    let appended_us = appended.p50_us.unwrap_or_default();
    let mut rows = vec![
        Row::new("command appended, embedded, 1,000/s", appended),
        Row::new("command to visible view, embedded, p50", only_p50(visible))
            .reaching(Goal::AtMost(appended_us + 500.0)),
        Row::new("command to visible view, embedded, p99", only_p99(visible))
            .reaching(Goal::AtMost(5_000.0)),
    ];

    let folder = tempfile::tempdir()?;
    let server = NatsServer::start(Sync::Default);
    let log = jetstream(&server.url()).await?;
    let (appended, visible) = measure(log, folder.path(), bench.span).await?;
    rows.extend([
        Row::new("command appended, JetStream, 1,000/s", appended),
        Row::new("command to visible view, JetStream, p50", only_p50(visible))
            .reaching(Goal::AtMost(1_000.0)),
        Row::new("command to visible view, JetStream, p99", only_p99(visible))
            .reaching(Goal::AtMost(10_000.0)),
    ]);
    Ok(rows)
}

/// How long the append took, and how long until the view showed it.
async fn measure(
    log: Arc<dyn EventLog>,
    folder: &Path,
    span: Duration,
) -> Result<(Figure, Figure)> {
    let desk = Arc::new(Desk::open(log, folder).await?);
    let place = Place::parse("sqlite", folder)?;
    let views = Generations::new(desk.journal.clone(), place, Arc::new(Pointer::default()));
    views.open_or_build(&|_| {}).await?;
    let (stop, stopped) = oneshot::channel::<()>();
    let follower = views.clone();
    let following = tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        follower.follow(Fence::Alone, stopped).await
    });

    let conversations = Arc::new(desk.executor::<Conversation>());
    let count = WARM_UP + usize::try_from(span.as_millis() / EVERY.as_millis())?;
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut commands = Vec::new();
    for number in 0..count {
        ticks.tick().await;
        let (desk, conversations, views) = (desk.clone(), conversations.clone(), views.clone());
        commands.push(tokio::spawn(async move {
            let id = ConversationId::new(&format!("user-{}", number % CONVERSATIONS), "bench")?;
            let begun = Instant::now();
            let position = desk.say(&conversations, &id, number).await?;
            let appended = begun.elapsed();
            let seen = views.wait_for(position, Duration::from_secs(10)).await;
            ensure!(seen, "the view did not show position {position} in ten seconds");
            anyhow::Ok((appended, begun.elapsed()))
        }));
    }
    let (mut appended, mut visible) = (Vec::new(), Vec::new());
    for (number, command) in commands.into_iter().enumerate() {
        let (to_log, to_view) = command.await??;
        if number >= WARM_UP {
            appended.push(to_log);
            visible.push(to_view);
        }
    }
    let _ = stop.send(());
    following.await??;
    Ok((Figure::time_of(appended), Figure::time_of(visible)))
}

fn only_p50(figure: Figure) -> Figure {
    only(figure.p50_us)
}

fn only_p99(figure: Figure) -> Figure {
    only(figure.p99_us)
}

fn only(us: Option<f64>) -> Figure {
    let value = us.unwrap_or(f64::NAN);
    Figure { value, unit: Unit::Microseconds, p50_us: None, p99_us: None }
}
