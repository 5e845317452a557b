//! What went live when, as the workspace itself says.

use chrono::{DateTime, Utc};
use domain::kernel::{Cause, EditId, Event, Expected, Recorded, Singleton, StreamId};
use domain::self_editing::{RevisionKind, Status, Workspace, WorkspaceEvent};

use super::SelfEditing;
use crate::CommandError;

/// An edit that went live: rollbacks and the starting workspace are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    pub edit: EditId,
    pub revision: u64,
    pub at: DateTime<Utc>,
    /// The files that it changed.
    pub paths: Vec<String>,
}

impl Live {
    /// The edit that an event of the workspace made live.
    pub(crate) fn of(recorded: &Recorded) -> Option<Self> {
        let Event::Workspace(_, event) = &recorded.event else { return None };
        let WorkspaceEvent::Revised { revision, kind, edit, changes, .. } = event;
        (*kind == RevisionKind::Applied).then(|| Self {
            edit: *edit,
            revision: *revision,
            at: recorded.recorded_at,
            paths: changes.iter().map(|it| it.path.clone()).collect(),
        })
    }
}

impl SelfEditing {
    /// An edit that is in the workspace is applied, also where a process died before it said so.
    /// Answers the newest commit; nothing of an edit that is not live.
    pub(crate) async fn settle(
        &self,
        cause: &Cause,
        id: EditId,
    ) -> Result<Option<u64>, CommandError> {
        let Some((revision, position)) = self.past.revision_of(&self.journal, id).await? else {
            return Ok(None);
        };
        let cause = cause.then(&format!("settle {id}"));
        self.mark_applied(&cause, id, revision, position).await.map(Some)
    }

    /// Whether the edit that made a revision was taken back.
    pub(crate) async fn was_taken_back(&self, revision: u64) -> Result<bool, CommandError> {
        let Some(edit) = self.past.edit_of(&self.journal, revision).await? else {
            return Ok(false);
        };
        Ok(self.edits.load(&edit).await?.aggregate.status() == Some(Status::RolledBack))
    }

    /// The edits that went live since a moment, oldest first.
    pub(crate) async fn live_since(&self, since: DateTime<Utc>) -> Result<Vec<Live>, CommandError> {
        let stream = StreamId::of::<Workspace>(&Singleton);
        let (mut live, mut after) = (Vec::new(), Expected::New);
        loop {
            let page = self.journal.read_stream(&stream, after, 1_000).await?;
            let Some(last) = page.last() else { return Ok(live) };
            after = Expected::Exact { version: last.version, position: last.position };
            live.extend(page.iter().filter(|it| it.recorded_at > since).filter_map(Live::of));
        }
    }
}
