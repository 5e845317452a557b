//! A behavior is the stream of what one script was called for, what it wanted, and what became of
//! that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Action, Call, Effort, Hold, Tally};
use crate::kernel::{ChannelId, DiscordUserId, Ground, Outcome, Personal, Rejection, aggregate};

/// How many calls are remembered, to know a repeat, and how many people for the cooldown.
const REMEMBERED: usize = 4_000;

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

/// A call whose actions are not all settled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    revision: u64,
    actions: BTreeSet<u32>,
    reminders: BTreeSet<u32>,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum BehaviorCommand {
    /// Record what the AI provider answered to an action that asks it.
    AnswerByAi {
        call: Uuid,
        action: u32,
        content: Personal<String>,
        provider: String,
        model: String,
        tokens: u64,
    },
    /// Record that the script failed. Who waits for an answer is told so.
    Fail { call: Call, line: Option<u32>, reason: Personal<String>, effort: Effort },
    /// Record that it was called and not run.
    Hold { call: Call, why: Hold },
    /// A reminder is due.
    Remind { call: Uuid, action: u32, reminder: Reminder },
    /// Record what the script wants done; a person who called it a moment ago gets nothing.
    Run { call: Call, cooldown_s: u32, actions: Personal<Vec<Action>>, effort: Effort },
    /// Record what became of an action.
    Settle { call: Uuid, action: u32, outcome: Outcome },
}

/// What somebody wanted to be reminded of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reminder {
    pub channel: ChannelId,
    pub user: Option<DiscordUserId>,
    pub text: Personal<String>,
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum BehaviorEvent {
    /// What became of an action, by its place among the actions of the call.
    ActionSettled {
        call: Uuid,
        action: u32,
        outcome: Outcome,
    },
    AiAnswered {
        call: Uuid,
        action: u32,
        content: Personal<String>,
        provider: String,
        model: String,
        tokens: u64,
    },
    Failed {
        call: Call,
        line: Option<u32>,
        reason: Personal<String>,
        effort: Effort,
    },
    Held {
        call: Call,
        why: Hold,
    },
    Ran {
        call: Call,
        actions: Personal<Vec<Action>>,
        /// The kinds of the actions, in order; they stay when the person is erased.
        kinds: Vec<String>,
        effort: Effort,
    },
    ReminderDue {
        call: Uuid,
        action: u32,
        reminder: Reminder,
    },
}

/// Why a command on a behavior is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BehaviorError {
    #[error("there is no such call, or it is long over")]
    Unknown,
}

impl Rejection for BehaviorError {
    fn ground(&self) -> Ground {
        Ground::State
    }
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
            Do::Run { call, cooldown_s, .. } if self.rests(&call, cooldown_s) => {
                return self.decide(Do::Hold { call, why: Hold::Cooldown });
            }
            Do::Run { call, actions, effort, .. } => {
                let kinds = actions.clear().map_or_else(Vec::new, |all| {
                    all.iter().map(|it| it.as_ref().to_owned()).collect()
                });
                Did::Ran { call, actions, kinds, effort }
            }
            Do::Fail { call, line, reason, effort } => Did::Failed { call, line, reason, effort },
            Do::Hold { call, why } if self.was_told(&call, why) => return Ok(vec![]),
            Do::Hold { call, why } => Did::Held { call, why },
            Do::Settle { call, action, outcome } => match self.calls.get(&call) {
                None => return Err(BehaviorError::Unknown),
                Some(open) if !open.actions.contains(&action) => return Ok(vec![]),
                Some(_) => Did::ActionSettled { call, action, outcome },
            },
            Do::AnswerByAi { call, action, content, provider, model, tokens } => {
                if !self.is_open(call, action) {
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
                let actions = (0u32..).zip(kinds).map(|(place, _)| place).collect();
                let reminders = reminders(kinds);
                self.called(call, Open { actions, reminders, ..Open::default() });
                self.tally(call.revision).ran(*effort);
            }
            Did::Failed { call, effort, .. } => {
                // The word of regret is the only action.
                let actions = if call.is_command() { [0].into() } else { BTreeSet::new() };
                self.called(call, Open { actions, ..Open::default() });
                self.tally(call.revision).failed(*effort);
            }
            Did::Held { call, why } => self.held(call, *why),
            Did::ActionSettled { call, action, outcome } => {
                let Some(open) = self.calls.get_mut(call) else { return };
                open.actions.remove(action);
                let revision = open.revision;
                if matches!(outcome, Outcome::Failed { .. }) {
                    self.tally(revision).refused += 1;
                }
            }
            Did::ReminderDue { call, action, .. } => {
                if let Some(open) = self.calls.get_mut(call) {
                    open.reminders.remove(action);
                }
            }
            Did::AiAnswered { .. } => {}
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
        if let Some(whom) = whom(call, why) {
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
            // What waits for its time is not forgotten.
            let waits = self.calls.get(&oldest).is_some_and(|open| !open.reminders.is_empty());
            if !waits {
                self.calls.remove(&oldest);
            }
        }
    }

