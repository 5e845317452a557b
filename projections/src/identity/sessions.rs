//! The list of sessions: who is signed in, since when, and from where.

use chrono::{DateTime, Utc};
use domain::identity::SessionEvent as Did;
use domain::kernel::{Event, Origin, Person, Personal, Recorded, SessionId, UserId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{QueryOrder, QuerySelect};

use crate::views::Tx;
use crate::{Fold, Millis, Paged, Slice, Touch};

/// One session.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    /// A JSON array of how he showed who he is.
    pub methods: String,
    pub remember: bool,
    /// Whether a second factor was among it, then or later.
    pub factor: bool,
    pub started_at: Millis,
    pub refreshed_at: Millis,
    pub expires_at: Millis,
    pub ended_at: Option<Millis>,
    /// `logout`, `revoked`, `expired` …
    pub ending: Option<String>,
    /// How long each turn lasts.
    pub lasts_s: i64,
    /// From where it began; null once its user was erased.
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// The sessions of a user, the newest first; all, or only those that are good at this time.
pub async fn of_user(
    db: &impl ConnectionTrait,
    user: UserId,
    alive_at: Option<DateTime<Utc>>,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    let mut find = Entity::find().filter(Column::UserId.eq(user.0));
    if let Some(now) = alive_at {
        find = find.filter(Column::EndedAt.is_null());
        find = find.filter(Column::ExpiresAt.gt(now.timestamp_millis()));
    }
    slice.of(find.order_by_desc(Column::StartedAt).order_by_asc(Column::Id), db).await
}

/// All of a user that nobody ended.
pub async fn open(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<SessionId>, DbErr> {
    let find = Entity::find().filter(Column::UserId.eq(user.0)).filter(Column::EndedAt.is_null());
    let ids = find.select_only().column(Column::Id).order_by_desc(Column::StartedAt);
    let ids: Vec<Uuid> = ids.into_tuple().all(db).await?;
    Ok(ids.into_iter().map(SessionId).collect())
}

/// Some whose time ran out without anybody saying so.
pub async fn run_out(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<SessionId>, DbErr> {
    let find = Entity::find().filter(Column::EndedAt.is_null());
    let find = find.filter(Column::ExpiresAt.lte(now.timestamp_millis()));
    let ids = find.select_only().column(Column::Id).order_by_asc(Column::ExpiresAt).limit(limit);
    let ids: Vec<Uuid> = ids.into_tuple().all(db).await?;
    Ok(ids.into_iter().map(SessionId).collect())
}

/// Builds the list.
pub struct Sessions;

impl Fold for Sessions {
    const NAME: &'static str = "identity_sessions";
    const VERSION: u32 = 1;
    type Key = Uuid;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Uuid>> {
        match &recorded.event {
            Event::Session(id, Did::Started { .. }) => Some(Touch::Creates(id.0)),
            Event::Session(id, _) => Some(Touch::Changes(id.0)),
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
            | Event::Edit(..)
            | Event::Group(..)
            | Event::Guild(..)
            | Event::Installation(..)
            | Event::Organization(..)
            | Event::Person(..)
            | Event::Process(..)
            | Event::Rehearsal(..)
            | Event::Role(..)
            | Event::Settings(..)
            | Event::SignIn(..)
            | Event::User(..)
            | Event::Watch(..)
            | Event::Workspace(..) => None,
        }
    }

    fn fold(id: &Uuid, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Session(_, event) = &recorded.event else { return row };
        let at = Millis(recorded.recorded_at);
        match event {
            Did::Started { user, methods, factor, remember, started_at, lasts_s, .. } => {
                let origin = recorded.origin.as_deref().and_then(Personal::clear);
                let methods = methods.iter().map(AsRef::as_ref);
                let lasts_s = i64::try_from(*lasts_s).unwrap_or(i64::MAX);
                Some(Model {
                    id: *id,
                    user_id: user.0,
                    methods: methods.collect::<serde_json::Value>().to_string(),
                    remember: *remember,
                    factor: *factor,
                    started_at: Millis(*started_at),
                    refreshed_at: Millis(*started_at),
                    expires_at: Millis(*started_at + seconds(lasts_s)),
                    ended_at: None,
                    ending: None,
                    lasts_s,
                    ip_address: origin.map(|it: &Origin| it.ip_address.clone()),
                    user_agent: origin.and_then(|it| it.user_agent.clone()),
                })
            }
            Did::Refreshed { expires_at, .. } => {
                row.map(|row| Model { refreshed_at: at, expires_at: Millis(*expires_at), ..row })
            }
            Did::SteppedUp { .. } => row.map(|row| Model { factor: true, ..row }),
            Did::Kept { .. } => row,
            Did::Ended { reason, .. } => row.map(|row| Model {
                ended_at: Some(at),
                ending: Some(reason.as_ref().to_owned()),
                ..row
            }),
            Did::Expired => row.map(|row| Model {
                ended_at: Some(row.expires_at),
                ending: Some("expired".to_owned()),
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
        let Some(user) = user(person) else { return Ok(()) };
        let update = Entity::update_many().filter(Column::UserId.eq(user));
        let nothing = || Expr::value(Option::<String>::None);
        let update = update.col_expr(Column::IpAddress, nothing());
        update.col_expr(Column::UserAgent, nothing()).exec(tx).await?;
        Ok(())
    }
}

/// The user of a person; none when he is known by another name.
pub(super) fn user(person: &Person) -> Option<Uuid> {
    person.as_str().strip_prefix("user:")?.parse().ok()
}

fn seconds(count: i64) -> chrono::TimeDelta {
    chrono::TimeDelta::try_seconds(count.min(10_000_000_000)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::identity::{Ending, Method};
    use domain::kernel::Actor;

    use super::*;
    use crate::testing::{folded, recorded};

    #[test]
    fn a_session_is_shown_until_it_ends() {
        let refreshed = Did::Refreshed { turn: 1, expires_at: at(7_200) };
        let row = folded::<Sessions>([event(started()), event(refreshed)]).unwrap();
        assert_eq!((row.expires_at, row.refreshed_at), (Millis(at(7_200)), Millis(at(2))));
        assert_eq!((row.methods.as_str(), row.ended_at), (r#"["password"]"#, None));

        let ended = Did::Ended { reason: Ending::PasswordChanged, by: Actor::system("test") };
        let row = folded::<Sessions>([event(started()), event(ended)]).unwrap();
        assert_eq!(row.ended_at, Some(Millis(at(2))));
        assert_eq!(row.ending.as_deref(), Some("password_changed"));

        // Whenever that is noticed: it ended when its time ran out.
        let row = folded::<Sessions>([event(started()), event(Did::Expired)]).unwrap();
        assert_eq!(row.ended_at, Some(Millis(at(3_600))));
    }

    #[test]
    fn from_where_it_began_is_shown_unless_it_was_erased() {
        let shown = |origin| {
            let recorded =
                Recorded { origin: Some(Arc::new(origin)), ..recorded(1, event(started())) };
            Sessions::fold(&Uuid::nil(), None, &recorded).unwrap().ip_address
        };
        let person = Person::user(Uuid::nil());
        let origin = Origin { ip_address: "192.0.2.1".into(), user_agent: None };
        assert_eq!(shown(Personal::of(person.clone(), origin)).as_deref(), Some("192.0.2.1"));
        assert_eq!(shown(Personal::Erased { of: person }), None);
    }

    fn started() -> Did {
        Did::Started {
            user: UserId(Uuid::nil()),
            organization: None,
            methods: vec![Method::Password],
            factor: false,
            remember: false,
            started_at: at(0),
            lasts_s: 3_600,
            epoch: 1,
        }
    }

    fn event(did: Did) -> Event {
        Event::Session(SessionId(Uuid::nil()), did)
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }
}
