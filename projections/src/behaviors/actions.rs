//! What behaviors wanted done, and what became of it.

use chrono::{DateTime, Utc};
use domain::behaviors::{Action, BehaviorEvent as Did, undo};
use domain::kernel::{ChannelId, Event, GuildId, MessageId, Outcome, Person, Recorded, Undo};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{QueryOrder, QuerySelect};

use crate::{Fold, Millis, Touch, Tx};

/// What a failed command is answered.
const APOLOGY: &str = "apology";

/// What was said where the call came from: that takes no more than the kind to take back.
const SAID_THERE: [&str; 4] = [APOLOGY, "ask_ai", "remind", "reply"];

/// One action. `outcome` is `delivered`, `failed` or `unknown`, and none until that is known.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "behavior_actions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub call_id: Uuid,
    /// Its place among the actions of the call.
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: i64,
    pub behavior: String,
    pub revision: i64,
    pub guild_id: Option<i64>,
    pub channel_id: Option<i64>,
    /// The kind of action: `reply`, `add_role` …
    pub kind: String,
    /// Whose the content is.
    pub owner: String,
    /// The action as JSON; none once its owner was erased.
    pub content: Option<String>,
    /// When a reminder is due; none once its time has come.
    pub due_at: Option<Millis>,
    pub outcome: Option<String>,
    /// What Discord calls it: a message's id.
    pub outside_id: Option<String>,
    /// Why not; or of what was delivered, what did not work of it.
    pub reason: Option<String>,
    pub settled_at: Option<Millis>,
    /// Whether only the caller sees it.
    pub private: bool,
    /// What takes it back, as JSON; none before it is done, and where nothing does.
    pub undo: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// What was wanted, unless that was erased.
    pub fn action(&self) -> Option<Action> {
        serde_json::from_str(self.content.as_deref()?).ok()
    }

    /// What takes it back, once it is done.
    pub fn undo(&self) -> Option<Undo> {
        serde_json::from_str(self.undo.as_deref()?).ok()
    }

    /// The same, as it follows from what was done.
    fn way_back(&self, outside_id: &str, also: &[MessageId]) -> Option<String> {
        if self.private {
            return None;
        }
        let id = |id: Option<i64>| id.map(i64::cast_unsigned);
        let place = (id(self.guild_id).map(GuildId), id(self.channel_id).map(ChannelId));
        let undo = undo(&self.kind, self.action().as_ref(), place, (outside_id, also))?;
        serde_json::to_string(&undo).ok()
    }
}

/// The actions of one call, in order.
pub async fn of(db: &impl ConnectionTrait, call: Uuid) -> Result<Vec<Model>, DbErr> {
    let find = Entity::find().filter(Column::CallId.eq(call));
    find.order_by_asc(Column::Place).all(db).await
}

/// The action that wrote a message.
pub async fn that_wrote(db: &impl ConnectionTrait, message: &str) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::OutsideId.eq(message)).one(db).await
}

/// Reminders that nobody was reminded of yet, the oldest first. One without a channel cannot come,
/// and must not stand before those that can.
pub async fn due(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let find = Entity::find()
        .filter(Column::DueAt.lte(now.timestamp_millis()))
        .filter(Column::ChannelId.is_not_null())
        .filter(Column::Outcome.is_null());
    find.order_by_asc(Column::DueAt).limit(limit).all(db).await
}

/// Builds the list.
pub struct Actions;

impl Fold for Actions {
    const NAME: &'static str = "behavior_actions";
    const VERSION: u32 = 4;
    type Key = (Uuid, u32);
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Self::Key>> {
        let Event::Behavior(_, event) = &recorded.event else { return Vec::new() };
        match event {
            Did::Ran { call, kinds, .. } => {
                let places = (0u32..).zip(kinds).map(|(place, _)| place);
                places.map(|place| Touch::Creates((call.id, place))).collect()
            }
            Did::Failed { call, .. } if call.is_command() => vec![Touch::Creates((call.id, 0))],
            Did::ActionSettled { call, action, .. }
            | Did::AiAnswered { call, action, .. }
            | Did::ReminderDue { call, action, .. } => vec![Touch::Changes((*call, *action))],
            Did::Failed { .. } | Did::Held { .. } => Vec::new(),
        }
    }

