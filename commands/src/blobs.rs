//! Large contents: kept once in the log, under their hash, and fetched when they are needed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use domain::kernel::{
    Blob, BlobCommand, BlobEvent, BlobId, Cause, Event, Expected, Journal, LogError, StreamId,
};
use domain::self_editing::{BlobRef, Change, Content, KeptChange, Workspace};

use crate::CommandError;
use crate::ports::Execute;
use crate::self_editing::Files;

/// How many contents are remembered.
const REMEMBERED: usize = 32;

/// How many commits are read at once.
const PAGE: usize = 16;

/// A content that was read lately.
type Remembered = (BlobId, Arc<str>);

/// See the module.
#[derive(Clone)]
pub struct Blobs {
    parts: Arc<dyn Execute<Blob>>,
    journal: Journal,
    /// The newest last.
    remembered: Arc<Mutex<VecDeque<Remembered>>>,
}

impl Blobs {
    pub fn new(parts: Arc<dyn Execute<Blob>>, journal: Journal) -> Self {
        Self { parts, journal, remembered: Arc::default() }
    }

    /// The changes as an event holds them; large texts are in the log when this answers.
    pub(crate) async fn keep(
        &self,
        cause: &Cause,
        changes: &[Change],
    ) -> Result<Vec<KeptChange>, CommandError> {
        let (kept, apart) = Change::keep(changes);
        for (BlobRef { blob, .. }, text) in apart {
            if self.parts.load(&blob).await?.aggregate.is_whole() {
                continue;
            }
            for part in Blob::parts_of(text.as_bytes()) {
                let cause = cause.then(&format!("{blob} {}", part.part));
                self.parts.execute(&blob, BlobCommand::Store(part), &cause).await?;
            }
        }
        Ok(kept)
    }

    /// The changes with their texts.
    pub(crate) async fn open(&self, kept: &[KeptChange]) -> Result<Vec<Change>, CommandError> {
        let mut changes = Vec::with_capacity(kept.len());
        for KeptChange { path, content } in kept {
            let content = match content {
                Some(content) => Some(self.text(content).await?),
                None => None,
            };
            changes.push(Change { path: path.clone(), content });
        }
        Ok(changes)
    }

    /// The files of a workspace with their texts.
    pub(crate) async fn files(&self, workspace: &Workspace) -> Result<Files, CommandError> {
        let mut files = Files::new();
        for (path, content) in workspace.files() {
            files.insert(path.clone(), self.text(content).await?);
        }
        Ok(files)
    }

    /// One text.
    pub(crate) async fn text(&self, content: &Content) -> Result<String, CommandError> {
        let id = match content {
            Content::Blob(BlobRef { blob, .. }) => *blob,
            Content::Text(text) => return Ok(text.clone()),
        };
        let remembered = || self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let known = remembered().iter().find(|(known, _)| *known == id).map(|it| it.1.clone());
        if let Some(text) = known {
            return Ok(text.as_ref().to_owned());
        }
        let text = self.read(id).await?;
        let mut remembered = remembered();
        if remembered.len() >= REMEMBERED {
            remembered.pop_front();
        }
        remembered.push_back((id, text.as_str().into()));
        Ok(text)
    }

    async fn read(&self, id: BlobId) -> Result<String, CommandError> {
        let stream = StreamId::of::<Blob>(&id);
        let (mut parts, mut after) = (Vec::new(), Expected::New);
        loop {
            let page = self.journal.read_stream(&stream, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Expected::Exact { version: last.version, position: last.position };
            parts.extend(page.into_iter().filter_map(|recorded| match recorded.event {
                Event::Blob(_, BlobEvent::Stored(part)) => Some(part.data),
                _ => None,
            }));
        }
        let content = Blob::content(id, parts.iter().map(String::as_str));
        let text = content.and_then(|content| String::from_utf8(content).ok());
        let lacking = || LogError::Corrupt(format!("the content {stream} is not whole"));
        Ok(text.ok_or_else(lacking)?)
    }
}
