//! When a behavior keeps failing, let the AI suggest how to mend it, where the settings allow that.

use async_trait::async_trait;
use domain::behaviors::BehaviorEvent;
use domain::kernel::{Event, Recorded, Singleton};

use super::Behaviors;
use crate::self_editing::SelfEditing;
use crate::{Reactor, Setback, describe};

/// So many runs tell whether a behavior keeps failing.
const ENOUGH: u64 = 10;

/// The share of bad runs that is never worth a suggestion.
const LEAST: f64 = 0.2;

/// See the module. A person approves what comes of it.
pub struct MendBehaviors {
    pub behaviors: Behaviors,
    pub self_editing: SelfEditing,
}

#[async_trait]
impl Reactor for MendBehaviors {
    fn name(&self) -> &'static str {
        "mend_behaviors"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        self.self_editing.mends_by_itself()
            && matches!(&recorded.event, Event::Behavior(_, BehaviorEvent::Failed { .. }))
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        let Event::Behavior(id, BehaviorEvent::Failed { line, .. }) = &recorded.event else {
            return Ok(());
        };
        let behavior = self.behaviors.behaviors.load(id).await?.aggregate;
        let Some(tally) = behavior.tallies().values().next_back().copied() else { return Ok(()) };
        let settings = self.self_editing.settings.load(&Singleton).await?.aggregate;
        let most = settings.alert_threshold.max(LEAST);
        if tally.runs() < ENOUGH || tally.trouble() <= most {
            return Ok(());
        }
        // What went wrong may hold words of whoever called it; the model reads that as material,
        // and an edit's description, which is nobody's in particular, does not repeat it.
        let line = line.map(|line| format!(", at last in line {line}")).unwrap_or_default();
        let reason = format!("{} of {} runs went wrong{line}", tally.bad(), tally.runs());
        let path = format!("behaviors/{id}.rhai");
        // It is tried once a day: what does not work is told, and waits for tomorrow.
        if let Err(error) = self.self_editing.suggest_mend(&path, &reason).await {
            tracing::warn!(path, error = %describe(&error), "the AI suggested nothing");
        }
        Ok(())
    }
}