    fn fold(key: &Self::Key, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Behavior(behavior, event) = &recorded.event else { return row };
        let (call_id, place) = *key;
        let settled_at = Some(Millis(recorded.recorded_at));
        match event {
            Did::Ran { call, .. } | Did::Failed { call, .. } => {
                let (kind, action) = match event {
                    Did::Ran { actions, kinds, .. } => {
                        let kind = kinds.get(place as usize).cloned().unwrap_or_default();
                        (kind, actions.clear().and_then(|all| all.get(place as usize)))
                    }
                    _ => (APOLOGY.to_owned(), None),
                };
                let due_ms = match action {
                    Some(Action::Remind { after_s, .. }) => {
                        Some(call.at_ms + after_s.cast_signed() * 1_000)
                    }
                    _ => None,
                };
                let private = call.interaction.is_some() && is_private(event, &kind, place);
                let due_at = due_ms.and_then(DateTime::from_timestamp_millis).map(Millis);
                Some(Model {
                    call_id,
                    place: place.into(),
                    behavior: behavior.to_string(),
                    revision: call.revision.cast_signed(),
                    guild_id: call.guild.map(|it| crate::snowflake(it.0)),
                    channel_id: call.channel.map(|it| crate::snowflake(it.0)),
                    kind,
                    owner: call.person().as_str().to_owned(),
                    content: action.and_then(|it| serde_json::to_string(it).ok()),
                    due_at,
                    outcome: None,
                    outside_id: None,
                    reason: None,
                    settled_at: None,
                    private,
                    undo: None,
                })
            }
            Did::ActionSettled { outcome, already, also, trouble, .. } => {
                row.map(|row| match outcome.clone() {
                    Outcome::Delivered { outside_id } => Model {
                        outcome: Some("delivered".to_owned()),
                        undo: row.way_back(&outside_id, also).filter(|_| !already),
                        outside_id: Some(outside_id),
                        reason: trouble.clone(),
                        settled_at,
                        ..row
                    },
                    Outcome::Failed { reason } => Model {
                        outcome: Some("failed".to_owned()),
                        reason: Some(reason),
                        settled_at,
                        ..row
                    },
                    Outcome::Unknown { reason } => Model {
                        outcome: Some("unknown".to_owned()),
                        reason: Some(reason),
                        settled_at,
                        ..row
                    },
                })
            }
            // Whoever delivers it knows of it now.
            Did::ReminderDue { .. } => row.map(|row| Model { due_at: None, ..row }),
            Did::AiAnswered { .. } | Did::Held { .. } => row,
        }
    }

    fn values((call, place): &Self::Key) -> Vec<Value> {
        vec![(*call).into(), i64::from(*place).into()]
    }

    fn key(row: &Model) -> Self::Key {
        (row.call_id, u32::try_from(row.place).unwrap_or_default())
    }

    /// Leaves what a build from the log gives from now on: there an action of somebody who was
    /// erased is no more than its kind.
    async fn forget(person: &Person, tx: &Tx) -> Result<(), DbErr> {
        let all = || Entity::update_many().filter(Column::Owner.eq(person.as_str()));
        let nothing = || Expr::value(None::<String>);
        // A reminder of somebody who was erased is no longer due.
        let undue = Expr::value(None::<i64>);
        let update = all().col_expr(Column::Content, nothing()).col_expr(Column::DueAt, undue);
        update.exec(tx).await?;
        let update = all().col_expr(Column::Undo, nothing());
        update.filter(Column::Kind.is_not_in(SAID_THERE)).exec(tx).await?;
        Ok(())
    }
}

/// Whether only who used the slash command sees it. The event says so without what was said, which
/// may be erased; one that is too old to say it is taken for private, so that nothing promises to
/// take back what it cannot.
fn is_private(event: &Did, kind: &str, place: u32) -> bool {
    match event {
        Did::Ran { private: Some(private), .. } => private.contains(&place),
        Did::Ran { private: None, .. } => kind == "reply",
        _ => kind == APOLOGY,
    }
}

