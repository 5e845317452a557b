//! Opens the databases behind views, operational store and vault: SQLite files or PostgreSQL.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sea_orm::sqlx::{self, ConnectOptions as _, Connection};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector};

/// How long one try to connect may take.
const ONE_TRY: Duration = Duration::from_secs(5);
/// How long a query waits for a connection of the pool, or for a lock of SQLite.
const WAIT: Duration = Duration::from_secs(10);
/// A connection that lay unused for so long is asked whether it still lives.
const STALE: Duration = Duration::from_secs(30);

/// Where a database is: a path, `sqlite://<path>` or `postgres://<user>:<password>@<host>/<name>`.
#[derive(Clone)]
pub enum Address {
    Postgres(Box<PgConnectOptions>),
    Sqlite(PathBuf),
}

/// How a database treats what is written to it. PostgreSQL is configured on its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// A commit is on the disk before it is answered.
    Durable,
    /// The last commits may be lost when the power fails: they can be made again.
    Rebuildable,
    /// As durable, and what is deleted is overwritten.
    Secret,
}

/// What to open, and how.
#[derive(Debug, Clone)]
pub struct Opening {
    pub address: Address,
    pub care: Care,
    /// At most so many at once.
    pub connections: u32,
    /// The schema to work in, where PostgreSQL has more than one.
    pub schema: Option<String>,
    /// How long to go on trying while the database cannot be reached.
    pub patience: Duration,
}

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error(
        "this is no address of a database: write a path, sqlite://<path> or \
         postgres://<user>:<password>@<host>/<name>, with %-codes for special characters"
    )]
    Address,
    #[error("the folder or file of the database {path} cannot be made: {source}", path = path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("the database {address} cannot be opened: {source}")]
    Open { address: Address, source: sqlx::Error },
}

impl Opening {
    /// The usual way. A SQLite file that is only written has one connection: it takes one writer
    /// at a time anyway, and waiting in the pool is fairer than waiting for the file's lock.
    pub fn new(address: Address, care: Care) -> Self {
        let connections = match (&address, care) {
            (Address::Sqlite(_), Care::Durable | Care::Secret) => 1,
            (Address::Sqlite(_), Care::Rebuildable) | (Address::Postgres(_), _) => 8,
        };
        Self { address, care, connections, schema: None, patience: Duration::from_secs(30) }
    }

    /// Opens it, patiently while it cannot be reached; wrong passwords and the like fail at once.
    pub async fn open(self) -> Result<DatabaseConnection, DatabaseError> {
        match &self.address {
            Address::Postgres(options) => {
                let mut options = options.as_ref().clone().application_name("palimpsest");
                if let Some(schema) = &self.schema {
                    options = options.options([("search_path", schema)]);
                }
                let options = options.disable_statement_logging();
                self.reach::<PgConnection>(&options).await?;
                Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(self.postgres(options)))
            }
            Address::Sqlite(path) => {
                make_private(path)?;
                let options = self.sqlite(path);
                self.reach::<SqliteConnection>(&options).await?;
                let pool = SqlitePoolOptions::new()
                    .max_connections(self.connections)
                    .acquire_timeout(WAIT)
                    .idle_timeout(None)
                    .max_lifetime(None)
                    .test_before_acquire(false)
                    .connect_lazy_with(options);
                Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
            }
        }
    }

    fn postgres(&self, options: PgConnectOptions) -> sqlx::PgPool {
        PgPoolOptions::new()
            .max_connections(self.connections)
            .acquire_timeout(WAIT)
            .test_before_acquire(false)
            .before_acquire(|connection, seen| {
                Box::pin(
                    async move { Ok(seen.idle_for < STALE || connection.ping().await.is_ok()) },
                )
            })
            .connect_lazy_with(options)
    }

    fn sqlite(&self, path: &Path) -> SqliteConnectOptions {
        let synchronous = match self.care {
            Care::Durable | Care::Secret => SqliteSynchronous::Full,
            Care::Rebuildable => SqliteSynchronous::Normal,
        };
        let secure_delete = if self.care == Care::Secret { "ON" } else { "OFF" };
        SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(WAIT)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("secure_delete", secure_delete)
            .synchronous(synchronous)
            .disable_statement_logging()
    }

    /// Makes one connection, to see that it can be done.
    async fn reach<C: Connection>(&self, options: &C::Options) -> Result<(), DatabaseError> {
        let deadline = tokio::time::Instant::now() + self.patience;
        let mut pause = Duration::from_millis(50);
        loop {
            let tried = tokio::time::timeout(ONE_TRY, C::connect_with(options)).await;
            let source = match tried.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
                Ok(connection) => {
                    // It answered; how it says goodbye does not matter.
                    let _ = connection.close().await;
                    return Ok(());
                }
                Err(error) => error,
            };
            if !is_temporary(&source) || tokio::time::Instant::now() + pause > deadline {
                return Err(DatabaseError::Open { address: self.address.clone(), source });
            }
            tracing::warn!(
                database.address = %self.address,
                error = %source,
                "the database cannot be reached yet; trying again"
            );
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }
}

