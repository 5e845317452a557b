//! The one thread that writes: whatever waits goes into one transaction.

use std::collections::HashMap;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{oneshot, watch};

use domain::kernel::{Append, Appended, LogError, StreamId};

use super::schema::{BUSY, checkpoint_after};

/// The most commits of one transaction.
const GROUP: usize = 1024;

/// A group of so many commits says that many write at once.
const MANY: usize = 64;

/// How long the writer waits, at most, for those who were just answered to ask again.
const LONGEST_WAIT: Duration = Duration::from_micros(200);

/// How many ends of streams are kept in memory; then the table is emptied and fills again.
const KNOWN_STREAMS: usize = 100_000;

/// A commit that waits to be stored.
pub(super) struct Request {
    pub(super) append: Append,
    pub(super) answer: oneshot::Sender<Result<Appended, LogError>>,
}

/// See the module.
pub(super) struct Writer {
    connection: Connection,
    streams: HashMap<StreamId, Stream>,
    /// The newest commit, those of the open transaction included.
    head: u64,
    /// Whether `head` is to be read from the file before it may be used.
    lost: bool,
    /// Whether there was ever a group of many.
    busy: bool,
    publish: watch::Sender<u64>,
}

/// Those who were just answered often ask again at once: waiting for them, awake and only for a
/// part of what the disk took, costs less than a thread that falls asleep and a disk write that
/// carries few of them.
fn gather(
    requests: &mpsc::Receiver<Request>,
    served: usize,
    patience: Duration,
    group: &mut Vec<Request>,
) {
    let begun = Instant::now();
    while group.len() < served {
        match requests.try_recv() {
            Ok(request) => group.push(request),
            Err(_) if begun.elapsed() < patience.min(LONGEST_WAIT) => thread::yield_now(),
            Err(_) => break,
        }
    }
}

