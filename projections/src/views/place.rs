//! Where generations of views lie: files beside each other, or schemas of one database.

use std::fmt;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use domain::kernel::Shown;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};

use super::database;

/// The home of all generations.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// One schema each, `views_<number>`.
    Postgres { url: String },
    /// One file each, `<stem>-<number>.db`.
    Sqlite { folder: PathBuf, stem: String },
}

/// One generation's own database.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    Postgres { url: String, schema: String },
    Sqlite(PathBuf),
}

/// A text that says no such thing; shown without its password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is neither sqlite, sqlite://<file> nor postgres://…")]
pub struct BadAddress(String);

impl BadAddress {
    fn of(text: &str) -> Self {
        Self(Shown(text).to_string())
    }
}

impl Place {
    /// What a setting says: `sqlite` means the data directory.
    pub fn parse(setting: &str, data: &Path) -> Result<Self, BadAddress> {
        if setting == "sqlite" {
            return Ok(Self::Sqlite { folder: data.to_owned(), stem: "views".to_owned() });
        }
        Ok(match Address::parse(setting)? {
            Address::Postgres { url, .. } => Self::Postgres { url },
            Address::Sqlite(file) => {
                let stem = file.file_stem().and_then(|stem| stem.to_str());
                let stem = stem.ok_or_else(|| BadAddress::of(setting))?.to_owned();
                let folder = file.parent().map(Path::to_owned).unwrap_or_default();
                Self::Sqlite { folder, stem }
            }
        })
    }

    /// Where the generation with this number lies.
    pub fn generation(&self, number: u64) -> Address {
        match self {
            Self::Postgres { url } => {
                Address::Postgres { url: url.clone(), schema: format!("views_{number}") }
            }
            Self::Sqlite { folder, stem } => {
                Address::Sqlite(folder.join(format!("{stem}-{number}.db")))
            }
        }
    }

    /// The numbers of the generations that are there, finished or not, in order.
    pub(super) async fn numbers(&self) -> Result<Vec<u64>, DbErr> {
        let mut numbers = match self {
            Self::Postgres { url } => {
                let db = database::postgres(url, "public", 1).await?;
                let find = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'views\\_%'";
                let find = Statement::from_string(db.get_database_backend(), find);
                let found = db.query_all_raw(find).await?;
                db.close().await?;
                let names = found.iter().map(|row| row.try_get::<String>("", "nspname"));
                let names = names.collect::<Result<Vec<_>, _>>()?;
                names.iter().filter_map(|it| it.strip_prefix("views_")?.parse().ok()).collect()
            }
            Self::Sqlite { folder, stem } => numbered_files(folder, stem).map_err(odd_folder)?,
        };
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// The numbers in the names of a folder's files.
fn numbered_files(folder: &Path, stem: &str) -> std::io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(numbers),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry?.file_name();
        let number: Option<u64> = name.to_str().and_then(|name| {
            name.strip_prefix(stem)?.strip_prefix('-')?.strip_suffix(".db")?.parse().ok()
        });
        numbers.extend(number);
    }
    Ok(numbers)
}

fn odd_folder(error: std::io::Error) -> DbErr {
    DbErr::Custom(format!("the folder of the views: {error}"))
}

