//! A behavior is the stream of what one script was called for, what it wanted, and what became of
//! that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::open::{Open, lost};
use super::{Action, BehaviorCommand, BehaviorError, BehaviorEvent, Call, Hold, Tally};
use crate::kernel::{Outcome, aggregate};

/// How many calls are remembered, to know a repeat, and how many people for the cooldown. Calls of
/// which something is open are remembered besides.
const REMEMBERED: usize = 4_000;

/// What becomes of a reminder of a call that did not come from a channel.
const NOWHERE: &str = "there is no channel to come back to";

/// Of how many revisions the counts are kept.
const REVISIONS: usize = 32;

/// What is known of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Behavior {
    /// Calls lately, with the actions that are open: what became of them is not known yet.
    calls: BTreeMap<Uuid, Open>,
    /// The same, oldest first.
    order: VecDeque<Uuid>,
    /// When each person called it last (milliseconds since 1970).
    last_calls: BTreeMap<u64, i64>,
    /// When a person or a server was last told why it does nothing.
    held: BTreeMap<u64, i64>,
    /// How it fared, by revision of the workspace.
    tallies: BTreeMap<u64, Tally>,
}

impl Behavior {
    /// Whether it rests for this person: it was called a moment ago.
    pub fn rests(&self, call: &Call, cooldown_s: u32) -> bool {
        let last = call.user.and_then(|user| self.last_calls.get(&user.0));
        let pause = i64::from(cooldown_s) * 1_000;
        last.is_some_and(|last| call.at_ms < last + pause && !self.calls.contains_key(&call.id))
    }

    /// How it fared, by revision.
    pub fn tallies(&self) -> &BTreeMap<u64, Tally> {
        &self.tallies
    }

    /// Whether it is not known what became of an action.
    pub fn is_open(&self, call: Uuid, action: u32) -> bool {
        self.calls.get(&call).is_some_and(|open| open.actions.contains(&action))
    }

    /// Whether the AI provider answered an action already.
    pub fn is_answered(&self, call: Uuid, action: u32) -> bool {
        self.calls.get(&call).is_some_and(|open| open.answered.contains(&action))
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: BehaviorCommand) -> Result<Vec<BehaviorEvent>, BehaviorError> {
        use {BehaviorCommand as Do, BehaviorEvent as Did};

        let known = |call: &Call| self.calls.contains_key(&call.id);
        let event = match command {
            Do::Run { call, .. } | Do::Fail { call, .. } | Do::Hold { call, .. }
                if known(&call) =>
            {
                return Ok(vec![]);
            }
            Do::Run { call, cooldown_s, .. } | Do::Fail { call, cooldown_s, .. }
                if self.rests(&call, cooldown_s) =>
            {
                return self.decide(Do::Hold { call, why: Hold::Cooldown });
            }
            Do::Run { call, actions, effort, .. } => {
                let all = actions.clear().map_or(&[][..], Vec::as_slice);
                let kinds: Vec<_> = all.iter().map(|it| it.as_ref().to_owned()).collect();
                let private = call.interaction.map(|_| private(all));
                let (id, lost) = (call.id, lost(&call, &kinds));
                let refused = lost.into_iter().map(|action| {
                    let outcome = Outcome::Failed { reason: NOWHERE.to_owned() };
                    let (already, also, trouble) = (false, vec![], None);
                    Did::ActionSettled { call: id, action, outcome, already, also, trouble }
                });
                let ran = Did::Ran { call, actions, kinds, private, effort };
                return Ok(std::iter::once(ran).chain(refused).collect());
            }
            Do::Fail { call, line, reason, effort, .. } => {
                Did::Failed { call, line, reason, effort }
            }
            Do::Hold { call, why } if self.was_told(&call, why) => return Ok(vec![]),
            Do::Hold { call, why } => Did::Held { call, why },
            Do::Settle { call, action, .. } if !self.is_open(call, action) => {
                let known = self.calls.contains_key(&call);
                return if known { Ok(vec![]) } else { Err(BehaviorError::Unknown) };
            }
            Do::Settle { call, action, outcome, already, also, trouble } => {
                Did::ActionSettled { call, action, outcome, already, also, trouble }
            }
            Do::AnswerByAi { call, action, content, provider, model, tokens } => {
                if !self.is_open(call, action) || self.is_answered(call, action) {
                    return Ok(vec![]);
                }
                Did::AiAnswered { call, action, content, provider, model, tokens }
            }
            Do::Remind { call, action, reminder } => match self.calls.get(&call) {
                Some(open) if open.reminders.contains(&action) => {
                    Did::ReminderDue { call, action, reminder }
                }
                _ => return Ok(vec![]),
            },
        };
        Ok(vec![event])
    }

