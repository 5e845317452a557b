//! Who approved or rejected which edit, and what they said.

use domain::kernel::{Actor, ERASED, EditId, Event, Person, Personal, Recorded};
use domain::self_editing::EditEvent as Did;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;

use crate::{Append, Millis, Tx};

/// One word on an edit. `decision` is `approved` or `rejected`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "self_editing_decisions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub idx: i64,
    pub edit_id: Uuid,
    pub decision: String,
    pub by_kind: String,
    pub by_id: String,
    /// The author approved the edit himself.
    pub alone: bool,
    /// Whose the comment is.
    pub owner: Option<String>,
    /// `[erased]` once its owner was erased.
    pub comment: Option<String>,
    pub decided_at: Millis,
}

impl ActiveModelBehavior for ActiveModel {}

/// The words on one edit, oldest first.
pub async fn of(db: &impl ConnectionTrait, edit: EditId) -> Result<Vec<Model>, DbErr> {
    let find = Entity::find().filter(Column::EditId.eq(edit.0));
    find.order_by_asc(Column::Position).order_by_asc(Column::Idx).all(db).await
}

/// The words on an edit as its own history tells them, without a database.
pub fn told(history: &[Recorded]) -> Vec<Model> {
    history.iter().flat_map(Decisions::rows).collect()
}

/// Builds the list.
pub struct Decisions;

impl Append for Decisions {
    const NAME: &'static str = "self_editing_decisions";
    const VERSION: u32 = 1;
    type Row = Model;

    fn rows(recorded: &Recorded) -> impl IntoIterator<Item = Model> {
        let (edit, event) = match &recorded.event {
            Event::Edit(edit, event) => (edit, event),
            Event::Alert(..)
            | Event::ApiKey(..)
            | Event::Behavior(..)
            | Event::Blob(..)
            | Event::Bot(..)
            | Event::Chain(..)
            | Event::Channel(..)
            | Event::Claim(..)
            | Event::Compensation(..)
            | Event::Conversation(..)
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
        let row = |decision: &str, by: &Actor, comment: Option<&Personal<String>>, alone| Model {
            position: recorded.position.cast_signed(),
            idx: recorded.index.into(),
            edit_id: edit.0,
            decision: decision.to_owned(),
            by_kind: by.kind.as_ref().to_owned(),
            by_id: by.id.clone(),
            alone,
            owner: comment.map(|comment| comment.person().as_str().to_owned()),
            comment: comment.map(|comment| comment.shown().to_owned()),
            decided_at: Millis(recorded.recorded_at),
        };
        match event {
            Did::Approved { by, comment, alone } => {
                Some(row("approved", by, comment.as_ref(), *alone))
            }
            Did::Rejected { by, reason } => Some(row("rejected", by, Some(reason), false)),
            Did::Applied { .. }
            | Did::ChecksFailed { .. }
            | Did::ChecksPassed { .. }
            | Did::Failed { .. }
            | Did::Proposed { .. }
            | Did::RolledBack { .. } => None,
        }
    }

    async fn forget(person: &Person, tx: &Tx) -> Result<(), DbErr> {
        let update = Entity::update_many().filter(Column::Owner.eq(person.as_str()));
        update.col_expr(Column::Comment, Expr::value(ERASED)).exec(tx).await?;
        Ok(())
    }
}
