//! Errors of behaviors, as rehearsals of edits showed them.

use domain::kernel::{ERASED, Event, Person, Recorded, RehearsalId};
use domain::self_editing::{Failing, RehearsalEvent as Did};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;

use crate::{Append, Tx};

/// One error, however often it came up.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "self_editing_rehearsal_errors")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub rehearsal_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: i64,
    pub behavior: String,
    /// Where in the script, from 1.
    pub line: Option<i64>,
    /// Whose the reason is.
    pub owner: String,
    /// `[erased]` once its owner was erased.
    pub reason: String,
    /// How often, before and after the edit.
    pub before: i64,
    pub after: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// Those of one rehearsal, by behavior.
pub async fn of(db: &impl ConnectionTrait, id: RehearsalId) -> Result<Vec<Model>, DbErr> {
    let find = Entity::find().filter(Column::RehearsalId.eq(id.0));
    find.order_by_asc(Column::Place).all(db).await
}

/// Builds the list.
pub struct RehearsalErrors;

impl Append for RehearsalErrors {
    const NAME: &'static str = "self_editing_rehearsal_errors";
    const VERSION: u32 = 1;
    type Row = Model;

    fn rows(recorded: &Recorded) -> impl IntoIterator<Item = Model> {
        let Event::Rehearsal(id, Did::Ended { report }) = &recorded.event else {
            return Vec::new();
        };
        (0..).zip(&report.errors).map(|(place, it)| row(*id, place, it)).collect()
    }

    async fn forget(person: &Person, tx: &Tx) -> Result<(), DbErr> {
        let update = Entity::update_many().filter(Column::Owner.eq(person.as_str()));
        update.col_expr(Column::Reason, Expr::value(ERASED)).exec(tx).await?;
        Ok(())
    }
}

fn row(RehearsalId(rehearsal_id): RehearsalId, place: i64, error: &Failing) -> Model {
    Model {
        rehearsal_id,
        place,
        behavior: error.behavior.to_string(),
        line: error.line.map(i64::from),
        owner: error.reason.person().as_str().to_owned(),
        reason: error.reason.shown().to_owned(),
        before: error.before.cast_signed(),
        after: error.after.cast_signed(),
    }
}
