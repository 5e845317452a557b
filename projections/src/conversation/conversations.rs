//! The list of conversations: one row each, however often it was opened.

use domain::conversation::ConversationEvent as Did;
use domain::kernel::{ConversationId, Event, Recorded};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder};

use crate::{Fold, Millis, Paged, Slice, Touch};

/// One conversation. `status` is `active` or `ended`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "conversations")]
pub struct Model {
    /// `<user>:<channel>`
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub user_id: String,
    pub channel_id: String,
    pub guild_id: Option<String>,
    pub status: String,
    /// How often it was opened.
    pub session: i64,
    /// When it was first opened.
    pub created_at: Millis,
    /// When it was last opened.
    pub opened_at: Millis,
    pub last_active_at: Millis,
    pub ended_at: Option<Millis>,
    pub end_reason: Option<String>,
    /// Of the last session, once it has ended.
    pub duration_s: Option<i64>,
    pub message_count: i64,
    /// In the present or last session.
    pub session_message_count: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What to look for; everything at once.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub user_id: Option<String>,
    pub channel_id: Option<String>,
    pub guild_id: Option<String>,
    /// `active` or `ended`; both without it.
    pub status: Option<String>,
}

/// One conversation.
pub async fn find(db: &impl ConnectionTrait, id: &str) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// Conversations, the last active first.
pub async fn list(
    db: &impl ConnectionTrait,
    filter: &Filter,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    let Filter { user_id, channel_id, guild_id, status } = filter;
    let mut all = Condition::all();
    for (column, wanted) in [
        (Column::UserId, user_id),
        (Column::ChannelId, channel_id),
        (Column::GuildId, guild_id),
        (Column::Status, status),
    ] {
        if let Some(wanted) = wanted {
            all = all.add(column.eq(wanted));
        }
    }
    let find = Entity::find().filter(all);
    let find = find.order_by_desc(Column::LastActiveAt).order_by_asc(Column::Id);
    slice.of(find, db).await
}

/// Builds the list.
pub struct Conversations;

impl Fold for Conversations {
    const NAME: &'static str = "conversations";
    const VERSION: u32 = 1;
    type Key = ConversationId;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<ConversationId>> {
        match &recorded.event {
            Event::Conversation(id, _) => Some(Touch::Changes(id.clone())),
            Event::Alert(..)
            | Event::ApiKey(..)
            | Event::Behavior(..)
            | Event::Blob(..)
            | Event::Bot(..)
            | Event::Chain(..)
            | Event::Channel(..)
            | Event::Claim(..)
            | Event::Compensation(..)
            | Event::Edit(..)
            | Event::Group(..)
            | Event::Guild(..)
            | Event::Installation(..)
            | Event::Organization(..)
            | Event::Person(..)
            | Event::Process(..)
            | Event::Rehearsal(..)
            | Event::Role(..)
            | Event::Session(..)
            | Event::Settings(..)
            | Event::SignIn(..)
            | Event::User(..)
            | Event::Watch(..)
            | Event::Workspace(..) => None,
        }
    }

    fn fold(id: &ConversationId, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Conversation(_, event) = &recorded.event else { return row };
        let last_active_at = Millis(recorded.occurred_at);
        match event {
            Did::Opened { session, guild, opened_at } => {
                let opened_at = Millis(*opened_at);
                let (created_at, message_count) =
                    row.map_or((opened_at, 0), |row| (row.created_at, row.message_count));
                Some(Model {
                    id: id.to_string(),
                    user_id: id.user().to_owned(),
                    channel_id: id.channel().to_owned(),
                    guild_id: guild.clone(),
                    status: "active".to_owned(),
                    session: (*session).into(),
                    created_at,
                    opened_at,
                    last_active_at,
                    ended_at: None,
                    end_reason: None,
                    duration_s: None,
                    message_count,
                    session_message_count: 0,
                })
            }
            Did::Answered { .. } | Did::MessageReceived { .. } => row.map(|row| Model {
                message_count: row.message_count + 1,
                session_message_count: row.session_message_count + 1,
                last_active_at,
                ..row
            }),
            Did::Ended { reason, ended_at, duration_s, .. } => row.map(|row| Model {
                status: "ended".to_owned(),
                ended_at: Some(Millis(*ended_at)),
                end_reason: Some(reason.clone()),
                duration_s: Some(duration_s.cast_signed()),
                last_active_at,
                ..row
            }),
            Did::AnswerSettled { .. } => row,
        }
    }

    fn values(key: &ConversationId) -> Vec<Value> {
        vec![key.to_string().into()]
    }

    fn key(row: &Model) -> ConversationId {
        // Both halves were taken from an id.
        ConversationId::new(&row.user_id, &row.channel_id)
            .unwrap_or_else(|error| unreachable!("a stored conversation id: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use domain::kernel::{Person, Personal};

    use super::*;
    use crate::testing::{folded, moment};

    #[test]
    fn a_conversation_goes_on_in_another_session() {
        let ended =
            Did::Ended { reason: "done".into(), ended_at: moment(3), messages: 1, duration_s: 2 };
        let row = talk([opened(1), said(), ended.clone()]);
        assert_eq!((row.status.as_str(), row.duration_s, row.session), ("ended", Some(2), 1));

        let row = talk([opened(1), said(), ended, opened(2), said(), said()]);
        assert_eq!((row.status.as_str(), row.ended_at, row.session), ("active", None, 2));
        assert_eq!((row.message_count, row.session_message_count), (3, 2));
        assert_eq!((row.created_at.0, row.last_active_at.0), (moment(0), moment(6)));
    }

    fn talk(events: impl IntoIterator<Item = Did>) -> Model {
        let id = ConversationId::new("ana", "desk").unwrap();
        let events = events.into_iter().map(|event| Event::Conversation(id.clone(), event));
        folded::<Conversations>(events).unwrap()
    }

    fn opened(session: u32) -> Did {
        Did::Opened { session, guild: None, opened_at: moment(0) }
    }

    fn said() -> Did {
        let content = Personal::of(Person::user("ana"), "hello".to_owned());
        Did::MessageReceived { message: Uuid::nil(), content, length: 5 }
    }
}
