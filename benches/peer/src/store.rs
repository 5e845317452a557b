//! The tables that postgres-es asks for, and long histories to load.

use std::str::FromStr;

use anyhow::Result;
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{Aggregate, CqrsFramework};
use postgres_es::{PostgresCqrs, PostgresEventRepository};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor, PgPool};

use crate::tally::{Tally, TallyEvent, note};

pub const LONG: i64 = 1_000;
pub const SNAPSHOT_EVERY: usize = 100;
/// Histories for each task, taken in turn, so that a run hardly lengthens them.
pub const HISTORIES: usize = 8;

/// One connection for each task; the library's own default is 10.
const CONNECTIONS: u32 = 16;

const TABLES: &str = "
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;
CREATE TABLE peer.events (
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    sequence bigint CHECK (sequence >= 0) NOT NULL,
    event_type text NOT NULL,
    event_version text NOT NULL,
    payload json NOT NULL,
    metadata json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);
CREATE TABLE peer.snapshots (
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    last_sequence bigint CHECK (last_sequence >= 0) NOT NULL,
    current_snapshot bigint CHECK (current_snapshot >= 0) NOT NULL,
    payload json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, last_sequence)
);";

pub async fn prepare(url: &str) -> Result<PgPool> {
    let options = PgConnectOptions::from_str(url)?.options([("search_path", "peer")]);
    let pool = PgPoolOptions::new()
        .min_connections(CONNECTIONS)
        .max_connections(CONNECTIONS)
        .connect_with(options)
        .await?;
    pool.execute(TABLES).await?;
    Ok(pool)
}

pub fn with_events(pool: &PgPool) -> PostgresCqrs<Tally> {
    let repository = PostgresEventRepository::new(pool.clone());
    CqrsFramework::new(PersistedEventStore::new_event_store(repository), vec![], ())
}

pub fn with_snapshots(pool: &PgPool) -> PostgresCqrs<Tally> {
    let repository = PostgresEventRepository::new(pool.clone());
    let store = PersistedEventStore::new_snapshot_store(repository, SNAPSHOT_EVERY);
    CqrsFramework::new(store, vec![], ())
}

/// Writes whole histories at once, as the library would have written them event by event.
pub async fn lay_histories(pool: &PgPool, prefix: &str, histories: usize) -> Result<()> {
    let event = serde_json::to_value(TallyEvent::Counted { note: note(1) })?;
    let metadata = serde_json::to_value(metadata())?;
    sqlx::query(
        "INSERT INTO events
         SELECT $1, $2 || history, n, 'counted', '1', $3::json, $4::json
         FROM generate_series(0, $5 - 1) history, generate_series(1, $6) n",
    )
    .bind(Tally::TYPE)
    .bind(prefix)
    .bind(event.to_string())
    .bind(metadata.to_string())
    .bind(i64::try_from(histories)?)
    .bind(LONG)
    .execute(pool)
    .await?;

    let state = Tally { count: LONG.unsigned_abs(), last_note: note(1) };
    sqlx::query(
        "INSERT INTO snapshots
         SELECT $1, $2 || history, $3, $4, $5::json FROM generate_series(0, $6 - 1) history",
    )
    .bind(Tally::TYPE)
    .bind(prefix)
    .bind(LONG)
    .bind(LONG / i64::try_from(SNAPSHOT_EVERY)?)
    .bind(serde_json::to_string(&state)?)
    .bind(i64::try_from(histories)?)
    .execute(pool)
    .await?;

    pool.execute("VACUUM ANALYZE events").await?;
    pool.execute("VACUUM ANALYZE snapshots").await?;
    pool.execute("CHECKPOINT").await?;
    Ok(())
}

/// What every command of ours carries as well.
pub fn metadata() -> std::collections::HashMap<String, String> {
    [
        ("actor", "user:0192f0c1-2345-7abc-8def-0123456789ab"),
        ("correlation", "0192f0c1-2345-7abc-8def-0123456789ac"),
        ("causation", "0192f0c1-2345-7abc-8def-0123456789ad"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}
