//! Connections to the views, each set up for what it is for.

use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use super::place::Address;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To fill a new generation; if the machine stops meanwhile, it is thrown away.
    Build,
    /// To answer questions.
    Read,
    /// To follow the log. After a power cut a few transactions may be missing, never half of
    /// one: they are projected again.
    Write,
}

/// How many questions are answered at once.
const READERS: u32 = 8;

pub(super) async fn open(address: &Address, purpose: Purpose) -> Result<DatabaseConnection, DbErr> {
    match address {
        Address::Postgres { url, schema } => {
            let most = if purpose == Purpose::Read { READERS } else { 1 };
            postgres(url, schema, most).await
        }
        Address::Sqlite(file) => {
            let path =
                file.to_str().ok_or_else(|| DbErr::Custom("a path that is no text".into()))?;
            let path = path.to_owned();
            let mut options = ConnectOptions::new("sqlite::memory:");
            quiet(&mut options);
            options.max_connections(if purpose == Purpose::Read { READERS } else { 1 });
            options.min_connections(1);
            options.map_sqlx_sqlite_opts(move |sqlite| file_options(sqlite, &path, purpose));
            Database::connect(options).await
        }
    }
}

fn file_options(
    sqlite: SqliteConnectOptions,
    path: &str,
    purpose: Purpose,
) -> SqliteConnectOptions {
    let sqlite = sqlite
        .filename(path)
        .in_memory(false)
        .shared_cache(false)
        .statement_cache_capacity(512)
        .busy_timeout(Duration::from_secs(20));
    match purpose {
        Purpose::Build => sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Memory)
            .synchronous(SqliteSynchronous::Off)
            .pragma("cache_size", "-65536")
            .pragma("threads", "2"),
        Purpose::Read => sqlite.pragma("query_only", "ON").pragma("cache_size", "-4096"),
        Purpose::Write => sqlite
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .pragma("cache_size", "-16384"),
    }
}

pub(super) async fn postgres(
    url: &str,
    schema: &str,
    most: u32,
) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    quiet(&mut options);
    options.max_connections(most).set_schema_search_path(schema);
    // What a crash of the database takes back is projected again.
    options.map_sqlx_postgres_opts(|postgres| {
        postgres.options([("synchronous_commit", "off")]).statement_cache_capacity(512)
    });
    Database::connect(options).await
}

fn quiet(options: &mut ConnectOptions) {
    options.sqlx_logging(false).record_stmt_in_spans(false).test_before_acquire(false);
    options.acquire_timeout(Duration::from_secs(30));
}