    /// Whether this was said already: once for each person between two calls, and once a minute
    /// for each server.
    fn was_told(&self, call: &Call, why: Hold) -> bool {
        let Some(told) = whom(call, why).and_then(|whom| self.held.get(&whom)) else {
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

/// Which actions come back later, by their kinds.
fn reminders(kinds: &[String]) -> BTreeSet<u32> {
    (0u32..).zip(kinds).filter(|(_, kind)| *kind == "remind").map(|(place, _)| place).collect()
}

/// Who is told of it, among people or among servers: their ids do not meet.
fn whom(call: &Call, why: Hold) -> Option<u64> {
    match why {
        Hold::Cooldown => call.user.map(|user| user.0),
        Hold::GuildLimit => call.guild.map(|guild| guild.0),
    }
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
mod tests {
    use super::{BehaviorCommand as Do, BehaviorEvent as Did, *};
    use crate::kernel::testing::given;
    use crate::kernel::{GuildId, Person};

    #[test]
    fn a_call_is_run_once() {
        given::<Behavior>([ran(1, 0)]).when(run(1, 0)).then_expect_events(vec![]);
        let later = 10_000;
        given::<Behavior>([ran(1, 0)]).when(run(2, later)).then_expect_events(vec![ran(2, later)]);
    }

    #[test]
    fn who_calls_too_soon_gets_nothing_and_is_told_once() {
        let held = Did::Held { call: call(2, 5_000), why: Hold::Cooldown };
        given::<Behavior>([ran(1, 0)]).when(run(2, 5_000)).then_expect_events(vec![held.clone()]);
        given::<Behavior>([ran(1, 0), held.clone()]).when(run(3, 6_000)).then_expect_events(vec![]);
        given::<Behavior>([ran(1, 0), held])
            .when(run(3, 10_000))
            .then_expect_events(vec![ran(3, 10_000)]);
    }

    #[test]
    fn an_action_is_settled_once() {
        let settle = || Do::Settle { call: Uuid::from_u128(1), action: 0, outcome: delivered() };
        let settled =
            Did::ActionSettled { call: Uuid::from_u128(1), action: 0, outcome: delivered() };
        given::<Behavior>([ran(1, 0)]).when(settle()).then_expect_events(vec![settled.clone()]);
        given::<Behavior>([ran(1, 0), settled]).when(settle()).then_expect_events(vec![]);
        given::<Behavior>([]).when(settle()).then_expect_error(BehaviorError::Unknown);
    }

    #[test]
    fn a_reminder_comes_once() {
        let text = Personal::of(Person::discord(7), "tea".to_owned());
        let reminder = Reminder { channel: ChannelId(3), user: Some(DiscordUserId(7)), text };
        let remind = Do::Remind { call: Uuid::from_u128(1), action: 0, reminder: reminder.clone() };
        let due = Did::ReminderDue { call: Uuid::from_u128(1), action: 0, reminder };
        let kinds = vec!["remind".to_owned()];
        let Did::Ran { call, actions, effort, .. } = ran(1, 0) else { unreachable!() };
        let set = Did::Ran { call, actions, kinds, effort };
        given::<Behavior>([set.clone()]).when(remind.clone()).then_expect_events(vec![due.clone()]);
        given::<Behavior>([set, due]).when(remind.clone()).then_expect_events(vec![]);
        given::<Behavior>([ran(1, 0)]).when(remind).then_expect_events(vec![]);
    }

    #[test]
    fn a_refused_action_counts_as_trouble_of_its_revision() {
        let mut behavior = Behavior::default();
        behavior.evolve(&ran(1, 0));
        let outcome = Outcome::Failed { reason: "Missing Permissions".into() };
        behavior.evolve(&Did::ActionSettled { call: Uuid::from_u128(1), action: 0, outcome });
        assert_eq!(behavior.tallies()[&4].trouble().to_string(), "1");
    }

    fn run(id: u128, at_ms: i64) -> Do {
        let Did::Ran { call, actions, effort, .. } = ran(id, at_ms) else { unreachable!() };
        Do::Run { call, cooldown_s: 10, actions, effort }
    }

    fn ran(id: u128, at_ms: i64) -> Did {
        let reply = Action::Reply { text: "4".into(), private: false, reactions: vec![] };
        Did::Ran {
            call: call(id, at_ms),
            actions: Personal::of(Person::discord(7), vec![reply]),
            kinds: vec!["reply".into()],
            effort: Effort { operations: 9, took_us: 12 },
        }
    }

    fn call(id: u128, at_ms: i64) -> Call {
        Call {
            id: Uuid::from_u128(id),
            revision: 4,
            what: "prefix_command".into(),
            position: Some(17),
            at_ms,
            guild: Some(GuildId(1)),
            channel: Some(ChannelId(3)),
            user: Some(DiscordUserId(7)),
            message: None,
            interaction: None,
        }
    }

    fn delivered() -> Outcome {
        Outcome::Delivered { outside_id: "11".into() }
    }
}
