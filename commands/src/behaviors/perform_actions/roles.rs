//! Roles that behaviors give and take: Discord answers the same whether or not that changed anything,
//! so it is asked before.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use domain::kernel::{Outcome, Recorded};
use uuid::Uuid;

use super::PerformActions;
use super::letters::{Done, LATELY};
use crate::ports::{Act, TryLater};

/// How things stood before an action was tried for the first time, by the event that wants it and
/// its place there; none where that is not known.
#[derive(Default)]
pub(super) struct Looks(Mutex<BTreeMap<(Uuid, u32), Option<bool>>>);

impl Looks {
    /// None when nobody looked; none within when it was not to be seen.
    #[expect(clippy::option_option, reason = "three answers, said above")]
    fn find(&self, recorded: &Recorded, place: u32) -> Option<Option<bool>> {
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(&(recorded.id, place)).copied()
    }

    fn keep(&self, recorded: &Recorded, place: u32, had: Option<bool>) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.insert((recorded.id, place), had);
    }

    /// Its outcome is known.
    pub(super) fn forget(&self, recorded: &Recorded, place: u32) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.remove(&(recorded.id, place));
    }
}

impl PerformActions {
    /// Does something that is not a message, and tells whether it was so before.
    pub(super) async fn act(
        &self,
        recorded: &Recorded,
        place: u32,
        act: &Act,
        reason: &str,
    ) -> Result<Done, TryLater> {
        let wanted = matches!(act, Act::AddRole { .. });
        let had = self.had_role(recorded, place, act).await?;
        let outcome = self.discord.act(act, reason).await?;
        let already = had == Some(wanted) && matches!(outcome, Outcome::Delivered { .. });
        Ok(Done { already, ..outcome.into() })
    }

    /// Whether the member had the role before anybody here tried to change that.
    async fn had_role(
        &self,
        recorded: &Recorded,
        place: u32,
        act: &Act,
    ) -> Result<Option<bool>, TryLater> {
        let (Act::AddRole { guild, user, role } | Act::RemoveRole { guild, user, role }) = act
        else {
            return Ok(None);
        };
        if let Some(had) = self.looks.find(recorded, place) {
            return Ok(had);
        }
        // A process that is gone may have tried it: what Discord says now may be its work.
        if self.behaviors.journal.clock().now() - recorded.recorded_at >= LATELY {
            return Ok(None);
        }
        let had = self.discord.has_role(*guild, *user, role).await?;
        self.looks.keep(recorded, place, had);
        Ok(had)
    }
}