#[cfg(test)]
mod tests {
    use domain::behaviors::{Call, Effort, Reminder};
    use domain::kernel::{BehaviorId, DiscordUserId, Personal};

    use super::*;
    use crate::testing::folded;

    #[test]
    fn a_reminder_whose_time_has_come_is_no_longer_due() {
        let call = Uuid::from_u128(1);
        let text = Personal::of(Person::discord(7), "tea".to_owned());
        let reminder = Reminder { channel: ChannelId(3), user: None, text };
        let due = Did::ReminderDue { call, action: 0, reminder };
        assert!(row([set()]).due_at.is_some());
        assert_eq!(row([set(), due]).due_at, None);
    }

    #[test]
    fn of_an_erased_action_only_the_kind_is_left() {
        let Did::Ran { call, kinds, private, effort, .. } = set() else { unreachable!() };
        let actions = Personal::Erased { of: Person::discord(7) };
        let erased = row([Did::Ran { call, actions, kinds, private, effort }]);
        assert_eq!((erased.kind.as_str(), erased.content, erased.due_at), ("remind", None, None));
    }

    #[test]
    fn what_only_the_caller_saw_cannot_be_taken_back_also_once_it_is_erased() {
        for (private, undoable) in [(Some(vec![0]), false), (Some(vec![]), true), (None, false)] {
            let Did::Ran { call, effort, .. } = set() else { unreachable!() };
            let call = Call { interaction: Some(MessageId(9)), ..call };
            let (id, kinds) = (call.id, vec!["reply".to_owned()]);
            let actions = Personal::Erased { of: Person::discord(7) };
            let ran = Did::Ran { call, actions, kinds, private, effort };
            let row = row([ran, delivered(id, "11", false)]);
            assert_eq!((row.undo.is_some(), row.private), (undoable, !undoable));
        }
    }

    #[test]
    fn parts_are_taken_back_together_and_what_was_so_before_is_not() {
        let Did::Ran { call, effort, .. } = set() else { unreachable!() };
        let (id, user) = (call.id, DiscordUserId(7));
        let ran = |action: Action| {
            let kinds = vec![action.as_ref().to_owned()];
            let actions = Personal::of(Person::discord(7), vec![action]);
            Did::Ran { call: call.clone(), actions, kinds, private: None, effort }
        };
        let (text, role) = ("x".to_owned(), "5".to_owned());
        let said = ran(Action::Reply { text, private: false, reactions: vec![] });
        let said = row([said, delivered(id, "11", false)]);
        let also = vec![MessageId(12)];
        let deleted = Undo::DeleteMessage { channel: ChannelId(3), message: MessageId(11), also };
        assert_eq!(said.undo(), Some(deleted));
        assert_eq!(said.reason.as_deref(), Some("the reaction"));
        for already in [false, true] {
            let given = ran(Action::AddRole { user, role: role.clone() });
            let given = row([given, delivered(id, "", already)]);
            assert_eq!(given.undo().is_none(), already);
        }
    }

    fn delivered(call: Uuid, outside_id: &str, already: bool) -> Did {
        let outcome = Outcome::Delivered { outside_id: outside_id.to_owned() };
        let (also, trouble) = (vec![MessageId(12)], Some("the reaction".to_owned()));
        Did::ActionSettled { call, action: 0, outcome, already, also, trouble }
    }

    fn row<const N: usize>(events: [Did; N]) -> Model {
        let id: BehaviorId = "remind".parse().unwrap();
        folded::<Actions>(events.map(|it| Event::Behavior(id.clone(), it))).unwrap()
    }

    fn set() -> Did {
        let call = Call {
            id: Uuid::from_u128(1),
            revision: 4,
            what: "command".into(),
            position: Some(17),
            at_ms: 0,
            guild: Some(GuildId(1)),
            channel: Some(ChannelId(3)),
            user: Some(DiscordUserId(7)),
            message: None,
            interaction: None,
        };
        let actions = vec![Action::Remind { after_s: 60, text: "tea".into() }];
        Did::Ran {
            call,
            actions: Personal::of(Person::discord(7), actions),
            kinds: vec!["remind".into()],
            private: None,
            effort: Effort { operations: 9, took_us: 12 },
        }
    }
}
