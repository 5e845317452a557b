//! The tables of the log, and how its file is opened.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use domain::kernel::LogError;

/// Marks the file as a log of ours: `PaLg` in ASCII.
const APPLICATION: i32 = 0x5061_4c67;

/// The version of the tables.
const VERSION: i32 = 1;

/// How many pages the journal may hold before they are written home, while few write: a journal
/// that has its full size is overwritten, which costs the disk half of what growing does.
const CALM: u32 = 2_048;

/// The same while many write: what changes often is written home once for many commits.
pub(super) const BUSY: u32 = 16_384;

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
    UNIQUE (command, sid)
) STRICT;
";

/// Opens the file for its writer, and lays the tables if it is empty.
pub(super) fn open_to_write(path: &Path) -> Result<Connection, LogError> {
    let named = |error: rusqlite::Error| {
        LogError::unavailable(format!("the log {} cannot be opened: {error}", path.display()))
    };
    let mut connection = Connection::open(path).map_err(named)?;
    let is_empty = check(&connection, path).map_err(named)??;
    let mode = prepare(&connection).map_err(named)?;
    if mode != "wal" {
        let shown = path.display();
        let weak = format!("{shown} cannot hold a log: its journal is “{mode}” instead of “wal”");
        return Err(LogError::unavailable(weak));
    }
    if is_empty {
        lay_tables(&mut connection).map_err(named)?;
    }
    Ok(connection)
}

/// Answers the journal mode, which a file system without shared memory cannot change.
fn prepare(connection: &Connection) -> rusqlite::Result<String> {
    // A commit changes three pages, most of them a little: smaller ones are written sooner.
    connection.pragma_update(None, "page_size", 2048)?;
    let mode = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    connection.pragma_update(None, "synchronous", "full")?;
    // On macOS an fsync alone leaves data in the drive's cache. Others ignore these two.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    checkpoint_after(connection, CALM)?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(mode)
}

/// Sets how many pages the journal may hold.
pub(super) fn checkpoint_after(connection: &Connection, pages: u32) -> rusqlite::Result<()> {
    connection.pragma_update(None, "wal_autocheckpoint", pages)
}

/// Whether the file is empty; one that is not has to be a log that we know.
fn check(connection: &Connection, path: &Path) -> rusqlite::Result<Result<bool, LogError>> {
    let tables = "SELECT count(*) FROM sqlite_schema";
    if connection.query_row(tables, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(Ok(true));
    }
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let shown = path.display();
    Ok(if application != APPLICATION {
        Err(LogError::Corrupt(format!("{shown} is a database, but not a log of Palimpsest")))
    } else if version != VERSION {
        let found = format!("{shown} has tables of version {version}");
        Err(LogError::Corrupt(format!("{found}; this program knows version {VERSION}")))
    } else {
        Ok(false)
    })
}

fn lay_tables(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Opens the file for one reader.
pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "cache_size", -4096)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_last_or_is_not_ours_is_refused() {
        let error = open_to_write(Path::new(":memory:")).unwrap_err().to_string();
        assert!(error.contains("“memory” instead of “wal”"), "{error}");

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("other.db");
        Connection::open(&file).unwrap().execute_batch("CREATE TABLE mine (id)").unwrap();
        let error = open_to_write(&file).unwrap_err().to_string();
        assert!(error.ends_with("is a database, but not a log of Palimpsest"), "{error}");

        let file = folder.path().join("log.db");
        drop(open_to_write(&file).unwrap());
        drop(open_to_write(&file).unwrap());
        Connection::open(&file).unwrap().pragma_update(None, "user_version", 2).unwrap();
        let error = open_to_write(&file).unwrap_err().to_string();
        assert!(error.contains("version 2; this program knows version 1"), "{error}");

        std::fs::write(&file, "a text, and no database at all, however long it may be").unwrap();
        let error = open_to_write(&file).unwrap_err().to_string();
        assert!(error.contains("log.db cannot be opened"), "{error}");
    }
}
