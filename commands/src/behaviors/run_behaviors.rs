//! When something happens on Discord, call the behaviors that it concerns.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::kernel::{Cause, Event, Recorded};

use super::{Behaviors, Registry, Seen};
use crate::ports::Discord;
use crate::{CommandError, Reactor, Setback};

/// See the module.
pub struct RunBehaviors {
    behaviors: Behaviors,
    discord: Arc<dyn Discord>,
    /// What is live where the reading of the log has come to, and in which epoch that was learnt.
    live: Mutex<Option<(u64, Arc<Registry>)>>,
}

impl RunBehaviors {
    pub fn new(behaviors: Behaviors, discord: Arc<dyn Discord>) -> Self {
        Self { behaviors, discord, live: Mutex::default() }
    }

    /// The registry for an event. Revisions are seen in the order of the log, so the log is asked
    /// only at the start and for an event that is tried again.
    async fn registry(&self, position: u64) -> Result<Arc<Registry>, CommandError> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match live {
            Some((epoch, live))
                if epoch == self.behaviors.registries.epoch() && live.position() <= position =>
            {
                Ok(live)
            }
            _ => self.learn(position).await,
        }
    }

    async fn learn(&self, position: u64) -> Result<Arc<Registry>, CommandError> {
        let epoch = self.behaviors.registries.epoch();
        let found = self.behaviors.registries.at(position).await?;
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let is_older = |(known, live): &(u64, Arc<Registry>)| {
            *known != epoch || live.position() <= found.position()
        };
        if live.as_ref().is_none_or(is_older) {
            *live = Some((epoch, found.clone()));
        }
        Ok(found)
    }

    /// Whether the bot did it itself. What bots write is left out before.
    async fn is_own(&self, seen: &Seen) -> Result<bool, Setback> {
        let Some(user) = seen.user_perhaps_a_bot() else { return Ok(false) };
        let later = |later: crate::ports::TryLater| Setback::Retry {
            reason: later.to_string(),
            after: later.after,
        };
        Ok(self.discord.me().await.map_err(later)? == user)
    }

    /// Whether another bot did it, as far as the messages before say who is one.
    async fn is_of_a_bot(&self, seen: &Seen, position: u64) -> Result<bool, CommandError> {
        let Some(user) = seen.perhaps_of_a_bot() else { return Ok(false) };
        self.behaviors.surroundings.reach(position.saturating_sub(1)).await;
        self.behaviors.surroundings.is_bot(user).await
    }
}

#[async_trait]
impl Reactor for RunBehaviors {
    fn name(&self) -> &'static str {
        "run_behaviors"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        matches!(&recorded.event, Event::Workspace(..)) || Seen::of(recorded).is_some()
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        if matches!(&recorded.event, Event::Workspace(..)) {
            self.learn(recorded.position).await?;
            return Ok(());
        }
        let Some(seen) = Seen::of(recorded) else { return Ok(()) };
        let registry = self.registry(recorded.position).await?;
        if seen.matches(&registry).is_empty() || self.is_own(&seen).await? {
            return Ok(());
        }
        if self.is_of_a_bot(&seen, recorded.position).await? {
            return Ok(());
        }
        let cause = Cause::answering(recorded, self.name());
        let event = (recorded.id, recorded.position);
        self.behaviors.handle(&cause, &registry, seen, event).await?;
        Ok(())
    }
}
