//! Events that an edit would have answered otherwise, as its rehearsals showed them.

use domain::kernel::{ERASED, Event, Person, Personal, Recorded, RehearsalId};
use domain::self_editing::{Example, RehearsalEvent as Did};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;

use crate::{Append, Tx, snowflake};

/// One event. Without an answer, the behavior was silent.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "self_editing_rehearsal_examples")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub rehearsal_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: i64,
    pub behavior: String,
    /// Where the event stands in the log.
    pub event_position: i64,
    pub event_idx: i64,
    /// What happened: `message`, `command` …
    pub what: String,
    pub channel_id: Option<i64>,
    /// Whose the texts are.
    pub owner: String,
    /// `[erased]` once its owner was erased, as the answers.
    pub said: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Those of one rehearsal, in the order of the log.
pub async fn of(db: &impl ConnectionTrait, id: RehearsalId) -> Result<Vec<Model>, DbErr> {
    let find = Entity::find().filter(Column::RehearsalId.eq(id.0));
    find.order_by_asc(Column::Place).all(db).await
}

/// Builds the list.
pub struct RehearsalExamples;

impl Append for RehearsalExamples {
    const NAME: &'static str = "self_editing_rehearsal_examples";
    const VERSION: u32 = 1;
    type Row = Model;

    fn rows(recorded: &Recorded) -> impl IntoIterator<Item = Model> {
        let Event::Rehearsal(id, Did::Ended { report }) = &recorded.event else {
            return Vec::new();
        };
        (0..).zip(&report.examples).map(|(place, it)| row(*id, place, it)).collect()
    }

    async fn forget(person: &Person, tx: &Tx) -> Result<(), DbErr> {
        let theirs = || Column::Owner.eq(person.as_str());
        for answer in [Column::Before, Column::After] {
            let update = Entity::update_many().filter(theirs()).filter(answer.is_not_null());
            update.col_expr(answer, Expr::value(ERASED)).exec(tx).await?;
        }
        let update = Entity::update_many().filter(theirs());
        update.col_expr(Column::Said, Expr::value(ERASED)).exec(tx).await?;
        Ok(())
    }
}

fn row(RehearsalId(rehearsal_id): RehearsalId, place: i64, example: &Example) -> Model {
    let shown = |text: &Option<Personal<String>>| text.as_ref().map(|it| it.shown().to_owned());
    Model {
        rehearsal_id,
        place,
        behavior: example.behavior.to_string(),
        event_position: example.position.cast_signed(),
        event_idx: example.index.into(),
        what: example.what.clone(),
        channel_id: example.channel.map(|it| snowflake(it.0)),
        owner: example.said.person().as_str().to_owned(),
        said: example.said.shown().to_owned(),
        before: shown(&example.before),
        after: shown(&example.after),
    }
}
