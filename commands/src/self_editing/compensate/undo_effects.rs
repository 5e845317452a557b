//! When a compensation is approved, take its steps, one after the other.
//!
//! Each step that is settled leads to the next one, so that a step has its own tries, a limit of
//! Discord holds up no others, and a restart goes on where it was.

use std::sync::Arc;

use async_trait::async_trait;
use domain::kernel::{Cause, CompensationId, Event, Outcome, Recorded, Undo};
use domain::self_editing::{CompensationCommand, CompensationEvent as Did};

use super::{Compensations, parts};
use crate::ports::{Act, Discord, TryLater};
use crate::{CommandError, Reactor, Setback};

/// See the module.
pub struct UndoEffects {
    pub compensations: Compensations,
    pub discord: Arc<dyn Discord>,
}

#[async_trait]
impl Reactor for UndoEffects {
    fn name(&self) -> &'static str {
        "undo_effects"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        matches!(
            &recorded.event,
            Event::Compensation(_, Did::Approved { .. } | Did::StepSettled { .. })
        )
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        let Event::Compensation(id, _) = &recorded.event else { return Ok(()) };
        let compensation = self.compensations.aggregates.load(id).await?.aggregate;
        let Some((place, step)) = compensation.next() else { return Ok(()) };
        let later = |it: TryLater| Setback::Retry { reason: it.to_string(), after: it.after };
        let outcome = self.undo(*id, step.undo.clone()).await.map_err(later)?;
        self.settle(recorded, *id, place, outcome).await?;
        Ok(())
    }

    async fn give_up(&self, recorded: &Recorded, reason: &str) -> Result<(), CommandError> {
        let Event::Compensation(id, _) = &recorded.event else { return Ok(()) };
        let compensation = self.compensations.aggregates.load(id).await?.aggregate;
        let Some((place, _)) = compensation.next() else { return Ok(()) };
        let outcome = Outcome::Failed { reason: reason.to_owned() };
        self.settle(recorded, *id, place, outcome).await
    }
}

impl UndoEffects {
    async fn undo(&self, id: CompensationId, undo: Undo) -> Result<Outcome, TryLater> {
        let (discord, reason) = (&*self.discord, format!("compensation {id}"));
        let act = match undo {
            Undo::AddRole { guild, user, role } => Act::AddRole { guild, user, role },
            Undo::DeleteDirectMessage { user, message, also } => {
                return match discord.direct(user).await? {
                    Ok(channel) => parts::delete(discord, &reason, channel, message, also).await,
                    Err(reason) => Ok(Outcome::Failed { reason }),
                };
            }
            Undo::DeleteMessage { channel, message, also } => {
                return parts::delete(discord, &reason, channel, message, also).await;
            }
            Undo::RemoveReaction { channel, message, emoji } => {
                Act::RemoveReaction { channel, message, emoji }
            }
            Undo::RemoveRole { guild, user, role } => Act::RemoveRole { guild, user, role },
        };
        discord.undo(&act, &reason).await
    }

    async fn settle(
        &self,
        recorded: &Recorded,
        id: CompensationId,
        step: u32,
        outcome: Outcome,
    ) -> Result<(), CommandError> {
        // An event that is seen again finds another step open than the first time.
        let cause = Cause::answering(recorded, self.name()).then(&format!("step {step}"));
        let settle = CompensationCommand::Settle { step, outcome };
        self.compensations.aggregates.execute(&id, settle, &cause).await.map(drop)
    }
}