/// Whether waiting may help.
fn is_temporary(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            // PostgreSQL: connection lost, too many connections, shutting down, starting up.
            // SQLite: busy, locked.
            code.starts_with("08")
                || ["53300", "57P01", "57P02", "57P03", "5", "6", "261", "517"].contains(&&*code)
        }
        _ => false,
    }
}

/// Makes the file before SQLite does, so that nobody else may read it or its journal.
pub fn make_private(path: &Path) -> Result<(), DatabaseError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| {
            OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(|_| ())
        })
        .map_err(|source| DatabaseError::File { path: path.to_owned(), source })
}

impl FromStr for Address {
    type Err = DatabaseError;

    fn from_str(text: &str) -> Result<Self, DatabaseError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(text).map_err(|_| DatabaseError::Address)?;
            return Ok(Self::Postgres(Box::new(options)));
        }
        let path = ["sqlite://", "sqlite:"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let path = path.unwrap_or(text);
        if path.is_empty() || path.contains("://") {
            return Err(DatabaseError::Address);
        }
        Ok(Self::Sqlite(path.into()))
    }
}

impl Address {
    /// Whether both name the same database.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Postgres(_), Self::Postgres(_)) => self.to_string() == other.to_string(),
            (Self::Sqlite(one), Self::Sqlite(other)) => real(one) == real(other),
            (Self::Postgres(_), Self::Sqlite(_)) | (Self::Sqlite(_), Self::Postgres(_)) => false,
        }
    }
}

/// A path without links and detours; the file itself need not be there.
fn real(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let inside = folder.canonicalize().ok().zip(path.file_name());
    let inside = inside.map_or_else(|| path.to_owned(), |(folder, name)| folder.join(name));
    path.canonicalize().unwrap_or(inside)
}

/// Without user and password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(at) => {
                let name = at.get_database().unwrap_or_else(|| at.get_username());
                write!(f, "postgres://{}:{}/{name}", at.get_host(), at.get_port())
            }
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use sea_orm::{ConnectionTrait as _, Statement};

    use super::*;

    #[test]
    fn addresses_are_paths_or_urls() {
        for (text, shown) in [
            ("data/views.db", "sqlite://data/views.db"),
            ("/var/lib/p/views.db", "sqlite:///var/lib/p/views.db"),
            ("sqlite://data/a b%20c?.db", "sqlite://data/a b%20c?.db"),
            ("sqlite:views.db", "sqlite://views.db"),
            ("postgres://ana:s3cret@db.example:6000/views", "postgres://db.example:6000/views"),
            ("postgresql://ana:p%40ss@db.example/views", "postgres://db.example:5432/views"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), shown);
        }
        for text in ["", "sqlite://", "mysql://root:s3cret@x/y", "postgres://ana:s3/cret@x:y/z"] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3"), "{text}: {error:?}");
        }
    }

    #[tokio::test]
    async fn a_file_is_made_private_with_the_care_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        for (care, synchronous, secure_delete) in
            [(Care::Durable, 2, 0), (Care::Rebuildable, 1, 0), (Care::Secret, 2, 1)]
        {
            let path = folder.path().join(format!("in/a folder/{care:?}?.db"));
            let db = Opening::new(Address::Sqlite(path.clone()), care).open().await.unwrap();
            assert_eq!(pragma::<i32>(&db, "synchronous").await, synchronous);
            assert_eq!(pragma::<i32>(&db, "secure_delete").await, secure_delete);
            assert_eq!(pragma::<String>(&db, "journal_mode").await, "wal");
            db.execute_unprepared("CREATE TABLE t (n INT)").await.unwrap();
            for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
                assert_eq!(entry.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
            }
        }
    }

    #[tokio::test]
    async fn what_waiting_does_not_mend_fails_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("not a database");
        fs::write(&path, "in plain words, ".repeat(500)).unwrap();
        let opening = Opening::new(Address::Sqlite(path), Care::Durable);
        let opened = tokio::time::timeout(Duration::from_secs(5), opening.open()).await;
        let error = opened.expect("an answer at once").unwrap_err().to_string();
        assert!(error.contains("not a database"), "{error}");
    }

    async fn pragma<T: sea_orm::TryGetable>(db: &DatabaseConnection, name: &str) -> T {
        let asked = Statement::from_string(db.get_database_backend(), format!("PRAGMA {name}"));
        db.query_one_raw(asked).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }
}
