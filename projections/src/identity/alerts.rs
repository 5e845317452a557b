//! The list of alerts about security.

use domain::identity::AlertEvent as Did;
use domain::kernel::{AlertId, ERASED, Event, Outcome, Person, Recorded};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;

use crate::views::Tx;
use crate::{Fold, Millis, Paged, Slice, Touch};

/// One alert.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_alerts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    /// `new_place`, `many_failures` …
    pub kind: String,
    /// Whose account it is about, where it is about one.
    pub user_id: Option<Uuid>,
    /// Whose data the details are.
    pub owner: String,
    pub details: String,
    pub raised_at: Millis,
    /// What became of the mail to the user: `delivered`, `failed`, `unknown`.
    pub mailed: Option<String>,
    pub acknowledged_at: Option<Millis>,
    pub acknowledged_by_kind: Option<String>,
    pub acknowledged_by_id: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What to look for; everything at once.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub kind: Option<String>,
    pub acknowledged: Option<bool>,
}

/// One alert.
pub async fn find(db: &impl ConnectionTrait, id: AlertId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id.0).one(db).await
}

/// The alerts, the newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    filter: &Filter,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    let mut find = Entity::find();
    if let Some(kind) = &filter.kind {
        find = find.filter(Column::Kind.eq(kind));
    }
    match filter.acknowledged {
        Some(true) => find = find.filter(Column::AcknowledgedAt.is_not_null()),
        Some(false) => find = find.filter(Column::AcknowledgedAt.is_null()),
        None => {}
    }
    slice.of(find.order_by_desc(Column::RaisedAt).order_by_asc(Column::Id), db).await
}

/// Builds the list.
pub struct Alerts;

impl Fold for Alerts {
    const NAME: &'static str = "identity_alerts";
    const VERSION: u32 = 1;
    type Key = Uuid;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Uuid>> {
        let Event::Alert(id, event) = &recorded.event else { return None };
        Some(match event {
            Did::Raised { .. } => Touch::Creates(id.0),
            Did::Acknowledged { .. } | Did::Told { .. } => Touch::Changes(id.0),
        })
    }

    fn fold(id: &Uuid, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Alert(_, event) = &recorded.event else { return row };
        let (version, at) = (recorded.version.cast_signed(), Millis(recorded.recorded_at));
        match event {
            Did::Raised { kind, user, details } => Some(Model {
                id: *id,
                version,
                kind: kind.as_ref().to_owned(),
                user_id: user.map(|user| user.0),
                owner: details.person().to_string(),
                details: details.shown().to_owned(),
                raised_at: at,
                mailed: None,
                acknowledged_at: None,
                acknowledged_by_kind: None,
                acknowledged_by_id: None,
            }),
            Did::Told { outcome } => {
                let mailed = match outcome {
                    Outcome::Delivered { .. } => "delivered",
                    Outcome::Failed { .. } => "failed",
                    Outcome::Unknown { .. } => "unknown",
                };
                row.map(|row| Model { version, mailed: Some(mailed.to_owned()), ..row })
            }
            Did::Acknowledged { by } => row.map(|row| Model {
                version,
                acknowledged_at: Some(at),
                acknowledged_by_kind: Some(by.kind.as_ref().to_owned()),
                acknowledged_by_id: Some(by.id.clone()),
                ..row
            }),
        }
    }

    fn values(key: &Uuid) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(row: &Model) -> Uuid {
        row.id
    }

    async fn forget(person: &Person, tx: &Tx) -> Result<(), DbErr> {
        let theirs = Entity::update_many().filter(Column::Owner.eq(person.as_str()));
        theirs.col_expr(Column::Details, Expr::value(ERASED)).exec(tx).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use domain::identity::AlertKind;
    use domain::kernel::{Actor, Personal, UserId};

    use super::*;
    use crate::testing::{folded, moment};

    #[test]
    fn an_alert_is_raised_mailed_and_looked_at() {
        let (id, user) = (AlertId::new(), UserId::new());
        let details = Personal::of(Person::user(user), "from elsewhere".to_owned());
        let (kind, by) = (AlertKind::NewPlace, Actor::api_key("k"));
        let outcome = Outcome::Failed { reason: "no".to_owned() };
        let events = [
            Did::Raised { kind, user: Some(user), details },
            Did::Told { outcome },
            Did::Acknowledged { by },
        ];
        let row = folded::<Alerts>(events.map(|event| Event::Alert(id, event))).unwrap();
        assert_eq!((row.kind.as_str(), row.user_id), ("new_place", Some(user.0)));
        assert_eq!((row.owner, row.details.as_str()), (format!("user:{user}"), "from elsewhere"));
        assert_eq!((row.version, row.mailed.as_deref()), (3, Some("failed")));
        assert_eq!(row.acknowledged_at, Some(Millis(moment(3))));
    }
}
