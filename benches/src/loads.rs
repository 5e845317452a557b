//! How long it takes to have an aggregate: from memory, from SQLite, from JetStream.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use adapters::sqlite_log::SqliteLog;
use anyhow::{Result, ensure};
use commands::Executor;
use commands::ports::Execute;
use domain::conversation::Conversation;
use domain::kernel::{ConversationId, EventLog, Expected};
use futures_util::{StreamExt, TryStreamExt, stream};
use tests::services::{NatsServer, Sync};

use crate::desk::{Desk, jetstream};
use crate::figure::Figure;
use crate::table::{Goal, Row};

/// Conversations whose events are scattered over a log of a million, one commit each.
const CONVERSATIONS: usize = 50_000;
const EVENTS: usize = 20;

/// How many of them are loaded.
const LOADS: usize = 4_000;

pub(crate) async fn show() -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let log = Arc::new(SqliteLog::open(folder.path().join("log.db"))?);
    let (desk, ids) = laid(log, folder.path()).await?;
    let conversations = desk.executor::<Conversation>();
    let first = load(&conversations, &ids).await?;
    let again: Vec<_> = ids.iter().take(100).cloned().collect();
    load(&conversations, &again).await?;
    let cached = load(&conversations, &again).await?;

    let folder = tempfile::tempdir()?;
    let server = NatsServer::start(Sync::Default);
    let (desk, ids) = laid(jetstream(&server.url()).await?, folder.path()).await?;
    let jetstream = load(&desk.executor(), &ids).await?;

    Ok(vec![
        Row::new("aggregate load, cached", cached).reaching(Goal::AtMost(5.0)),
        Row::new("aggregate load, 20 events from SQLite", first).reaching(Goal::AtMost(60.0)),
        Row::new("aggregate load, 20 events from JetStream, warm", jetstream)
            .reaching(Goal::AtMost(500.0)),
    ])
}

async fn laid(log: Arc<dyn EventLog>, folder: &Path) -> Result<(Desk, Vec<ConversationId>)> {
    let desk = Desk::open(log, folder).await?;
    let ids: Vec<_> = (0..CONVERSATIONS)
        .map(|number| ConversationId::new(&format!("user-{number}"), "bench"))
        .collect::<Result<_, _>>()?;
    let mut ends = vec![Expected::New; ids.len()];
    for number in 0..EVENTS {
        let laid = ids.iter().zip(&ends).map(|(id, end)| desk.lay_one(id, *end, number));
        ends = stream::iter(laid).buffered(1_000).try_collect().await?;
    }
    let loaded = ids.into_iter().step_by(CONVERSATIONS / LOADS).collect();
    Ok((desk, loaded))
}

async fn load(conversations: &Executor<Conversation>, ids: &[ConversationId]) -> Result<Figure> {
    let mut latencies = Vec::new();
    for id in ids {
        let begun = Instant::now();
        let loaded = conversations.load(id).await?;
        latencies.push(begun.elapsed());
        ensure!(loaded.version == EVENTS as u64, "{id} has another history");
    }
    Ok(Figure::time_of(latencies))
}
