//! What a behavior decides.

use super::{BehaviorCommand as Do, BehaviorEvent as Did, *};
use crate::behaviors::{Action, Effort, Reminder};
use crate::kernel::testing::given;
use crate::kernel::{ChannelId, DiscordUserId, GuildId, MessageId, Person, Personal};

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
fn a_script_that_fails_rests_too() {
    let effort = Effort { operations: 9, took_us: 12 };
    let reason = || Personal::of(Person::discord(7), "broken".to_owned());
    let fail = |id, at_ms| Do::Fail {
        call: call(id, at_ms),
        cooldown_s: 10,
        line: Some(3),
        reason: reason(),
        effort,
    };
    let failed =
        |id, at_ms| Did::Failed { call: call(id, at_ms), line: Some(3), reason: reason(), effort };
    let held = Did::Held { call: call(2, 5_000), why: Hold::Cooldown };
    given::<Behavior>([failed(1, 0)]).when(fail(2, 5_000)).then_expect_events(vec![held]);
    given::<Behavior>([failed(1, 0)])
        .when(fail(2, 10_000))
        .then_expect_events(vec![failed(2, 10_000)]);
}

#[test]
fn an_action_is_settled_once() {
    let call = Uuid::from_u128(1);
    let settle = || {
        let (outcome, also) = (delivered(), vec![MessageId(12)]);
        Do::Settle { call, action: 0, outcome, already: true, also, trouble: None }
    };
    let (outcome, also) = (delivered(), vec![MessageId(12)]);
    let already = true;
    let settled = Did::ActionSettled { call, action: 0, outcome, already, also, trouble: None };
    given::<Behavior>([ran(1, 0)]).when(settle()).then_expect_events(vec![settled.clone()]);
    given::<Behavior>([ran(1, 0), settled]).when(settle()).then_expect_events(vec![]);
    given::<Behavior>([]).when(settle()).then_expect_error(BehaviorError::Unknown);
}

#[test]
fn of_a_slash_command_it_is_kept_what_only_the_caller_sees() {
    let interaction = Some(MessageId(9));
    let call = Call { interaction, ..call(1, 0) };
    let reply = |private| Action::Reply { text: "4".into(), private, reactions: vec![] };
    let actions = Personal::of(Person::discord(7), vec![reply(false), reply(true)]);
    let effort = Effort { operations: 9, took_us: 12 };
    let run = Do::Run { call: call.clone(), cooldown_s: 0, actions: actions.clone(), effort };
    let (kinds, private) = (vec!["reply".into(); 2], Some(vec![1]));
    let ran = Did::Ran { call, actions, kinds, private, effort };
    given::<Behavior>([]).when(run).then_expect_events(vec![ran]);
}

#[test]
fn a_reminder_comes_once() {
    let remind = Do::Remind { call: Uuid::from_u128(1), action: 0, reminder: tea() };
    given::<Behavior>([set(1)]).when(remind.clone()).then_expect_events(vec![due(1)]);
    given::<Behavior>([set(1), due(1)]).when(remind.clone()).then_expect_events(vec![]);
    given::<Behavior>([ran(1, 0)]).when(remind).then_expect_events(vec![]);
}

#[test]
fn a_reminder_that_has_nowhere_to_come_to_fails_at_once() {
    let Did::Ran { call, kinds, effort, .. } = set(1) else { unreachable!() };
    let call = Call { channel: None, ..call };
    let wanted = vec![Action::Remind { after_s: 60, text: "tea".into() }];
    let actions = Personal::of(Person::discord(7), wanted);
    let run = Do::Run { call: call.clone(), cooldown_s: 0, actions: actions.clone(), effort };
    let outcome = Outcome::Failed { reason: NOWHERE.into() };
    let failed = settled(call.id, outcome);
    let ran = Did::Ran { call, actions, kinds, private: None, effort };
    given::<Behavior>([]).when(run).then_expect_events(vec![ran.clone(), failed.clone()]);
    let remind = Do::Remind { call: Uuid::from_u128(1), action: 0, reminder: tea() };
    given::<Behavior>([ran, failed]).when(remind).then_expect_events(vec![]);
}

#[test]
fn an_open_call_is_remembered_until_it_is_over() {
    let settled = |call| settled(call, delivered());
    let mut behavior = Behavior::default();
    behavior.evolve(&set(1));
    behavior.evolve(&ran(2, 0));
    for id in 3..=(REMEMBERED as u128 + 9) {
        behavior.evolve(&ran(id, 0));
        behavior.evolve(&settled(Uuid::from_u128(id)));
    }
    assert_eq!(behavior.calls.len(), REMEMBERED + 2);
    assert!([1, 2].iter().all(|id| behavior.is_open(Uuid::from_u128(*id), 0)));
    for event in [due(1), settled(Uuid::from_u128(1)), settled(Uuid::from_u128(2))] {
        behavior.evolve(&event);
    }
    assert_eq!(behavior.calls.len(), REMEMBERED);
}

#[test]
fn a_refused_action_counts_as_trouble_of_its_revision() {
    let mut behavior = Behavior::default();
    behavior.evolve(&ran(1, 0));
    let outcome = Outcome::Failed { reason: "Missing Permissions".into() };
    behavior.evolve(&settled(Uuid::from_u128(1), outcome));
    assert_eq!(behavior.tallies()[&4].trouble().to_string(), "1");
}

/// A call that wants to remind.
fn set(id: u128) -> Did {
    let Did::Ran { call, actions, effort, .. } = ran(id, 0) else { unreachable!() };
    Did::Ran { call, actions, kinds: vec!["remind".into()], private: None, effort }
}

fn due(id: u128) -> Did {
    Did::ReminderDue { call: Uuid::from_u128(id), action: 0, reminder: tea() }
}

fn tea() -> Reminder {
    let text = Personal::of(Person::discord(7), "tea".to_owned());
    Reminder { channel: ChannelId(3), user: Some(DiscordUserId(7)), text }
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
        private: None,
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

fn settled(call: Uuid, outcome: Outcome) -> Did {
    let (already, also, trouble) = (false, vec![], None);
    Did::ActionSettled { call, action: 0, outcome, already, also, trouble }
}
