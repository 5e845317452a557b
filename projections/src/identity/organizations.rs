//! The list of organizations.

use domain::identity::OrganizationEvent as Did;
use domain::kernel::{Event, OrganizationId, Recorded};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::{Fold, Millis, Paged, Slice, Touch};

/// One organization.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_organizations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    /// The mail domain whose people belong to it.
    pub domain: Option<String>,
    pub members: i64,
    pub created_at: Millis,
    pub updated_at: Millis,
}

impl ActiveModelBehavior for ActiveModel {}

/// One organization.
pub async fn find(db: &impl ConnectionTrait, id: OrganizationId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id.0).one(db).await
}

/// Organizations, the newest first; all, or only this one.
pub async fn list(
    db: &impl ConnectionTrait,
    only: Option<OrganizationId>,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    let mut find = Entity::find();
    if let Some(id) = only {
        find = find.filter(Column::Id.eq(id.0));
    }
    slice.of(find.order_by_desc(Column::CreatedAt).order_by_asc(Column::Id), db).await
}

/// Builds the list.
pub struct Organizations;

impl Fold for Organizations {
    const NAME: &'static str = "identity_organizations";
    const VERSION: u32 = 1;
    type Key = Uuid;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Uuid>> {
        match &recorded.event {
            Event::Organization(id, Did::Created { .. }) => Some(Touch::Creates(id.0)),
            Event::Organization(id, _) => Some(Touch::Changes(id.0)),
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
        let Event::Organization(_, event) = &recorded.event else { return row };
        let at = Millis(recorded.recorded_at);
        if let Did::Created { name, domain, .. } = event {
            let (name, domain) = (name.clone(), domain.clone());
            return Some(Model {
                id: *id,
                name,
                domain,
                members: 0,
                created_at: at,
                updated_at: at,
            });
        }
        let row = Model { updated_at: at, ..row? };
        Some(match event {
            Did::Deleted { .. } => return None,
            Did::Created { .. } | Did::AdminAppointed { .. } | Did::AdminDismissed { .. } => row,
            Did::MemberJoined { .. } => Model { members: row.members + 1, ..row },
            Did::MemberLeft { .. } => Model { members: row.members - 1, ..row },
            Did::Renamed { name, .. } => Model { name: name.clone(), ..row },
        })
    }

    fn values(key: &Uuid) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(row: &Model) -> Uuid {
        row.id
    }
}
