//! When behaviors fare worse since an edit went live, take it back.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::behaviors::{BehaviorEvent as Did, Tally};
use domain::identity::Permissions;
use domain::kernel::{BehaviorId, Cause, EditId, Event, Ground, Outcome, Recorded, Singleton};
use domain::self_editing::{Alarm, Fared, Status, WatchCommand};

use super::Behaviors;
use super::paths::{is_behavior, name_of, script_of};
use crate::ports::Caller;
use crate::self_editing::{Live, Rollback, SelfEditing, Target};
use crate::{CommandError, Reactor, Setback};

/// So many bad runs are a pattern.
const PATTERN: u64 = 3;

/// See the module.
pub struct WatchEdits {
    behaviors: Behaviors,
    self_editing: SelfEditing,
    /// What went live lately, as far as the log was read; none before that was looked up.
    watched: Mutex<Option<Vec<Watched>>>,
}

/// An edit that went live.
#[derive(Clone)]
struct Watched {
    edit: EditId,
    revision: u64,
    at: DateTime<Utc>,
    touches: Touches,
}

/// The behaviors that an edit changes.
#[derive(Clone)]
enum Touches {
    /// A setting was changed: any of them may read it.
    All,
    Some(Vec<BehaviorId>),
}

impl Watched {
    fn of(live: Live) -> Self {
        let Live { edit, revision, at, paths } = live;
        let touches = if paths.iter().any(|it| it.starts_with("settings/")) {
            Touches::All
        } else {
            let scripts = paths.iter().map(|it| script_of(it)).filter(|it| is_behavior(it));
            Touches::Some(scripts.filter_map(|it| name_of(&it).parse().ok()).collect())
        };
        Self { edit, revision, at, touches }
    }

    fn touches(&self, id: &BehaviorId) -> bool {
        match &self.touches {
            Touches::All => true,
            Touches::Some(some) => some.contains(id),
        }
    }
}

#[async_trait]
impl Reactor for WatchEdits {
    fn name(&self) -> &'static str {
        "watch_edits"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        match &recorded.event {
            Event::Workspace(..) => true,
            Event::Behavior(_, event) => is_trouble(event),
            _ => false,
        }
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        if let Some(live) = Live::of(recorded) {
            self.learn(Watched::of(live));
            return Ok(());
        }
        let Event::Behavior(id, _) = &recorded.event else { return Ok(()) };
        for watched in self.lately(recorded.recorded_at).await? {
            if watched.touches(id) && self.look(recorded, id, &watched).await? {
                break;
            }
        }
        Ok(())
    }
}

/// Whether it is something that may be worse than before.
fn is_trouble(event: &Did) -> bool {
    match event {
        Did::Failed { .. } => true,
        Did::Ran { effort, .. } => Tally::is_slow(*effort),
        Did::ActionSettled { outcome, trouble, .. } => {
            matches!(outcome, Outcome::Failed { .. }) || trouble.is_some()
        }
        Did::AiAnswered { .. } | Did::Held { .. } | Did::ReminderDue { .. } => false,
    }
}

impl WatchEdits {
    pub fn new(behaviors: Behaviors, self_editing: SelfEditing) -> Self {
        Self { behaviors, self_editing, watched: Mutex::default() }
    }

    fn learn(&self, new: Watched) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        // What was not looked up yet will be, with this.
        let Some(known) = watched.as_mut() else { return };
        if known.iter().all(|it| it.revision < new.revision) {
            known.push(new);
        }
    }

    /// What is watched now, the newest first.
    async fn lately(&self, now: DateTime<Utc>) -> Result<Vec<Watched>, CommandError> {
        let since = now - self.self_editing.watch_for;
        let known = self.watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut known = match known {
            Some(known) => known,
            None => {
                let live = self.self_editing.live_since(since).await?;
                live.into_iter().map(Watched::of).collect()
            }
        };
        known.retain(|it| it.at > since);
        let newest_first = known.iter().rev().cloned().collect();
        *self.watched.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok(newest_first)
    }

    /// Takes an edit back if this behavior fares worse with it; whether it does.
    async fn look(
        &self,
        recorded: &Recorded,
        id: &BehaviorId,
        watched: &Watched,
    ) -> Result<bool, Setback> {
        let settings = self.self_editing.settings.load(&Singleton).await?.aggregate;
        if !settings.monitoring_enabled {
            return Ok(false);
        }
        let behavior = self.behaviors.behaviors.load(id).await?.aggregate;
        let (mut before, mut after) = (Tally::default(), Tally::default());
        for (revision, tally) in behavior.tallies() {
            if *revision >= watched.revision {
                after = after.and(tally);
            } else if !self.self_editing.was_taken_back(*revision).await? {
                // What did harm and was taken back is nothing to measure by.
                before = before.and(tally);
            }
        }
        let threshold = settings.alert_threshold;
        let worse = after.bad() >= PATTERN && after.trouble() > before.trouble() + threshold;
        if !worse {
            return Ok(false);
        }
        let edit = self.self_editing.edits.load(&watched.edit).await?.aggregate;
        let watch = self.self_editing.watches.load(&watched.edit).await?.aggregate;
        if edit.status() != Some(Status::Applied) || watch.is_given_up() {
            return Ok(false);
        }
        let reason = in_words(id, watched.revision, &before, &after, threshold);
        tracing::warn!(edit = %watched.edit, reason, "an edit does harm and is taken back");
        let alarm = Alarm {
            behavior: id.clone(),
            revision: watched.revision,
            before: fared(&before),
            after: fared(&after),
            threshold,
            reason: reason.clone(),
        };
        let cause = Cause::answering(recorded, self.name());
        let alarm = WatchCommand::Alarm(alarm);
        let watches = &self.self_editing.watches;
        watches.execute(&watched.edit, alarm, &cause.then("alarm")).await?;
        self.take_back(&cause, watched.edit, reason).await?;
        Ok(true)
    }

    async fn take_back(&self, cause: &Cause, edit: EditId, reason: String) -> Result<(), Setback> {
        let caller = Caller::new(cause.clone(), Permissions::all(), BTreeSet::new());
        let target = Target::Edit(edit);
        let rollback = Rollback { target, reason, force: false, preview: false };
        match self.self_editing.roll_back(&caller, rollback).await {
            Ok(_) => Ok(()),
            Err(CommandError::Rejected(no)) if no.ground == Ground::State => {
                let now = self.self_editing.edits.load(&edit).await?.aggregate.status();
                if now == Some(Status::RolledBack) {
                    // Somebody was faster.
                    return Ok(());
                }
                // Somebody has to decide: later edits changed the same lines.
                let give_up = WatchCommand::GiveUp { reason: no.reason };
                let cause = cause.then("given up");
                self.self_editing.watches.execute(&edit, give_up, &cause).await?;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn fared(tally: &Tally) -> Fared {
    Fared { runs: tally.runs(), failed: tally.failed, refused: tally.refused, slow: tally.slow }
}

fn in_words(id: &BehaviorId, revision: u64, before: &Tally, after: &Tally, most: f64) -> String {
    let share = |tally: &Tally| format!("{} of {}", tally.bad(), tally.runs());
    format!(
        "{} runs of the behavior {id} went wrong since revision {revision} ({} failed, {} actions \
         were refused, {} took too long); before it was {}, and the alert threshold is {most}",
        share(after),
        after.failed,
        after.refused,
        after.slow,
        share(before),
    )
}
