//! When an edit is proposed, take it as far as it goes by itself.
//!
//! The use case does so at once; this is for the case that it was interrupted.

use async_trait::async_trait;
use domain::kernel::{Cause, Event, Recorded};
use domain::self_editing::EditEvent;

use super::SelfEditing;
use crate::{Reactor, Setback};

/// See the module.
pub struct CheckEdits(pub SelfEditing);

#[async_trait]
impl Reactor for CheckEdits {
    fn name(&self) -> &'static str {
        "check_edits"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        matches!(
            &recorded.event,
            Event::Edit(_, EditEvent::Proposed { .. } | EditEvent::ChecksPassed { .. })
        )
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        if let Event::Edit(id, _) = &recorded.event {
            self.0.advance(&Cause::answering(recorded, self.name()), *id).await?;
        }
        Ok(())
    }
}
