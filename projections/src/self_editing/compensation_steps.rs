//! The steps of compensations, and what became of each.

use domain::kernel::{CompensationId, Event, Outcome, Recorded, Undo};
use domain::self_editing::CompensationEvent as Did;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::{Fold, Millis, Paged, Slice, Touch};

/// One step. `outcome` is `delivered`, `failed` or `unknown`, and none until that is known.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "self_editing_compensation_steps")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub compensation_id: Uuid,
    /// From 0, in the order in which they are done.
    #[sea_orm(primary_key, auto_increment = false)]
    pub step: i64,
    /// Whose action is taken back.
    pub behavior: String,
    pub call_id: Uuid,
    /// Its place among the actions of the call.
    pub action: i64,
    /// As JSON; see [`Model::undo`].
    pub undo: String,
    pub outcome: Option<String>,
    pub reason: Option<String>,
    pub settled_at: Option<Millis>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// What is done.
    pub fn undo(&self) -> Option<Undo> {
        serde_json::from_str(&self.undo).ok()
    }
}

/// The steps of one compensation, in order.
pub async fn of(
    db: &impl ConnectionTrait,
    id: CompensationId,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    let find = Entity::find().filter(Column::CompensationId.eq(id.0));
    slice.of(find.order_by_asc(Column::Step), db).await
}

/// The steps that take actions of these calls back.
pub(crate) async fn about(
    db: &impl ConnectionTrait,
    calls: Vec<Uuid>,
) -> Result<Vec<Model>, DbErr> {
    let find = Entity::find().filter(Column::CallId.is_in(calls));
    find.order_by_asc(Column::CompensationId).order_by_asc(Column::Step).all(db).await
}

/// Builds the list.
pub struct CompensationSteps;

impl Fold for CompensationSteps {
    const NAME: &'static str = "self_editing_compensation_steps";
    const VERSION: u32 = 1;
    type Key = (Uuid, u32);
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Self::Key>> {
        let Event::Compensation(id, event) = &recorded.event else { return Vec::new() };
        match event {
            Did::Proposed { steps, .. } => {
                (0u32..).zip(steps).map(|(place, _)| Touch::Creates((id.0, place))).collect()
            }
            Did::StepSettled { step, .. } => vec![Touch::Changes((id.0, *step))],
            Did::Approved { .. } | Did::Rejected { .. } => Vec::new(),
        }
    }

    fn fold(key: &Self::Key, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Compensation(_, event) = &recorded.event else { return row };
        let (compensation_id, place) = *key;
        match event {
            Did::Proposed { steps, .. } => steps.get(place as usize).map(|it| Model {
                compensation_id,
                step: place.into(),
                behavior: it.behavior.to_string(),
                call_id: it.call,
                action: it.action.into(),
                undo: serde_json::to_string(&it.undo).unwrap_or_default(),
                outcome: None,
                reason: None,
                settled_at: None,
            }),
            Did::StepSettled { outcome, .. } => row.map(|row| {
                let (outcome, reason) = match outcome.clone() {
                    Outcome::Delivered { .. } => ("delivered", None),
                    Outcome::Failed { reason } => ("failed", Some(reason)),
                    Outcome::Unknown { reason } => ("unknown", Some(reason)),
                };
                let settled_at = Some(Millis(recorded.recorded_at));
                Model { outcome: Some(outcome.to_owned()), reason, settled_at, ..row }
            }),
            Did::Approved { .. } | Did::Rejected { .. } => row,
        }
    }

    fn values((id, step): &Self::Key) -> Vec<Value> {
        vec![(*id).into(), i64::from(*step).into()]
    }

    fn key(row: &Model) -> Self::Key {
        (row.compensation_id, u32::try_from(row.step).unwrap_or_default())
    }
}
