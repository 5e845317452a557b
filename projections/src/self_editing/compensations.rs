//! Compensations of what edits did outside, and how far each has come.

use domain::kernel::{CompensationId, ERASED, EditId, Event, Outcome, Person, Recorded};
use domain::self_editing::CompensationEvent as Did;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;

use crate::{Fold, Millis, Paged, Slice, Touch, Tx};

/// One compensation. `status` is `proposed`, `approved`, `rejected` or `done`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "self_editing_compensations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub edit_id: Uuid,
    pub status: String,
    pub by_kind: String,
    pub by_id: String,
    /// Whose the reason is.
    pub owner: String,
    /// `[erased]` once its owner was erased.
    pub reason: String,
    pub steps: i64,
    pub delivered: i64,
    /// Those of which nobody knows count as well.
    pub failed: i64,
    pub created_at: Millis,
    pub decided_by_kind: Option<String>,
    pub decided_by_id: Option<String>,
    /// Who proposed it approved it himself.
    pub alone: bool,
    /// Whose the word is.
    pub word_owner: Option<String>,
    /// Why it was rejected; `[erased]` once its owner was erased.
    pub word: Option<String>,
    pub decided_at: Option<Millis>,
    pub ended_at: Option<Millis>,
}

impl ActiveModelBehavior for ActiveModel {}

/// One compensation.
pub async fn find(db: &impl ConnectionTrait, id: CompensationId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id.0).one(db).await
}

/// Those of one edit, the newest first.
pub async fn of(
    db: &impl ConnectionTrait,
    edit: EditId,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    let find = Entity::find().filter(Column::EditId.eq(edit.0));
    slice.of(find.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id), db).await
}

/// Those with these ids.
pub(crate) async fn among(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::Id.is_in(ids)).all(db).await
}

/// A compensation as its own history tells it, without a database.
pub fn told(history: &[Recorded]) -> Option<Model> {
    history.iter().fold(None, |row, recorded| match &recorded.event {
        Event::Compensation(id, _) => Compensations::fold(&id.0, row, recorded),
        _ => row,
    })
}

/// Builds the list.
pub struct Compensations;

impl Fold for Compensations {
    const NAME: &'static str = "self_editing_compensations";
    const VERSION: u32 = 1;
    type Key = Uuid;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Uuid>> {
        let Event::Compensation(id, event) = &recorded.event else { return None };
        Some(match event {
            Did::Proposed { .. } => Touch::Creates(id.0),
            Did::Approved { .. } | Did::Rejected { .. } | Did::StepSettled { .. } => {
                Touch::Changes(id.0)
            }
        })
    }

    fn fold(id: &Uuid, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Compensation(_, event) = &recorded.event else { return row };
        let now = Millis(recorded.recorded_at);
        match event {
            Did::Proposed { edit, by, reason, steps } => Some(Model {
                id: *id,
                edit_id: edit.0,
                status: "proposed".to_owned(),
                by_kind: by.kind.as_ref().to_owned(),
                by_id: by.id.clone(),
                owner: reason.person().as_str().to_owned(),
                reason: reason.shown().to_owned(),
                steps: i64::try_from(steps.len()).unwrap_or(i64::MAX),
                delivered: 0,
                failed: 0,
                created_at: now,
                decided_by_kind: None,
                decided_by_id: None,
                alone: false,
                word_owner: None,
                word: None,
                decided_at: None,
                ended_at: None,
            }),
            Did::Approved { by, alone } => row.map(|row| Model {
                status: "approved".to_owned(),
                decided_by_kind: Some(by.kind.as_ref().to_owned()),
                decided_by_id: Some(by.id.clone()),
                alone: *alone,
                decided_at: Some(now),
                ..row
            }),
            Did::Rejected { by, reason } => row.map(|row| Model {
                status: "rejected".to_owned(),
                decided_by_kind: Some(by.kind.as_ref().to_owned()),
                decided_by_id: Some(by.id.clone()),
                word_owner: Some(reason.person().as_str().to_owned()),
                word: Some(reason.shown().to_owned()),
                decided_at: Some(now),
                ended_at: Some(now),
                ..row
            }),
            Did::StepSettled { outcome, .. } => row.map(|row| settled(row, outcome, now)),
        }
    }

    fn values(key: &Uuid) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(row: &Model) -> Uuid {
        row.id
    }

    async fn forget(person: &Person, tx: &Tx) -> Result<(), DbErr> {
        let update = Entity::update_many().filter(Column::Owner.eq(person.as_str()));
        update.col_expr(Column::Reason, Expr::value(ERASED)).exec(tx).await?;
        let update = Entity::update_many().filter(Column::WordOwner.eq(person.as_str()));
        update.col_expr(Column::Word, Expr::value(ERASED)).exec(tx).await?;
        Ok(())
    }
}

fn settled(mut row: Model, outcome: &Outcome, now: Millis) -> Model {
    match outcome {
        Outcome::Delivered { .. } => row.delivered += 1,
        Outcome::Failed { .. } | Outcome::Unknown { .. } => row.failed += 1,
    }
    if row.delivered + row.failed >= row.steps {
        "done".clone_into(&mut row.status);
        row.ended_at = Some(now);
    }
    row
}

#[cfg(test)]
mod tests {
    use domain::kernel::{Actor, ChannelId, MessageId, Personal, Undo};
    use domain::self_editing::Step;

    use super::*;
    use crate::testing::{folded, moment};

    #[test]
    fn one_is_done_when_all_its_steps_are_settled() {
        let step = |action| Step {
            behavior: "greet".parse().unwrap(),
            call: Uuid::nil(),
            action,
            undo: Undo::DeleteMessage {
                channel: ChannelId(1),
                message: MessageId(2),
                also: vec![],
            },
        };
        let proposed = Did::Proposed {
            edit: EditId(Uuid::nil()),
            by: Actor::api_key("ana"),
            reason: Personal::of(Person::operator(), "sorry".into()),
            steps: vec![step(0), step(1)],
        };
        let approved = Did::Approved { by: Actor::api_key("ben"), alone: false };
        let delivered = Outcome::Delivered { outside_id: String::new() };
        let failed = Outcome::Failed { reason: "no".into() };
        let events = [
            proposed,
            approved,
            Did::StepSettled { step: 0, outcome: delivered },
            Did::StepSettled { step: 1, outcome: failed },
        ];
        let id = CompensationId(Uuid::nil());
        let row = |count: usize| {
            let events = events.iter().take(count).cloned();
            folded::<Compensations>(events.map(|it| Event::Compensation(id, it))).unwrap()
        };
        assert_eq!((row(1).status.as_str(), row(1).steps), ("proposed", 2));
        assert_eq!((row(3).status.as_str(), row(3).ended_at), ("approved", None));
        let done = row(4);
        assert_eq!((done.status.as_str(), done.delivered, done.failed), ("done", 1, 1));
        assert_eq!(done.ended_at, Some(Millis(moment(4))));
    }
}
