//! The Discord installations of tenants' projects.

use domain::integrations::{InstallationEvent as Did, InstallationStatus as Is};
use domain::kernel::{Actor, Event, InstallationId, Recorded};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::{Fold, Millis, Touch};

/// One installation. `status` is `pending`, `active`, `degraded` or `removed`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "integrations_installations")]
pub struct Model {
    /// `<tenant>:<project>`
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The same as a UUID, for clients that expect one.
    pub uuid: Uuid,
    pub tenant_id: String,
    pub project_id: String,
    pub status: String,
    pub guild_id: Option<String>,
    pub guild_name: Option<String>,
    pub scope: Option<String>,
    pub installed_by_kind: Option<String>,
    pub installed_by_id: Option<String>,
    /// Why the last try did not work.
    pub failure: Option<String>,
    pub created_at: Millis,
    pub updated_at: Millis,
    pub installed_at: Option<Millis>,
}

impl ActiveModelBehavior for ActiveModel {}

/// One installation.
pub async fn find(db: &impl ConnectionTrait, id: &InstallationId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id.to_string()).one(db).await
}

/// What is installed for a project, or about to be.
pub async fn of_project(
    db: &impl ConnectionTrait,
    tenant: &str,
    project: &str,
) -> Result<Vec<Model>, DbErr> {
    let find = Entity::find()
        .filter(Column::TenantId.eq(tenant))
        .filter(Column::ProjectId.eq(project))
        .filter(Column::Status.ne(Is::Removed.as_ref()));
    find.order_by_asc(Column::CreatedAt).all(db).await
}

/// Builds the list.
pub struct Installations;

fn status(word: &str) -> Option<Is> {
    [Is::Active, Is::Degraded, Is::Pending, Is::Removed].into_iter().find(|it| it.as_ref() == word)
}

impl Fold for Installations {
    const NAME: &'static str = "integrations_installations";
    const VERSION: u32 = 1;
    type Key = InstallationId;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<InstallationId>> {
        match &recorded.event {
            Event::Installation(id, _) => Some(Touch::Changes(id.clone())),
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

    fn fold(id: &InstallationId, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Installation(_, event) = &recorded.event else { return row };
        let now = Millis(recorded.recorded_at);
        let before = row.as_ref().and_then(|row| status(&row.status));
        let Some(after) = event.status_after(before) else { return row };
        // What was removed and is asked for again starts anew.
        let kept = row.filter(|_| before != Some(Is::Removed));
        let mut row = kept.unwrap_or_else(|| Model {
            id: id.to_string(),
            uuid: Uuid::new_v5(&Uuid::NAMESPACE_OID, id.to_string().as_bytes()),
            tenant_id: id.tenant().to_owned(),
            project_id: id.project().to_owned(),
            status: String::new(),
            guild_id: None,
            guild_name: None,
            scope: None,
            installed_by_kind: None,
            installed_by_id: None,
            failure: None,
            created_at: now,
            updated_at: now,
            installed_at: None,
        });
        after.as_ref().clone_into(&mut row.status);
        row.updated_at = now;
        match event {
            Did::Completed { guild_id, guild_name, scope, by } => {
                row.guild_id = Some(guild_id.clone());
                row.guild_name = Some(guild_name.clone());
                row.scope = Some(scope.clone());
                if let Some(by) = by {
                    installed_by(&mut row, by);
                }
                row.failure = None;
                row.installed_at = Some(now);
            }
            Did::Failed { reason } => row.failure = Some(reason.clone()),
            Did::Removed { .. } => {}
            Did::Requested { by } => {
                if row.installed_at.is_none() {
                    installed_by(&mut row, by);
                }
            }
        }
        Some(row)
    }

    fn values(key: &InstallationId) -> Vec<Value> {
        vec![key.to_string().into()]
    }

    fn key(row: &Model) -> InstallationId {
        // Both halves were taken from an id.
        InstallationId::new(&row.tenant_id, &row.project_id)
            .unwrap_or_else(|error| unreachable!("a stored installation id: {error}"))
    }
}

fn installed_by(row: &mut Model, by: &Actor) {
    row.installed_by_kind = Some(by.kind.as_ref().to_owned());
    row.installed_by_id = Some(by.id.clone());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{folded, moment};

    #[test]
    fn an_installation_that_was_removed_starts_anew() {
        let row = installed([requested(), completed()]);
        assert_eq!((row.status.as_str(), row.guild_name.as_deref()), ("active", Some("Home")));
        assert_eq!((row.created_at.0, row.installed_at), (moment(1), Some(Millis(moment(2)))));

        let removed = Did::Removed { by: Actor::system("tests") };
        let row = installed([requested(), completed(), removed, requested()]);
        assert_eq!((row.status.as_str(), row.guild_name), ("pending", None));
        assert_eq!((row.created_at.0, row.installed_at), (moment(4), None));
    }

    fn installed(events: impl IntoIterator<Item = Did>) -> Model {
        let id = InstallationId::new("t", "p").unwrap();
        let events = events.into_iter().map(|event| Event::Installation(id.clone(), event));
        folded::<Installations>(events).unwrap()
    }

    fn requested() -> Did {
        Did::Requested { by: Actor::system("tests") }
    }

    fn completed() -> Did {
        let (guild_id, guild_name) = ("9".to_owned(), "Home".to_owned());
        Did::Completed { guild_id, guild_name, scope: "bot".into(), by: None }
    }
}
