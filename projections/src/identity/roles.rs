//! The list of roles that somebody made.

use domain::identity::RoleEvent as Did;
use domain::kernel::{Event, Recorded, RoleId};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::{Fold, Millis, Touch};

/// One role.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_roles")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub description: String,
    /// A JSON array of permissions.
    pub permissions: String,
    pub created_at: Millis,
    pub updated_at: Millis,
}

impl ActiveModelBehavior for ActiveModel {}

/// All of them, by name.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_asc(Column::Name).all(db).await
}

/// Builds the list.
pub struct Roles;

impl Fold for Roles {
    const NAME: &'static str = "identity_roles";
    const VERSION: u32 = 1;
    type Key = RoleId;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<RoleId>> {
        match &recorded.event {
            Event::Role(id, _) => Some(Touch::Changes(id.clone())),
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
            | Event::Session(..)
            | Event::Settings(..)
            | Event::SignIn(..)
            | Event::User(..)
            | Event::Watch(..)
            | Event::Workspace(..) => None,
        }
    }

    fn fold(id: &RoleId, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Role(_, event) = &recorded.event else { return row };
        let at = Millis(recorded.recorded_at);
        match event {
            Did::Created { description, permissions, .. }
            | Did::Changed { description, permissions, .. } => Some(Model {
                name: id.to_string(),
                description: description.clone(),
                permissions: permissions.iter().collect::<serde_json::Value>().to_string(),
                created_at: row.map_or(at, |row| row.created_at),
                updated_at: at,
            }),
            Did::Deleted { .. } => None,
        }
    }

    fn values(key: &RoleId) -> Vec<Value> {
        vec![key.to_string().into()]
    }

    fn key(row: &Model) -> RoleId {
        match row.name.parse() {
            Ok(id) => id,
            Err(error) => unreachable!("a role is kept by its name: {error}"),
        }
    }
}