impl Address {
    /// A database for one generation: a file, or a PostgreSQL database (`views_snapshot` in it).
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        if let Some(file) = text.strip_prefix("sqlite:") {
            let file = file.strip_prefix("//").unwrap_or(file);
            if !file.is_empty() {
                return Ok(Self::Sqlite(file.into()));
            }
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let (url, schema) = (text.to_owned(), "views_snapshot".to_owned());
            return Ok(Self::Postgres { url, schema });
        }
        Err(BadAddress::of(text))
    }

    /// Whether there is something.
    pub(super) async fn exists(&self) -> Result<bool, DbErr> {
        match self {
            Self::Postgres { url, schema } => {
                let db = database::postgres(url, "public", 1).await?;
                let backend = db.get_database_backend();
                let find = "SELECT 1 FROM pg_namespace WHERE nspname = $1";
                let find = Statement::from_sql_and_values(backend, find, [schema.into()]);
                let found = db.query_one_raw(find).await?;
                db.close().await?;
                Ok(found.is_some())
            }
            Self::Sqlite(file) => Ok(file.exists()),
        }
    }

    /// What else of an installation lies in this database, however its address was spelled.
    pub(super) async fn shared_with(&self) -> Result<Option<&'static str>, DbErr> {
        let Self::Postgres { url, .. } = self else { return Ok(None) };
        let db = database::postgres(url, "public", 1).await?;
        let finds = [
            ("live read models", "SELECT 1 FROM pg_namespace WHERE nspname ~ '^views_[0-9]+$'"),
            (
                "an operational store",
                "SELECT 1 FROM pg_tables WHERE tablename = 'operational_migrations'",
            ),
            ("a vault", "SELECT 1 FROM pg_tables WHERE tablename = 'vault_migrations'"),
        ];
        let mut shared = None;
        for (what, find) in finds {
            let find = Statement::from_string(db.get_database_backend(), find);
            if db.query_one_raw(find).await?.is_some() {
                shared = Some(what);
            }
        }
        db.close().await?;
        Ok(shared)
    }

    /// Makes room for a new database; what a crash left there is thrown away.
    pub(super) async fn clear(&self) -> Result<(), DbErr> {
        self.remove().await?;
        match self {
            Self::Postgres { url, schema } => {
                let db = database::postgres(url, "public", 1).await?;
                db.execute_unprepared(&format!("CREATE SCHEMA \"{schema}\"")).await?;
                db.close().await
            }
            Self::Sqlite(file) => {
                if let Some(folder) = file.parent() {
                    std::fs::create_dir_all(folder).map_err(odd_folder)?;
                }
                // What people said stands in it.
                let mut options = std::fs::OpenOptions::new();
                let made = options.write(true).create_new(true).mode(0o600).open(file);
                made.map(|_| ()).map_err(odd_folder)
            }
        }
    }

    /// Makes a file that nobody has open last through a power cut, under its name.
    pub(super) async fn sync(&self) -> Result<(), DbErr> {
        let Self::Sqlite(file) = self else { return Ok(()) };
        let file = std::path::absolute(file).map_err(odd_folder)?;
        let sync = move || {
            std::fs::File::open(&file)?.sync_all()?;
            file.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
        };
        let synced = tokio::task::spawn_blocking(sync).await;
        synced.map_err(|error| DbErr::Custom(error.to_string()))?.map_err(odd_folder)
    }

    /// Removes the database; nobody may use it any more.
    pub(super) async fn remove(&self) -> Result<(), DbErr> {
        match self {
            Self::Postgres { url, schema } => {
                let db = database::postgres(url, "public", 1).await?;
                drop_schema(&db, schema).await?;
                db.close().await
            }
            Self::Sqlite(file) => {
                for ending in ["", "-journal", "-shm", "-wal"] {
                    let mut name = file.clone().into_os_string();
                    name.push(ending);
                    match std::fs::remove_file(PathBuf::from(name)) {
                        Err(error) if error.kind() != ErrorKind::NotFound => {
                            return Err(odd_folder(error));
                        }
                        Ok(()) | Err(_) => {}
                    }
                }
                Ok(())
            }
        }
    }
}

async fn drop_schema(db: &DatabaseConnection, schema: &str) -> Result<(), DbErr> {
    db.execute_unprepared(&format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE")).await?;
    Ok(())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres { url, schema } => write!(f, "the schema {schema} of {}", Shown(url)),
            Self::Sqlite(file) => write!(f, "{}", file.display()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres { .. } => f.write_str("PostgreSQL"),
            Self::Sqlite { folder, stem } => write!(f, "{}/{stem}-*.db", folder.display()),
        }
    }
}
