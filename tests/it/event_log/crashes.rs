//! A writer or a server is killed in the middle: what was acknowledged is there, and nothing is half there.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use domain::kernel::StoredCommit;
use tests::commits::Body;
use tests::services::{NatsServer, Sync};
use uuid::Uuid;

use super::place::{Place, options};
use super::suite::{all, take};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_writer_loses_nothing_that_sqlite_acknowledged() {
    let place = Place::sqlite();
    survive_kills_of_the_writer(&place, 12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_writer_loses_nothing_that_jetstream_acknowledged() {
    let place = Place::jetstream();
    survive_kills_of_the_writer(&place, 6).await;
}

async fn survive_kills_of_the_writer(place: &Place, rounds: usize) {
    let mut acknowledged = BTreeMap::new();
    for round in 0..rounds {
        let mut writer = Writer::start(place);
        writer.read(1 + round * 67 % 150, &mut acknowledged);
        writer.kill(&mut acknowledged);
        let log = place.open().await;
        let stored = all(&log).await;
        assert_eq!(log.head().await.unwrap(), stored.len() as u64);
        nothing_is_missing_and_nothing_half_there(&stored, &acknowledged);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_and_writers_and_followers_go_on() {
    let mut server = NatsServer::start(Sync::Always);
    let options = options();
    let options = adapters::jetstream_log::Options { monitor: None, ..options };
    let place = Place::JetStream { url: server.url(), options };
    let log = place.open().await;
    let mut writer = Writer::start(&place);
    let mut acknowledged = BTreeMap::new();
    let mut pages = log.follow(0);
    let mut followed = Vec::new();
    for round in 0..6 {
        writer.read(1 + round * 67 % 150, &mut acknowledged);
        server.kill();
        server.start_again();
        // The follower goes on through each restart.
        let newest = *acknowledged.keys().last().expect("something was acknowledged");
        while (followed.len() as u64) < newest {
            let page = futures_util::StreamExt::next(&mut pages).await;
            followed.extend(page.expect("no end").unwrap().commits);
        }
    }
    writer.read(50, &mut acknowledged);
    writer.kill(&mut acknowledged);

    let stored = all(&log).await;
    nothing_is_missing_and_nothing_half_there(&stored, &acknowledged);
    let rest = take(pages, stored.len() - followed.len()).await;
    followed.extend(rest);
    assert_eq!(followed, stored);
}

fn nothing_is_missing_and_nothing_half_there(
    stored: &[StoredCommit],
    acknowledged: &BTreeMap<u64, Uuid>,
) {
    assert!(stored.iter().map(|it| it.position).eq(1..=stored.len() as u64), "a gap");
    let mut ends = HashMap::new();
    for commit in stored {
        let body = Body::of(commit);
        let end = ends.entry(body.stream).or_insert(0);
        *end += 1;
        assert_eq!(body.version, *end, "the versions of a stream have no gaps");
    }
    for (position, command) in acknowledged {
        let at = usize::try_from(*position).unwrap() - 1;
        let commit = stored.get(at).unwrap_or_else(|| panic!("commit {position} is missing"));
        assert_eq!(Body::of(commit).command, *command);
    }
}

/// A process that appends until it is killed.
struct Writer {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Writer {
    fn start(place: &Place) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_append-forever"));
        match place {
            Place::JetStream { url, options } => {
                command.args(["jetstream", url, &options.stream, &options.prefix]);
            }
            Place::Sqlite { folder } => {
                command.arg("sqlite").arg(folder.path().join("log.db"));
            }
        }
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the writer starts");
        let lines = BufReader::new(process.stdout.take().expect("its lines are piped"));
        Self { process, lines }
    }

    /// So many acknowledgments.
    fn read(&mut self, count: usize, acknowledged: &mut BTreeMap<u64, Uuid>) {
        for _ in 0..count {
            assert!(self.read_one(acknowledged), "the writer has ended by itself");
        }
    }

    /// SIGKILL; what it had said before counts.
    fn kill(&mut self, acknowledged: &mut BTreeMap<u64, Uuid>) {
        self.process.kill().expect("the writer can be killed");
        self.process.wait().expect("the writer has ended");
        while self.read_one(acknowledged) {}
    }

    fn read_one(&mut self, acknowledged: &mut BTreeMap<u64, Uuid>) -> bool {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line of text");
        // A line without its end was not said.
        let Some((position, command)) = line.strip_suffix('\n').and_then(|it| it.split_once(' '))
        else {
            return false;
        };
        let position = position.parse().expect("a position");
        acknowledged.insert(position, command.parse().expect("a command"));
        true
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