/// Where a stream ends.
#[derive(Debug, Clone, Copy)]
struct Stream {
    sid: i64,
    version: u64,
    position: u64,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        publish: watch::Sender<u64>,
    ) -> rusqlite::Result<Self> {
        let streams = HashMap::new();
        let mut writer = Self { connection, streams, head: 0, lost: true, busy: false, publish };
        writer.look_again()?;
        Ok(writer)
    }

    /// Works until nobody can ask for more.
    pub(super) fn run(&mut self, requests: &mpsc::Receiver<Request>) {
        let mut group = Vec::new();
        while let Ok(first) = requests.recv() {
            group.push(first);
            while !group.is_empty() {
                group.extend(requests.try_iter().take(GROUP - group.len()));
                let (begun, served) = (Instant::now(), group.len());
                self.serve(std::mem::take(&mut group));
                gather(requests, served, begun.elapsed() / 4, &mut group);
            }
        }
    }

    fn serve(&mut self, group: Vec<Request>) {
        if group.len() >= MANY && !self.busy {
            self.busy = true;
            if let Err(error) = checkpoint_after(&self.connection, BUSY) {
                tracing::warn!(%error, "the journal of the log stays small");
            }
        }
        match self.look_again().and_then(|()| self.store(&group)) {
            Ok(answers) => {
                self.tell();
                for (request, answer) in group.into_iter().zip(answers) {
                    // Nobody waits for an answer who was dropped meanwhile.
                    let _ = request.answer.send(answer);
                }
            }
            Err(error) => {
                tracing::error!(%error, commits = group.len(), "a group of commits was not stored");
                for request in group {
                    let failure = format!("the commit was not stored: {error}");
                    let _ = request.answer.send(Err(LogError::unavailable(failure)));
                }
                self.recover();
            }
        }
    }

    /// One transaction. Either each request has its answer, or nothing was stored.
    fn store(&mut self, group: &[Request]) -> rusqlite::Result<Vec<Result<Appended, LogError>>> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut answers = Vec::with_capacity(group.len());
        for request in group {
            answers.push(self.store_one(&request.append)?);
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(answers)
    }

    fn store_one(&mut self, append: &Append) -> rusqlite::Result<Result<Appended, LogError>> {
        let known = match self.streams.get(&append.stream) {
            Some(known) => Some(*known),
            None => self.find(&append.stream)?,
        };
        let (version, position) = known.map_or((0, 0), |it| (it.version, it.position));
        let expected = append.expected;
        let as_expected = expected.version() == version
            && (expected.position() == 0 || expected.position() == position);
        if !as_expected {
            let conflict = LogError::Conflict { stream: append.stream.clone() };
            let Some(stream) = known else { return Ok(Err(conflict)) };
            let earlier = self.earlier(stream, append)?;
            let repeated = earlier.map(|position| Appended::Repeated { position });
            return Ok(repeated.ok_or(conflict));
        }
        if append.count == 0 {
            return Ok(Err(LogError::unavailable("a commit holds at least one event")));
        }
        let sid = match known {
            Some(stream) => stream.sid,
            None => self.add(&append.stream)?,
        };
        let stream =
            Stream { sid, version: version + u64::from(append.count), position: self.head + 1 };
        if self.insert(stream, version + 1, append)? {
            self.head = stream.position;
            if self.streams.len() >= KNOWN_STREAMS {
                self.streams.clear();
            }
            self.streams.insert(append.stream.clone(), stream);
            return Ok(Ok(Appended::Stored { position: stream.position }));
        }
        match self.earlier(stream, append)? {
            Some(position) => Ok(Ok(Appended::Repeated { position })),
            None => Err(rusqlite::Error::QueryReturnedNoRows),
        }
    }

    /// Where a stream ends, by the file.
    fn find(&self, stream: &StreamId) -> rusqlite::Result<Option<Stream>> {
        let mut select = self.connection.prepare_cached(
            "SELECT streams.sid, first_version + count - 1, position
             FROM streams JOIN commits ON commits.sid = streams.sid
             WHERE name = ?1 ORDER BY first_version DESC LIMIT 1",
        )?;
        let found = select.query_row([stream.as_str()], |row| {
            let (version, position): (i64, i64) = (row.get(1)?, row.get(2)?);
            let (version, position) = (version.cast_unsigned(), position.cast_unsigned());
            Ok(Stream { sid: row.get(0)?, version, position })
        });
        found.optional()
    }

    fn add(&self, stream: &StreamId) -> rusqlite::Result<i64> {
        let mut insert =
            self.connection.prepare_cached("INSERT INTO streams (name) VALUES (?1)")?;
        insert.insert([stream.as_str()])
    }

    /// Whether it was stored; not if the stream holds this command already.
    fn insert(
        &self,
        stream: Stream,
        first_version: u64,
        append: &Append,
    ) -> rusqlite::Result<bool> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO commits (position, sid, first_version, count, command, types, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (command, sid) DO NOTHING",
        )?;
        let stored = insert.execute((
            stream.position.cast_signed(),
            stream.sid,
            first_version.cast_signed(),
            append.count,
            append.command.as_bytes(),
            &append.types,
            &append.body[..],
        ))?;
        Ok(stored == 1)
    }

    /// The position at which the stream holds this command.
    fn earlier(&self, stream: Stream, append: &Append) -> rusqlite::Result<Option<u64>> {
        let mut select = self
            .connection
            .prepare_cached("SELECT position FROM commits WHERE sid = ?1 AND command = ?2")?;
        let found = select.query_row((stream.sid, append.command.as_bytes()), |row| {
            row.get::<_, i64>(0).map(i64::cast_unsigned)
        });
        found.optional()
    }

    /// Forgets what the failed transaction had changed in memory.
    fn recover(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "the failed transaction of the log cannot be undone");
        }
        self.streams.clear();
        self.lost = true;
    }

    /// Finds the end of the log again after a failure.
    fn look_again(&mut self) -> rusqlite::Result<()> {
        if self.lost {
            let newest = "SELECT coalesce(max(position), 0) FROM commits";
            let head = self.connection.query_row(newest, [], |row| row.get::<_, i64>(0));
            self.head = head?.cast_unsigned();
            self.lost = false;
            self.tell();
        }
        Ok(())
    }

    /// Wakes the followers if there is something new.
    fn tell(&self) {
        self.publish.send_if_modified(|head| std::mem::replace(head, self.head) != self.head);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bytes::Bytes;
    use domain::kernel::{CommitId, Expected};
    use uuid::Uuid;

    use super::*;
    use crate::sqlite_log::schema::open_to_write;

    #[test]
    fn a_full_disk_fails_the_whole_group_and_nothing_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(&folder.path().join("log.db"));
        assert_eq!(serve(&mut writer, [append("a.1", 0, 10)]), ["stored 1"]);

        limit_pages(&writer, 20);
        let group = [append("a.1", 1, 10), append("a.2", 0, 200_000), append("a.3", 0, 10)];
        let full = "the log cannot be reached: the commit was not stored: database or disk is full";
        assert_eq!(serve(&mut writer, group.clone()), [full; 3]);
        assert_eq!(*writer.publish.borrow(), 1);

        limit_pages(&writer, 100_000);
        assert_eq!(serve(&mut writer, group), ["stored 2", "stored 3", "stored 4"]);
        assert_eq!(*writer.publish.borrow(), 4);
    }

    #[test]
    fn one_conflict_does_not_fail_the_others_of_its_group() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(&folder.path().join("log.db"));
        let conflict = "the stream a.1 does not end where the writer expected";
        let group = [append("a.1", 0, 1), append("a.1", 0, 1), append("a.1", 1, 1)];
        assert_eq!(serve(&mut writer, group), ["stored 1", conflict, "stored 2"]);
    }

    #[test]
    fn another_process_that_writes_the_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("log.db");
        let (mut one, mut other) = (writer(&file), writer(&file));
        assert_eq!(serve(&mut one, [append("a.1", 0, 1)]), ["stored 1"]);

        let first = serve(&mut other, [append("a.2", 0, 1)]);
        assert!(first[0].contains("UNIQUE constraint failed"), "{first:?}");
        assert_eq!(serve(&mut other, [append("a.2", 0, 1)]), ["stored 2"]);
    }

    fn writer(file: &Path) -> Writer {
        Writer::new(open_to_write(file).unwrap(), watch::channel(0).0).unwrap()
    }

    fn limit_pages(writer: &Writer, most: u32) {
        let limit = format!("PRAGMA max_page_count = {most}");
        writer.connection.query_row(&limit, [], |_| Ok(())).unwrap();
    }

    fn append(stream: &str, version: u64, size: usize) -> Append {
        Append {
            stream: StreamId::named(stream).unwrap(),
            expected: Expected::Exact { version, position: 0 },
            id: CommitId(Uuid::now_v7()),
            command: Uuid::now_v7(),
            count: 1,
            types: "a.b".into(),
            body: Bytes::from(vec![b'x'; size]),
        }
    }

    fn serve(writer: &mut Writer, appends: impl IntoIterator<Item = Append>) -> Vec<String> {
        let request = |append| {
            let (answer, answered) = oneshot::channel();
            (Request { append, answer }, answered)
        };
        let (group, answers): (Vec<_>, Vec<_>) = appends.into_iter().map(request).unzip();
        writer.serve(group);
        let told = answers.into_iter().map(|it| match it.blocking_recv().unwrap() {
            Ok(Appended::Repeated { position }) => format!("repeated {position}"),
            Ok(Appended::Stored { position }) => format!("stored {position}"),
            Err(error) => error.to_string(),
        });
        told.collect()
    }
}
