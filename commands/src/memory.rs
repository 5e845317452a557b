//! What is remembered of one aggregate: its state, where its stream ends, its newest commands.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::kernel::{Expected, Journal, Listed, LogError, StreamId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ports::{Snapshot, Snapshots};

/// How many commands are remembered, to know a repeat that comes late.
const COMMANDS: usize = 64;

/// A snapshot is kept after so many events.
const SNAPSHOT_EVERY: u64 = 200;

/// How many commits are read at once.
const PAGE: usize = 1_000;

/// How many commits are read before a snapshot is looked for.
const SHORT: usize = 64;

/// See the module.
pub(crate) struct Memory<A> {
    pub(crate) aggregate: A,
    pub(crate) version: u64,
    pub(crate) position: u64,
    /// The newest commands, oldest first.
    commands: VecDeque<Remembered>,
    snapshot_version: u64,
}

/// A command, and where it was stored.
type Remembered = (Uuid, Place);

/// A commit's position; 0 while it is on its way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place(Arc<AtomicU64>);

impl Place {
    fn at(position: u64) -> Self {
        Self(Arc::new(AtomicU64::new(position)))
    }

    /// It has landed.
    pub(crate) fn landed(&self, position: u64) {
        self.0.store(position, Ordering::Relaxed);
    }

    /// None while the commit is on its way.
    fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|position| *position > 0)
    }
}

/// A snapshot whose commit is on its way.
pub(crate) struct Draft<A> {
    version: u64,
    aggregate: A,
    commands: VecDeque<Remembered>,
}

/// A memory as a snapshot keeps it.
#[derive(Serialize, Deserialize)]
struct Kept<A> {
    aggregate: A,
    commands: Vec<(Uuid, u64)>,
}

impl<A: Listed> Memory<A> {
    /// The newest snapshot and what came after it.
    ///
    /// A short history is read first and whole: to look for a snapshot would take longer.
    pub(crate) async fn load(
        journal: &Journal,
        snapshots: &dyn Snapshots,
        stream: &StreamId,
    ) -> Result<Self, LogError> {
        let mut memory = Self::empty();
        if memory.read_on(journal, stream, SHORT).await? {
            return Ok(memory);
        }
        if let Some(kept) = Self::from_snapshot(snapshots, stream).await
            && kept.version > memory.version
        {
            memory = kept;
        }
        while !memory.read_on(journal, stream, PAGE).await? {}
        Ok(memory)
    }

    /// Takes in at most so many commits more; answers whether the stream ended with them.
    async fn read_on(
        &mut self,
        journal: &Journal,
        stream: &StreamId,
        limit: usize,
    ) -> Result<bool, LogError> {
        let before = self.version;
        let mut commits = 0;
        for recorded in journal.read_stream(stream, self.seen(), limit).await? {
            commits += usize::from(recorded.index == 0);
            if recorded.version <= before {
                continue;
            }
            (self.version, self.position) = (recorded.version, recorded.position);
            self.remember(recorded.command, Place::at(recorded.position));
            if let Some(event) = A::from_event(recorded.event) {
                self.aggregate.apply(event);
            }
        }
        Ok(commits < limit || self.version == before)
    }

    fn empty() -> Self {
        Self {
            aggregate: A::default(),
            version: 0,
            position: 0,
            commands: VecDeque::new(),
            snapshot_version: 0,
        }
    }

    /// None when there is none, or none of today's form: then the history says it all.
    async fn from_snapshot(snapshots: &dyn Snapshots, stream: &StreamId) -> Option<Self> {
        let found = snapshots.get(stream).await;
        let lost = |error| tracing::warn!(%stream, %error, "the snapshot could not be read");
        let snapshot = found.map_err(lost).ok()??;
        if snapshot.schema != schema::<A>() {
            return None;
        }
        let Kept { aggregate, commands } = serde_json::from_slice(&snapshot.body).ok()?;
        let Snapshot { version, position, .. } = snapshot;
        let commands = commands.into_iter().map(|(id, at)| (id, Place::at(at))).collect();
        Some(Self { aggregate, version, position, commands, snapshot_version: version })
    }

    fn seen(&self) -> Expected {
        let Self { version, position, .. } = *self;
        if version == 0 { Expected::New } else { Expected::Exact { version, position } }
    }

    /// Where the stream ends for the next commit; the position is unknown while the one before
    /// is on its way.
    pub(crate) fn expected(&self, on_its_way: bool) -> Expected {
        match self.seen() {
            Expected::Exact { version, .. } if on_its_way => {
                Expected::Exact { version, position: 0 }
            }
            seen => seen,
        }
    }

    /// Where this command was stored, if it was lately.
    pub(crate) fn position_of(&self, command: Uuid) -> Option<u64> {
        let found = self.commands.iter().find(|(known, _)| *known == command);
        found.map(|(_, place)| place.get().unwrap_or(self.position))
    }

    /// A commit with so many events was sent on its way; the aggregate has applied them.
    pub(crate) fn advance(&mut self, command: Uuid, events: u64, place: Place) {
        self.version += events;
        self.remember(command, place);
    }

    fn remember(&mut self, command: Uuid, place: Place) {
        if self.commands.back().is_some_and(|(newest, _)| *newest == command) {
            return;
        }
        if self.commands.len() == COMMANDS {
            self.commands.pop_front();
        }
        self.commands.push_back((command, place));
    }

    /// A snapshot of this moment, when enough happened since the last one.
    pub(crate) fn due_snapshot(&mut self) -> Option<Draft<A>> {
        if self.version < self.snapshot_version + SNAPSHOT_EVERY {
            return None;
        }
        self.snapshot_version = self.version;
        let (aggregate, commands) = (self.aggregate.clone(), self.commands.clone());
        Some(Draft { version: self.version, aggregate, commands })
    }
}

impl<A: Listed> Draft<A> {
    /// The snapshot, once its commit has this position. What it stands on landed before.
    pub(crate) fn at(self, position: u64) -> Snapshot {
        let Self { version, aggregate, commands } = self;
        let commands = commands.into_iter().map(|(id, at)| (id, at.get().unwrap_or(position)));
        let kept = serde_json::to_vec(&Kept { aggregate, commands: commands.collect() });
        Snapshot { version, position, schema: schema::<A>(), body: kept.unwrap_or_default() }
    }
}

/// Names the form of a state by the program's version: a new program reads the history once.
fn schema<A: Listed>() -> String {
    format!("{}@{}", A::TYPE, env!("CARGO_PKG_VERSION"))
}
