//! The list of API keys. The secrets are not here.

use domain::identity::ApiKeyEvent as Did;
use domain::kernel::{ApiKeyId, Event, Recorded};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::{Fold, Millis, Paged, Slice, Touch};

/// One key.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_api_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    /// A JSON array of permissions.
    pub permissions: String,
    pub created_at: Millis,
    pub created_by_kind: String,
    pub created_by_id: String,
    pub expires_at: Option<Millis>,
    pub revoked_at: Option<Millis>,
}

impl ActiveModelBehavior for ActiveModel {}

/// One key.
pub async fn find(db: &impl ConnectionTrait, id: ApiKeyId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id.0).one(db).await
}

/// The keys, the newest first, revoked ones included.
pub async fn list(db: &impl ConnectionTrait, slice: Slice) -> Result<Paged<Model>, DbErr> {
    slice.of(Entity::find().order_by_desc(Column::CreatedAt).order_by_asc(Column::Id), db).await
}

/// Builds the list.
pub struct ApiKeys;

impl Fold for ApiKeys {
    const NAME: &'static str = "identity_api_keys";
    const VERSION: u32 = 1;
    type Key = Uuid;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Uuid>> {
        match &recorded.event {
            Event::ApiKey(id, Did::Created { .. }) => Some(Touch::Creates(id.0)),
            Event::ApiKey(id, Did::Revoked { .. }) => Some(Touch::Changes(id.0)),
            Event::Alert(..)
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
            | Event::Session(..)
            | Event::Settings(..)
            | Event::SignIn(..)
            | Event::User(..)
            | Event::Watch(..)
            | Event::Workspace(..) => None,
        }
    }

    fn fold(id: &Uuid, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::ApiKey(_, event) = &recorded.event else { return row };
        match event {
            Did::Created { name, permissions, expires_at, by } => Some(Model {
                id: *id,
                name: name.clone(),
                permissions: permissions.iter().collect::<serde_json::Value>().to_string(),
                created_at: Millis(recorded.recorded_at),
                created_by_kind: by.kind.as_ref().to_owned(),
                created_by_id: by.id.clone(),
                expires_at: expires_at.map(Millis),
                revoked_at: None,
            }),
            Did::Revoked { .. } => {
                row.map(|row| Model { revoked_at: Some(Millis(recorded.recorded_at)), ..row })
            }
        }
    }

    fn values(key: &Uuid) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(row: &Model) -> Uuid {
        row.id
    }
}
