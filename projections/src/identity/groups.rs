//! The list of groups.

use domain::identity::GroupEvent as Did;
use domain::kernel::{Event, GroupId, OrganizationId, Recorded, UserId};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;

use super::group_members;
use crate::{Fold, Millis, Paged, Slice, Touch};

/// One group.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_groups")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub external_id: Option<String>,
    pub organization_id: Option<Uuid>,
    pub members: i64,
    pub created_at: Millis,
    pub updated_at: Millis,
}

impl ActiveModelBehavior for ActiveModel {}

/// One group.
pub async fn find(db: &impl ConnectionTrait, id: GroupId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id.0).one(db).await
}

/// Some groups, in no order.
pub async fn some(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::Id.is_in(ids)).all(db).await
}

/// Groups, the newest first; all, or those of an organization.
pub async fn list(
    db: &impl ConnectionTrait,
    organization: Option<OrganizationId>,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    newest(Entity::find(), db, organization, slice).await
}

/// The same of those that somebody is in.
pub async fn list_of(
    db: &impl ConnectionTrait,
    member: UserId,
    organization: Option<OrganizationId>,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    let own = Query::select()
        .column(group_members::Column::GroupId)
        .from(group_members::Entity)
        .and_where(group_members::Column::UserId.eq(member.0))
        .to_owned();
    let find = Entity::find().filter(Column::Id.in_subquery(own));
    newest(find, db, organization, slice).await
}

async fn newest(
    mut find: Select<Entity>,
    db: &impl ConnectionTrait,
    organization: Option<OrganizationId>,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    if let Some(id) = organization {
        find = find.filter(Column::OrganizationId.eq(id.0));
    }
    slice.of(find.order_by_desc(Column::CreatedAt).order_by_asc(Column::Id), db).await
}

/// Builds the list.
pub struct Groups;

impl Fold for Groups {
    const NAME: &'static str = "identity_groups";
    const VERSION: u32 = 1;
    type Key = Uuid;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Uuid>> {
        match &recorded.event {
            Event::Group(id, Did::Created { .. }) => Some(Touch::Creates(id.0)),
            Event::Group(id, _) => Some(Touch::Changes(id.0)),
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
        let Event::Group(_, event) = &recorded.event else { return row };
        let at = Millis(recorded.recorded_at);
        if let Did::Created { name, external_id, organization, .. } = event {
            return Some(Model {
                id: *id,
                name: name.clone(),
                external_id: external_id.clone(),
                organization_id: organization.map(|it| it.0),
                members: 0,
                created_at: at,
                updated_at: at,
            });
        }
        let row = Model { updated_at: at, ..row? };
        let count = |users: &std::collections::BTreeSet<_>| i64::try_from(users.len()).unwrap_or(0);
        Some(match event {
            Did::Created { .. } => row,
            Did::Deleted { .. } => return None,
            Did::MembersAdded { users, .. } => Model { members: row.members + count(users), ..row },
            Did::MembersRemoved { users, .. } => {
                Model { members: row.members - count(users), ..row }
            }
            Did::Renamed { name, external_id, .. } => {
                Model { name: name.clone(), external_id: external_id.clone(), ..row }
            }
        })
    }

    fn values(key: &Uuid) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(row: &Model) -> Uuid {
        row.id
    }
}
