//! When the workspace was revised, the edits it was revised for follow.
//!
//! The use case does so at once; this is for the case that it was interrupted.

use async_trait::async_trait;
use domain::kernel::{Cause, Event, Recorded};
use domain::self_editing::{RevisionKind, WorkspaceEvent};

use super::SelfEditing;
use crate::{Reactor, Setback};

/// See the module.
pub struct FinishEdits(pub SelfEditing);

#[async_trait]
impl Reactor for FinishEdits {
    fn name(&self) -> &'static str {
        "finish_edits"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        matches!(&recorded.event, Event::Workspace(..))
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        let Event::Workspace(_, WorkspaceEvent::Revised { revision, kind, edit, .. }) =
            &recorded.event
        else {
            return Ok(());
        };
        let cause = Cause::answering(recorded, self.name());
        self.0.mark_applied(&cause, *edit, *revision, recorded.position).await?;
        if let RevisionKind::RolledBack { of: Some(of) } = kind {
            self.0.mark_rolled_back(&cause, *of, *edit).await?;
        }
        Ok(())
    }
}
