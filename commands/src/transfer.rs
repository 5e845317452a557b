//! Moves a log: out as `CloudEvents`, one line a commit, and in again to the same bytes, positions
//! and chain.

use std::collections::HashMap;

use domain::kernel::{
    Append, ChainHash, CommitBody, CommitEvent, CommitId, EventLog, Expected, LogError,
    StoredCommit, StreamId,
};

/// How many commits are read at once.
const PAGE: usize = 1_000;

/// How many commits are on their way at once, where the log keeps them in order.
const ON_THEIR_WAY: usize = 512;

/// Why a log could not be moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error("line {line}: {reason}")]
    Line { line: u64, reason: String },
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the output cannot be written: {0}")]
    Output(#[source] std::io::Error),
}

/// Writes the commits after a position; the chain is the value there. Answers the last position
/// and its chain.
pub async fn export(
    log: &dyn EventLog,
    mut after: u64,
    mut chain: ChainHash,
    mut write: impl FnMut(&str, u64) -> std::io::Result<()>,
) -> Result<(u64, ChainHash), TransferError> {
    loop {
        let page = log.read_all(after, PAGE).await?;
        if page.is_empty() {
            return Ok((after, chain));
        }
        for commit in &page {
            chain = chain.next(&commit.body);
            let corrupt = |reason: String| LogError::Corrupt(reason);
            let event = CommitEvent::of(commit, chain).map_err(|it| corrupt(it.to_string()))?;
            let line = serde_json::to_string(&event).map_err(|it| corrupt(it.to_string()))?;
            write(&line, commit.position).map_err(TransferError::Output)?;
            after = commit.position;
        }
    }
}

/// The receiving end of a transfer.
pub struct Importer<'a> {
    log: &'a dyn EventLog,
    chain: ChainHash,
    position: u64,
    line: u64,
    /// What the log holds already; lines up to there are compared, not stored.
    head: u64,
    present: Vec<StoredCommit>,
    streams: HashMap<StreamId, Expected>,
    landing: Vec<(
        u64,
        futures_util::future::BoxFuture<'static, Result<domain::kernel::Appended, LogError>>,
    )>,
}

impl<'a> Importer<'a> {
    /// Into this log: an empty one, or one that holds the beginning of the same export.
    pub async fn into(log: &'a dyn EventLog) -> Result<Self, TransferError> {
        Ok(Self {
            log,
            chain: ChainHash::default(),
            position: 0,
            line: 0,
            head: log.head().await?,
            present: Vec::new(),
            streams: HashMap::new(),
            landing: Vec::new(),
        })
    }

    /// Takes one line.
    pub async fn take(&mut self, line: &str) -> Result<(), TransferError> {
        self.line += 1;
        if line.trim().is_empty() {
            return Ok(());
        }
        let number = self.line;
        let bad = |reason: String| TransferError::Line { line: number, reason };
        let event = CommitEvent::read(line).map_err(bad)?;
        if event.position != self.position + 1 {
            let reason = format!("commit {} follows commit {}", event.position, self.position);
            return Err(bad(reason));
        }
        let body = event.data.get().as_bytes();
        let chain = self.chain.next(body);
        if chain != event.chain {
            return Err(bad(format!(
                "commit {} was changed: its chain value differs",
                event.position
            )));
        }
        let parsed: CommitBody<'_> =
            serde_json::from_slice(body).map_err(|error| bad(error.to_string()))?;
        let stream = StreamId::named(parsed.stream.as_ref());
        let stream = stream.ok_or_else(|| bad(format!("“{}” names no stream", parsed.stream)))?;
        let expected = self.streams.get(&stream).copied().unwrap_or(Expected::New);
        if parsed.version != expected.version() + 1 {
            return Err(bad(format!(
                "{stream} goes from version {} to {}",
                expected.version(),
                parsed.version
            )));
        }

        let count = u32::try_from(parsed.events.len()).unwrap_or(u32::MAX);
        let version = expected.version() + u64::from(count);
        if event.position <= self.head {
            self.compare(event.position, body).await?;
        } else {
            let mut types: Vec<&str> = parsed.events.iter().map(|it| &*it.r#type).collect();
            types.dedup();
            let appending = self.log.append(Append {
                stream: stream.clone(),
                expected,
                id: CommitId(parsed.id),
                command: parsed.command,
                count,
                types: types.join(","),
                body: body.to_vec().into(),
            });
            self.landing.push((event.position, appending));
            let most = if self.log.pipelines() { ON_THEIR_WAY } else { 1 };
            if self.landing.len() >= most {
                self.land().await?;
            }
        }
        self.streams.insert(stream, Expected::Exact { version, position: event.position });
        (self.position, self.chain) = (event.position, chain);
        Ok(())
    }

    /// Everything is durable. Answers the last position and the chain there.
    pub async fn finish(mut self) -> Result<(u64, ChainHash), TransferError> {
        self.land().await?;
        Ok((self.position, self.chain))
    }

    async fn land(&mut self) -> Result<(), TransferError> {
        for (position, appending) in std::mem::take(&mut self.landing) {
            let landed = appending.await?.position();
            if landed != position {
                let reason = format!(
                    "commit {position} landed at {landed}: somebody else writes to this log"
                );
                return Err(TransferError::Line { line: self.line, reason });
            }
        }
        Ok(())
    }

    async fn compare(&mut self, position: u64, body: &[u8]) -> Result<(), TransferError> {
        if self.present.last().is_none_or(|last| last.position < position) {
            self.present = self.log.read_all(position - 1, PAGE).await?;
        }
        let held = self.present.iter().find(|it| it.position == position);
        if held.is_none_or(|held| held.body != body) {
            let reason =
                format!("the log holds another commit {position}; import into an empty log");
            return Err(TransferError::Line { line: self.line, reason });
        }
        Ok(())
    }
}
