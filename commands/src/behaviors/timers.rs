//! What comes back by itself: reminders, and behaviors that the clock calls.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::behaviors::{BehaviorCommand, Call};
use domain::kernel::{Actor, Cause, GuildId, Source};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::call::Calling;
use super::{Behaviors, Live, Registry};
use crate::ports::{Due, Occasion};
use crate::{CommandError, describe};

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How late a scheduled run may be, in seconds: older ones were missed while nobody was there.
const LATE_S: i64 = 600;

/// How many reminders are taken at once.
const MOST: u64 = 100;

/// See the module. Runs once in a deployment.
pub struct Timers(pub Behaviors);

impl Timers {
    pub async fn run(self, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK);
        let mut looked = self.0.journal.clock().now() - chrono::TimeDelta::seconds(LATE_S);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            // The read models come after the start.
            if !self.0.surroundings.are_there() {
                continue;
            }
            let now = self.0.journal.clock().now();
            if let Err(error) = self.remind(now).await {
                tracing::warn!(error = %describe(&error), "reminders wait");
            }
            match self.call(looked, now).await {
                Ok(()) => looked = now,
                Err(error) => tracing::warn!(error = %describe(&error), "schedules wait"),
            }
        }
    }

    /// Records that reminders are due; whoever delivers them does so once.
    async fn remind(&self, now: DateTime<Utc>) -> Result<(), CommandError> {
        for Due { behavior, call, action, reminder } in self.0.surroundings.due(now, MOST).await? {
            let cause = cause(Uuid::new_v5(&call, format!("due.{action}").as_bytes()));
            let command = BehaviorCommand::Remind { call, action, reminder };
            self.0.behaviors.execute(&behavior, command, &cause).await?;
        }
        Ok(())
    }

    /// Calls the behaviors whose time came after one moment and up to another.
    async fn call(&self, after: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), CommandError> {
        let registry = self.0.registries.now().await?;
        let mut guilds = None;
        for live in registry.schedules() {
            let Some(slot) = slot(live, now).filter(|slot| *slot > after) else { continue };
            let guilds = match &mut guilds {
                Some(guilds) => guilds,
                none => none.insert(self.0.surroundings.guilds().await?),
            };
            for guild in guilds.iter() {
                let name = format!("{} {guild} {}", live.id, slot.timestamp());
                let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
                self.one(&registry, live, *guild, id, slot).await?;
            }
        }
        Ok(())
    }

    async fn one(
        &self,
        registry: &Arc<Registry>,
        live: &Arc<Live>,
        guild: GuildId,
        id: Uuid,
        slot: DateTime<Utc>,
    ) -> Result<(), CommandError> {
        let occasion = Occasion {
            what: "schedule".to_owned(),
            at: slot,
            guild: Some(guild),
            seed: id.as_u64_pair().1,
            ..Occasion::default()
        };
        let occasion = self.0.completed(live, occasion).await?;
        let call = Call {
            id,
            revision: registry.revision(),
            what: "schedule".to_owned(),
            position: None,
            at_ms: slot.timestamp_millis(),
            guild: Some(guild),
            channel: None,
            user: None,
            message: None,
            interaction: None,
        };
        let calling = Calling { live: live.clone(), occasion, call };
        self.0.run(&cause(id), registry, vec![calling]).await.map(drop)
    }
}

/// The newest moment up to now at which a schedule is due.
fn slot(live: &Live, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let every = i64::from(live.head.every_s?);
    let first = i64::from(live.head.at_s.unwrap_or_default());
    let now = now.timestamp();
    DateTime::from_timestamp(now - (now - first).rem_euclid(every), 0)
}

/// The clock asks; the same moment is the same command.
fn cause(command: Uuid) -> Cause {
    let asked = Cause::asked(Actor::system("timers"), command, Source::Reactor);
    Cause { command, ..asked }
}
