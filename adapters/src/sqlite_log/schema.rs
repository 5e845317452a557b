//! The tables of the log, and how its file is opened.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use domain::kernel::LogError;

/// Marks the file as a log of ours: `PaLg` in ASCII.
const APPLICATION: i32 = 0x5061_4c67;

/// The version of the tables.
const VERSION: i32 = 1;

/// A stream's end is not stored beside its name: it is the last of its commits, one look away,
/// and writing it twice would cost a page more per commit.
const TABLES: &str = "
CREATE TABLE streams (
    sid INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE commits (
    position INTEGER PRIMARY KEY,
    sid INTEGER NOT NULL,
    first_version INTEGER NOT NULL,
    count INTEGER NOT NULL CHECK (count > 0),
    command BLOB NOT NULL,
    types TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (sid, first_version),
    UNIQUE (sid, command)
) STRICT;
";

/// Opens the file for its writer, and lays the tables if it is empty.
pub(super) fn open_to_write(path: &Path) -> Result<Connection, LogError> {
    let named = |error: rusqlite::Error| {
        LogError::unavailable(format!("the log {} cannot be opened: {error}", path.display()))
    };
    let mut connection = Connection::open(path).map_err(named)?;
    prepare(&connection).map_err(named)?;
    lay_tables(&mut connection, path).map_err(named)??;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    // On macOS an fsync alone leaves data in the drive's cache. Others ignore these two.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    // 32 MB: index pages are written home once for many commits.
    connection.pragma_update(None, "wal_autocheckpoint", 8192)?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

fn lay_tables(connection: &mut Connection, path: &Path) -> rusqlite::Result<Result<(), LogError>> {
    let number = |of: &Connection, name| of.pragma_query_value(None, name, |row| row.get(0));
    let tables = "SELECT count(*) FROM sqlite_schema";
    let is_empty = connection.query_row(tables, [], |row| row.get::<_, i64>(0))? == 0;
    if is_empty {
        let transaction = connection.transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
    }
    let (application, version): (i32, i32) =
        (number(connection, "application_id")?, number(connection, "user_version")?);
    let shown = path.display();
    Ok(if application != APPLICATION {
        Err(LogError::Corrupt(format!("{shown} is a database, but not a log of Palimpsest")))
    } else if version != VERSION {
        let found = format!("{shown} has tables of version {version}");
        Err(LogError::Corrupt(format!("{found}; this program knows version {VERSION}")))
    } else {
        Ok(())
    })
}

/// Opens the file for one reader.
pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "cache_size", -4096)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(connection)
}
