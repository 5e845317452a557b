//! What behaviors did, and the reminders among it.

use chrono::TimeDelta;
use domain::behaviors::{Action, BehaviorEvent as Did, Call, Effort, Reminder};
use domain::kernel::{
    BehaviorId, ChannelId, DiscordUserId, Event, GuildId, MessageId, Outcome, Person, Personal,
};
use projections::behaviors::actions;
use tests::journals::TestJournal;
use uuid::Uuid;

use super::places::{TestPlace, on_each_place};
use super::{built, followed};

on_each_place! {
    reminders_without_a_channel_hold_no_other_up,
}

async fn reminders_without_a_channel_hold_no_other_up(place: TestPlace) {
    let journal = TestJournal::default();
    let (tea, ids) = (Uuid::from_u128(1_000), (1..=150).collect::<Vec<u128>>());
    for ids in ids.chunks(50) {
        let lost = ids.iter().map(|id| {
            let call = Call { channel: None, ..call(&journal, *id) };
            did(ran(call, vec![remind(1)]))
        });
        journal.write(&lost.collect::<Vec<_>>()).await;
    }
    let set = ran(call(&journal, tea.as_u128()), vec![remind(60)]);
    journal.write(&[did(set)]).await;

    let live = built(&journal, &place).await;
    let later = journal.journal.clock().now() + TimeDelta::hours(1);
    let due = actions::due(live.db(), later, 100).await.unwrap();
    assert_eq!(due.iter().map(|it| it.call_id).collect::<Vec<_>>(), [tea]);

    // It is taken once, also while nobody knows yet what became of it.
    let position = journal.write(&[did(reminded(tea, 0))]).await;
    followed(&journal, &place, position).await;
    assert!(actions::due(live.db(), later, 100).await.unwrap().is_empty());
}

/// Ana gets something of everything that behaviors do.
pub(super) async fn tell(journal: &TestJournal) {
    let user = DiscordUserId(1);
    let (text, role) = (|| "Ana's tea".to_owned(), || "7".to_owned());
    let reply = |private| Action::Reply { text: text(), private, reactions: vec![] };
    let wanted = vec![
        reply(true),
        reply(false),
        Action::AskAi { prompt: text() },
        Action::AddRole { user, role: role() },
        Action::RemoveRole { user, role: role() },
        Action::Send { channel: ChannelId(6), text: text(), reactions: vec![] },
        Action::DirectMessage { user, text: text() },
        Action::React { message: MessageId(101), emoji: "🍵".into() },
        remind(60),
        Action::DeleteMessage { message: MessageId(102) },
        reply(true),
        remind(3_600),
    ];
    let slash = |id| {
        let interaction = Some(MessageId(200));
        Call { what: "command".into(), interaction, ..call(journal, id) }
    };
    let reason = Personal::of(Person::discord(1), "no tea for Ana".into());
    let effort = Effort { operations: 3, took_us: 4 };
    let failed = Did::Failed { call: slash(3), line: Some(2), reason, effort };
    let mut events = vec![
        ran(slash(1), wanted.clone()),
        ran(call(journal, 2), wanted),
        failed,
        reminded(Uuid::from_u128(1), 8),
    ];
    // The last ones stay open.
    let calls = [(1, 10), (2, 10), (3, 1)];
    for (id, places) in calls {
        events.extend((0..places).map(|action| Did::ActionSettled {
            call: Uuid::from_u128(id),
            action,
            outcome: Outcome::Delivered { outside_id: (300 + action).to_string() },
            already: false,
            also: Vec::new(),
            trouble: None,
        }));
    }
    journal.write(&events.into_iter().map(did).collect::<Vec<_>>()).await;
}

fn did(event: Did) -> Event {
    let id: BehaviorId = "tea".parse().expect("an id");
    Event::Behavior(id, event)
}

fn ran(call: Call, actions: Vec<Action>) -> Did {
    let kinds = actions.iter().map(|it| it.as_ref().to_owned()).collect();
    let hidden = |it: &Action| matches!(it, Action::Reply { private: true, .. });
    let all = (0u32..).zip(&actions);
    let private = all.filter(|(_, it)| hidden(it)).map(|(place, _)| place).collect();
    let private = call.interaction.map(|_| private);
    let actions = Personal::of(call.person(), actions);
    Did::Ran { call, actions, kinds, private, effort: Effort { operations: 1, took_us: 2 } }
}

fn remind(after_s: u64) -> Action {
    Action::Remind { after_s, text: "Ana's tea".into() }
}

fn reminded(call: Uuid, action: u32) -> Did {
    let user = DiscordUserId(1);
    let text = Personal::of(Person::discord(1), "Ana's tea".to_owned());
    let reminder = Reminder { channel: ChannelId(5), user: Some(user), text };
    Did::ReminderDue { call, action, reminder }
}

/// One by Ana.
fn call(journal: &TestJournal, id: u128) -> Call {
    Call {
        id: Uuid::from_u128(id),
        revision: 1,
        what: "prefix_command".into(),
        position: None,
        at_ms: journal.journal.clock().now().timestamp_millis(),
        guild: Some(GuildId(9)),
        channel: Some(ChannelId(5)),
        user: Some(DiscordUserId(1)),
        message: None,
        interaction: None,
    }
}
