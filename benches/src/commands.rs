//! Commands per second on the SQLite log, beside the same on `cqrs-es` with `postgres-es`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::sqlite_log::SqliteLog;
use anyhow::Result;
use domain::conversation::Conversation;
use domain::kernel::ConversationId;
use futures_util::future::try_join_all;

use crate::desk::Desk;
use crate::figure::Figure;
use crate::measure::Bench;
use crate::peer::Peer;
use crate::table::{Goal, Row};

const WARM_UP: Duration = Duration::from_millis(500);

/// The same numbers as the peer's: histories for each task, and how long each is.
const HISTORIES: usize = 8;
const LONG: usize = 1_000;

#[derive(Debug, Clone, Copy)]
enum Kind {
    Hot,
    Long,
    New,
}

struct Case {
    what: &'static str,
    kind: Kind,
    tasks: usize,
    peer: &'static str,
    at_least: Option<f64>,
}

const CASES: [Case; 7] = [
    Case {
        what: "commands, new small aggregate each, 1 task",
        kind: Kind::New,
        tasks: 1,
        peer: "new/1",
        at_least: Some(2.5),
    },
    Case {
        what: "commands, new small aggregate each, 16 tasks",
        kind: Kind::New,
        tasks: 16,
        peer: "new/16",
        at_least: Some(6.0),
    },
    Case {
        what: "commands, aggregates of 1,000 events, 1 task",
        kind: Kind::Long,
        tasks: 1,
        peer: "long_events/1",
        at_least: Some(20.0),
    },
    Case {
        what: "commands, aggregates of 1,000 events, 16 tasks",
        kind: Kind::Long,
        tasks: 16,
        peer: "long_events/16",
        at_least: Some(60.0),
    },
    Case {
        what: "… the peer with snapshots every 100, 1 task",
        kind: Kind::Long,
        tasks: 1,
        peer: "long_snapshots/1",
        at_least: None,
    },
    Case {
        what: "… the peer with snapshots every 100, 16 tasks",
        kind: Kind::Long,
        tasks: 16,
        peer: "long_snapshots/16",
        at_least: None,
    },
    Case {
        what: "commands, one hot aggregate, 16 tasks",
        kind: Kind::Hot,
        tasks: 16,
        peer: "hot/16",
        at_least: Some(40.0),
    },
];

pub(crate) async fn show(bench: Bench) -> Result<Vec<Row>> {
    let peer = Peer::build().await?;
    let mut rows = Vec::new();
    for case in CASES {
        let ours = async || measure(case.kind, case.tasks, bench.span).await;
        let theirs = async || {
            let (figure, conflicts) = peer.run(case.peer, bench.span).await?;
            if conflicts > 0 {
                eprintln!("  the peer was told of {conflicts} conflicts; ours of none");
            }
            Ok(figure)
        };
        let pair = bench.in_turns(true, ours, theirs).await?;
        let goal = case.at_least.map_or(Goal::Open, Goal::AtLeast);
        rows.push(Row::new(case.what, pair.ours).beside("peer", pair.theirs).reaching(goal));
    }
    Ok(rows)
}

/// A command that fails ends the run: a conflict must not surface.
async fn measure(kind: Kind, tasks: usize, span: Duration) -> Result<Figure> {
    let folder = tempfile::tempdir()?;
    let log = Arc::new(SqliteLog::open(folder.path().join("log.sqlite"))?);
    let desk = Arc::new(Desk::open(log, folder.path()).await?);
    let conversations = Arc::new(desk.executor::<Conversation>());
    if matches!(kind, Kind::Long) {
        let histories: Vec<_> = (0..tasks * HISTORIES).map(history_of).collect::<Result<_>>()?;
        try_join_all(histories.iter().map(|id| desk.lay(id, LONG, 100))).await?;
        // The first command loads and keeps what it loaded; the rest is what is measured.
        try_join_all(histories.iter().map(|id| desk.say(&conversations, id, 0))).await?;
    }

    let begin = Instant::now() + WARM_UP;
    let end = begin + span;
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let (desk, conversations) = (desk.clone(), conversations.clone());
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                for number in 0.. {
                    let started = Instant::now();
                    if started >= end {
                        break;
                    }
                    let id = match kind {
                        Kind::Hot => conversation("hot")?,
                        Kind::Long => history_of(task * HISTORIES + number % HISTORIES)?,
                        Kind::New => conversation(&format!("{task}-{number}"))?,
                    };
                    desk.say(&conversations, &id, number).await?;
                    if started >= begin {
                        latencies.push(started.elapsed());
                    }
                }
                anyhow::Ok(latencies)
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in running {
        latencies.extend(task.await??);
    }
    Ok(Figure::rate_of(latencies, span))
}

fn history_of(number: usize) -> Result<ConversationId> {
    conversation(&format!("history-{number}"))
}

fn conversation(user: &str) -> Result<ConversationId> {
    Ok(ConversationId::new(user, "bench")?)
}
