//! What was said in conversations, by both sides.

use domain::conversation::ConversationEvent as Did;
use domain::kernel::{ERASED, Event, Person, Personal, Recorded};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{Condition, QueryOrder, QuerySelect};

use super::conversations;
use crate::{Append, Millis, Paged, Slice, Tx};

/// One message. `role` is `user` or `assistant`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "conversation_messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub idx: i64,
    pub id: Uuid,
    pub conversation_id: String,
    /// The message that an answer answers.
    pub reply_to: Option<Uuid>,
    pub role: String,
    /// Whose the content is.
    pub owner: String,
    /// `[erased]` once its owner was erased.
    pub content: String,
    /// In characters.
    pub length: i64,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub tokens: Option<i64>,
    pub processing_ms: Option<i64>,
    pub occurred_at: Millis,
}

impl ActiveModelBehavior for ActiveModel {}

/// The messages of one conversation, oldest first. How many there are, the conversation knows.
pub async fn list(
    db: &impl ConnectionTrait,
    conversation: &conversations::Model,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    let find = Entity::find().filter(Column::ConversationId.eq(&conversation.id));
    let find = find.order_by_asc(Column::Position).order_by_asc(Column::Idx);
    let items = find.limit(slice.limit).offset(slice.offset).all(db).await?;
    Ok(Paged { items, total: conversation.message_count.cast_unsigned() })
}

/// The answers with this id or to this message, oldest first.
pub async fn answers(db: &impl ConnectionTrait, id: Uuid) -> Result<Vec<Model>, DbErr> {
    let any = Condition::any().add(Column::Id.eq(id)).add(Column::ReplyTo.eq(id));
    let find = Entity::find().filter(any).filter(Column::Role.eq("assistant")).limit(20);
    find.order_by_asc(Column::Position).order_by_asc(Column::Idx).all(db).await
}

/// Builds the list.
pub struct Messages;

impl Append for Messages {
    const NAME: &'static str = "conversation_messages";
    const VERSION: u32 = 1;
    type Row = Model;

    fn rows(recorded: &Recorded) -> impl IntoIterator<Item = Model> {
        let (conversation, event) = match &recorded.event {
            Event::Conversation(id, event) => (id, event),
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
            | Event::Workspace(..) => return None,
        };
        let row = |id: Uuid, role: &str, content: &Personal<String>, length: u32| Model {
            position: recorded.position.cast_signed(),
            idx: recorded.index.into(),
            id,
            conversation_id: conversation.to_string(),
            reply_to: None,
            role: role.to_owned(),
            owner: content.person().as_str().to_owned(),
            content: content.shown().to_owned(),
            length: length.into(),
            provider: None,
            model: None,
            tokens: None,
            processing_ms: None,
            occurred_at: Millis(recorded.occurred_at),
        };
        match event {
            Did::Answered {
                to,
                answer,
                content,
                length,
                provider,
                model,
                tokens,
                processing_ms,
                deliver: _,
            } => Some(Model {
                reply_to: Some(*to),
                provider: Some(provider.clone()),
                model: Some(model.clone()),
                tokens: Some(tokens.cast_signed()),
                processing_ms: Some(processing_ms.cast_signed()),
                ..row(*answer, "assistant", content, *length)
            }),
            Did::MessageReceived { message, content, length } => {
                Some(row(*message, "user", content, *length))
            }
            Did::AnswerSettled { .. } | Did::Ended { .. } | Did::Opened { .. } => None,
        }
    }

    async fn forget(person: &Person, tx: &Tx) -> Result<(), DbErr> {
        let update = Entity::update_many().filter(Column::Owner.eq(person.as_str()));
        update.col_expr(Column::Content, Expr::value(ERASED)).exec(tx).await?;
        Ok(())
    }
}
