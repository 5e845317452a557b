//! How the behaviors that are live fare, for those who own them.

use chrono::{DateTime, Utc};
use domain::behaviors::{BehaviorEvent, Power, Tally};
use domain::kernel::{BehaviorId, EditId, Event};

use super::Explain;
use crate::CommandError;
use crate::behaviors::{Kind, Live};

/// A live behavior, and how it fared.
#[derive(Debug, Clone, PartialEq)]
pub struct Fared {
    pub name: BehaviorId,
    pub file: String,
    pub kind: Kind,
    /// What people type, where it is a command.
    pub command: Option<String>,
    pub description: String,
    pub powers: Vec<Power>,
    pub cooldown_s: u32,
    /// The revision that changed its file last, and the edit that made that.
    pub changed: Option<(u64, EditId)>,
    pub tally: Tally,
    pub last_failure: Option<Failure>,
}

/// How a run failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub at: DateTime<Utc>,
    pub line: Option<u32>,
    /// `[erased]` once whoever called it was erased.
    pub reason: String,
}

/// A file that should be a behavior and cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    pub file: String,
    pub line: Option<u32>,
    pub reason: String,
}

impl Explain {
    /// The behaviors that are live, by file, and those that cannot be used.
    pub async fn behaviors(&self) -> Result<(Vec<Fared>, Vec<Unusable>), CommandError> {
        let registry = self.behaviors.registries.now().await?;
        let mut all = Vec::with_capacity(registry.all().len());
        for live in registry.all() {
            all.push(self.fared(live, registry.revision()).await?);
        }
        let unusable = registry.broken().iter().map(|(file, fault)| Unusable {
            file: file.clone(),
            line: fault.line,
            reason: fault.reason.clone(),
        });
        Ok((all, unusable.collect()))
    }

    async fn fared(&self, live: &Live, revision: u64) -> Result<Fared, CommandError> {
        let behavior = self.behaviors.behaviors.load(&live.id).await?.aggregate;
        let tally = behavior.tallies().values().fold(Tally::default(), Tally::and);
        let made = self.traces.made(&live.path, revision).await?;
        let head = &live.head;
        let command = matches!(head.kind, Kind::Command | Kind::PrefixCommand);
        Ok(Fared {
            name: live.id.clone(),
            file: live.path.clone(),
            kind: head.kind,
            command: head.name.clone().filter(|_| command),
            description: head.description.clone(),
            powers: head.powers.iter().copied().collect(),
            cooldown_s: head.cooldown_s,
            changed: made.map(|it| (it.revision, it.edit)),
            tally,
            last_failure: self.last_failure(&live.id).await?,
        })
    }

    async fn last_failure(&self, id: &BehaviorId) -> Result<Option<Failure>, CommandError> {
        let Some(place) = self.traces.last_failure(id).await? else { return Ok(None) };
        let Some(recorded) = self.event(place).await? else { return Ok(None) };
        Ok(match recorded.event {
            Event::Behavior(_, BehaviorEvent::Failed { line, reason, .. }) => {
                Some(Failure { at: recorded.recorded_at, line, reason: reason.shown().to_owned() })
            }
            _ => None,
        })
    }
}
