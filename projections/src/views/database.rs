//! Connections to the views, each set up for what it is for.

use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, DbErr, Statement,
};

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

/// How long a statement waits for another's lock.
const BUSY: Duration = Duration::from_secs(20);

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
        .busy_timeout(BUSY);
    match purpose {
        Purpose::Build => sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Memory)
            .synchronous(SqliteSynchronous::Off)
            // What is overwritten in a page leaves nothing there; that costs next to nothing.
            .pragma("secure_delete", "FAST")
            .pragma("cache_size", "-65536")
            .pragma("threads", "2"),
        Purpose::Read => sqlite.pragma("query_only", "ON").pragma("cache_size", "-4096"),
        Purpose::Write => sqlite
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            // Nor does what is deleted, so that erased people are not read from the file itself.
            .pragma("secure_delete", "ON")
            .pragma("cache_size", "-16384"),
    }
}

/// After people were erased: takes what was said of them out of SQLite's journal too, and says whether that
/// is done; whoever reads just then keeps it from that. PostgreSQL keeps old rows until it vacuums.
pub(super) async fn wipe(db: &DatabaseConnection) -> Result<bool, DbErr> {
    if db.get_database_backend() != DbBackend::Sqlite {
        return Ok(true);
    }
    // Nobody waits for readers meanwhile: it is tried again.
    db.execute_unprepared("PRAGMA busy_timeout = 0").await?;
    let wiped = Statement::from_string(DbBackend::Sqlite, "PRAGMA wal_checkpoint(TRUNCATE)");
    let wiped = db.query_one_raw(wiped).await;
    let patience = format!("PRAGMA busy_timeout = {}", BUSY.as_millis());
    db.execute_unprepared(&patience).await?;
    Ok(wiped?.map_or(Ok(0), |row| row.try_get_by_index::<i32>(0))? == 0)
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
