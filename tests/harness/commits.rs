//! Commits as a log gets them, made by hand: small JSON bodies that say what they are.

use bytes::Bytes;
use domain::kernel::{Append, CommitId, Expected, StoredCommit, StreamId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What stands in a body, so that a test can tell which commit it reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    pub stream: String,
    /// The number of its first event.
    pub version: u64,
    pub command: Uuid,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub filler: String,
}

impl Body {
    /// What a stored commit says about itself; half a body is no JSON.
    pub fn of(commit: &StoredCommit) -> Self {
        let position = commit.position;
        serde_json::from_slice(&commit.body)
            .unwrap_or_else(|error| panic!("commit {position} is broken: {error}"))
    }
}

pub fn stream(name: &str) -> StreamId {
    StreamId::named(name).expect("a type, a full stop, an id")
}

/// A commit with one event and a new command.
pub fn commit(stream: &StreamId, expected: Expected) -> Append {
    filled(stream, expected, Uuid::now_v7(), 1, String::new())
}

/// The same with a body of exactly so many bytes.
pub fn commit_of_size(stream: &StreamId, expected: Expected, size: usize) -> Append {
    let command = Uuid::now_v7();
    let bare = filled(stream, expected, command, 1, "f".into()).body.len() - 1;
    filled(stream, expected, command, 1, "f".repeat(size - bare))
}

/// A commit with so many events.
pub fn commit_of_events(stream: &StreamId, expected: Expected, count: u32) -> Append {
    filled(stream, expected, Uuid::now_v7(), count, String::new())
}

fn filled(
    stream: &StreamId,
    expected: Expected,
    command: Uuid,
    count: u32,
    filler: String,
) -> Append {
    let version = expected.version() + 1;
    let body = Body { stream: stream.to_string(), version, command, filler };
    Append {
        stream: stream.clone(),
        expected,
        id: CommitId(Uuid::now_v7()),
        command,
        count,
        types: "thing.happened".into(),
        body: Bytes::from(serde_json::to_vec(&body).expect("a body is JSON")),
    }
}

/// The cursor of a writer whose last commit had one event.
pub fn after(version: u64, position: u64) -> Expected {
    Expected::Exact { version, position }
}
