//! Reading: connections of its own, and pages whose bodies share one piece of memory.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rusqlite::{Connection, Rows};
use tokio::task::JoinHandle;

use domain::kernel::{LogError, StoredCommit, StreamId};

use super::schema;
use crate::labels;

/// How many connections wait for work; more are opened while many read, and closed after.
const KEPT: usize = 8;

/// A page stops growing here, so that large commits do not fill the memory.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Connections that only read.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
    }

    /// Reads on a thread that may block.
    pub(super) async fn run<T, F>(self: &Arc<Self>, read: F) -> Result<T, LogError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.spawn(read).await.map_err(LogError::unavailable)?
    }

    /// The same as [`run`](Self::run), begun at once.
    pub(super) fn spawn<T, F>(self: &Arc<Self>, read: F) -> JoinHandle<Result<T, LogError>>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let readers = Arc::clone(self);
        tokio::task::spawn_blocking(move || readers.read(read))
    }

    /// Reads on this very thread. For a little: that is over before another one would have begun.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LogError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| schema::open_to_read(&self.path), Ok);
        let connection = connection.map_err(LogError::unavailable)?;
        // A connection that failed is closed.
        let found = read(&connection).map_err(LogError::unavailable)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
        Ok(found)
    }
}

/// The newest position in the file.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<u64> {
    let head = "SELECT coalesce(max(position), 0) FROM commits";
    connection.query_row(head, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
}

/// The commits of a stream after its event with this number.
pub(super) fn of_stream(
    connection: &Connection,
    stream: &StreamId,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<StoredCommit>> {
    let mut select = connection.prepare_cached(
        "SELECT position, body FROM commits
         WHERE sid = (SELECT sid FROM streams WHERE name = ?1) AND first_version > ?2
         ORDER BY first_version LIMIT ?3",
    )?;
    page(select.query((stream.as_str(), signed(after), signed(limit)))?, usize::MAX)
}

/// The commits after a position.
pub(super) fn of_all(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<StoredCommit>> {
    let mut select = connection.prepare_cached(
        "SELECT position, body FROM commits WHERE position > ?1 ORDER BY position LIMIT ?2",
    )?;
    page(select.query((signed(after), signed(limit)))?, PAGE_BYTES)
}

/// The commits whose columns say something else than their bodies.
pub(super) fn mislabeled(
    connection: &Connection,
    commits: &[StoredCommit],
) -> rusqlite::Result<Vec<(u64, String)>> {
    let mut select = connection.prepare_cached(
        "SELECT coalesce(name, ''), first_version, count, lower(hex(command)), types
         FROM commits LEFT JOIN streams USING (sid) WHERE position = ?1",
    )?;
    let mut found = Vec::new();
    for commit in commits {
        let mut rows = select.query([signed(commit.position)])?;
        let Some(row) = rows.next()? else { continue };
        let (first, count): (i64, i64) = (row.get(1)?, row.get(2)?);
        let (stream, command, types) = (row.get(0)?, row.get(3)?, row.get(4)?);
        found.extend(labels::wrong(commit, |body| {
            vec![
                ("stream", stream, body.stream.to_string()),
                ("version", first.to_string(), body.version.to_string()),
                ("number of events", count.to_string(), body.events.len().to_string()),
                ("command", command, body.command.simple().to_string()),
                ("list of types", types, labels::types(body)),
            ]
        }));
    }
    Ok(found)
}

/// Copies the bodies behind each other and hands out slices: one allocation, not one per commit.
fn page(mut rows: Rows<'_>, most_bytes: usize) -> rusqlite::Result<Vec<StoredCommit>> {
    let mut bodies = Vec::new();
    let mut ends = Vec::new();
    while let Some(row) = rows.next()? {
        let position = row.get_ref(0)?.as_i64()?;
        bodies.extend_from_slice(row.get_ref(1)?.as_blob()?);
        ends.push((position, bodies.len()));
        if bodies.len() >= most_bytes {
            break;
        }
    }
    let bodies = Bytes::from(bodies);
    let mut start = 0;
    let cut = |(position, end): (i64, usize)| {
        let body = bodies.slice(start..end);
        start = end;
        StoredCommit { position: position.cast_unsigned(), body }
    };
    Ok(ends.into_iter().map(cut).collect())
}

/// `SQLite` counts in signed numbers; what is beyond them is as good as their end.
fn signed(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
