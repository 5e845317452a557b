//! When an edit is proposed, take it as far as it goes by itself.
//!
//! The use case does so at once; this is for the case that it was interrupted.

use async_trait::async_trait;
use domain::kernel::{Actor, Cause, Event, Recorded};
use domain::self_editing::EditEvent;

use super::{AUTO_APPROVE, SelfEditing};
use crate::{Reactor, Setback};

/// See the module.
pub struct CheckEdits(pub SelfEditing);

#[async_trait]
impl Reactor for CheckEdits {
    fn name(&self) -> &'static str {
        "check_edits"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        match &recorded.event {
            Event::Edit(_, EditEvent::Proposed { .. } | EditEvent::ChecksPassed { .. }) => true,
            Event::Edit(_, EditEvent::Approved { by, .. }) => *by == Actor::system(AUTO_APPROVE),
            _ => false,
        }
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        if let Event::Edit(id, _) = &recorded.event {
            self.0.advance(&Cause::answering(recorded, self.name()), *id).await?;
        }
        Ok(())
    }
}