    /// The memory. Never fails: what happened, happened.
    fn evolve(&mut self, event: &BehaviorEvent) {
        use BehaviorEvent as Did;
        match event {
            Did::Ran { call, kinds, effort, .. } => {
                self.called(call, Open::wanting(call, kinds));
                self.tally(call.revision).ran(*effort);
            }
            Did::Failed { call, effort, .. } => {
                // The word of regret is the only action.
                let actions = if call.is_command() { [0].into() } else { BTreeSet::new() };
                self.called(call, Open { actions, ..Open::default() });
                self.tally(call.revision).failed(*effort);
            }
            Did::Held { call, why } => self.held(call, *why),
            Did::ActionSettled { call, action, outcome, trouble, .. } => {
                let Some(open) = self.calls.get_mut(call) else { return };
                open.actions.remove(action);
                open.reminders.remove(action);
                let revision = open.revision;
                if matches!(outcome, Outcome::Failed { .. }) || trouble.is_some() {
                    self.tally(revision).refused += 1;
                }
                self.forget_if_over(*call);
            }
            Did::ReminderDue { call, action, .. } => {
                if let Some(open) = self.calls.get_mut(call) {
                    open.reminders.remove(action);
                }
                self.forget_if_over(*call);
            }
            Did::AiAnswered { call, action, .. } => {
                if let Some(open) = self.calls.get_mut(call) {
                    open.answered.insert(*action);
                }
            }
        }
    }

    fn called(&mut self, call: &Call, open: Open) {
        if let Some(user) = call.user {
            self.last_calls.insert(user.0, call.at_ms);
            forget_oldest(&mut self.last_calls);
        }
        self.remember(call, open);
    }

    fn held(&mut self, call: &Call, why: Hold) {
        if let Some(whom) = why.whom(call) {
            self.held.insert(whom, call.at_ms);
            forget_oldest(&mut self.held);
        }
        self.remember(call, Open::default());
        self.tally(call.revision).held += 1;
    }

    fn remember(&mut self, call: &Call, open: Open) {
        self.calls.insert(call.id, Open { revision: call.revision, ..open });
        self.order.push_back(call.id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            if let Some(open) = self.calls.get_mut(&oldest) {
                open.late = true;
            }
            self.forget_if_over(oldest);
        }
    }

    /// Forgets a call that is no longer among the newest ones, unless something of it is open: its
    /// outcome still has to be recorded, or a reminder to come.
    fn forget_if_over(&mut self, call: Uuid) {
        if self.calls.get(&call).is_some_and(|open| open.late && !open.waits()) {
            self.calls.remove(&call);
        }
    }

    /// Whether this was said already: once for each person between two calls, and once a minute
    /// for each server.
    fn was_told(&self, call: &Call, why: Hold) -> bool {
        let Some(told) = why.whom(call).and_then(|whom| self.held.get(&whom)) else {
            return false;
        };
        match why {
            Hold::Cooldown => {
                let last = call.user.and_then(|user| self.last_calls.get(&user.0));
                last.is_some_and(|last| told >= last)
            }
            Hold::GuildLimit => call.at_ms < told + 60_000,
        }
    }

    fn tally(&mut self, revision: u64) -> &mut Tally {
        while self.tallies.len() >= REVISIONS && !self.tallies.contains_key(&revision) {
            self.tallies.pop_first();
        }
        self.tallies.entry(revision).or_default()
    }
}

/// The places of the actions that only the caller sees.
fn private(actions: &[Action]) -> Vec<u32> {
    let hidden = |it: &Action| matches!(it, Action::Reply { private: true, .. });
    (0u32..).zip(actions).filter(|(_, it)| hidden(it)).map(|(place, _)| place).collect()
}

/// Keeps a map of times small.
fn forget_oldest(times: &mut BTreeMap<u64, i64>) {
    if times.len() > REMEMBERED
        && let Some(oldest) = times.iter().min_by_key(|(_, at)| **at).map(|(id, _)| *id)
    {
        times.remove(&oldest);
    }
}

aggregate!(Behavior: "behavior", BehaviorCommand -> BehaviorEvent | BehaviorError);

#[cfg(test)]
mod tests;
