//! When a user was removed, take away everything he left, should whoever removed him have been cut off.

use async_trait::async_trait;
use domain::identity::UserEvent;
use domain::kernel::{Cause, Event, Recorded};

use super::People;
use crate::{Reactor, Setback};

/// See the module.
pub struct EraseDeletedUsers(pub People);

#[async_trait]
impl Reactor for EraseDeletedUsers {
    fn name(&self) -> &'static str {
        "erase_deleted_users"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        matches!(&recorded.event, Event::User(_, UserEvent::Deleted { .. }))
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        let Event::User(id, UserEvent::Deleted { .. }) = &recorded.event else { return Ok(()) };
        // Under the name of the removal itself, what was done already is not done again.
        let cause = Cause { command: recorded.command, ..Cause::answering(recorded, self.name()) };
        self.0.finish_deletion(&cause, *id).await?;
        Ok(())
    }
}
