//! Who is in which group.

use domain::identity::GroupEvent as Did;
use domain::kernel::{Event, GroupId, Recorded, UserId};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::{Fold, Millis, Paged, Slice, Touch};

/// One user in one group.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_group_members")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    pub added_at: Millis,
}

impl ActiveModelBehavior for ActiveModel {}

/// The members of a group, by when they came; all, or just this one.
pub async fn of_group(
    db: &impl ConnectionTrait,
    id: GroupId,
    member: Option<UserId>,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    let mut find = Entity::find().filter(Column::GroupId.eq(id.0));
    if let Some(member) = member {
        find = find.filter(Column::UserId.eq(member.0));
    }
    slice.of(find.order_by_asc(Column::AddedAt).order_by_asc(Column::UserId), db).await
}

/// The groups a user is in.
pub async fn of_user(db: &impl ConnectionTrait, id: UserId) -> Result<Vec<GroupId>, DbErr> {
    let find = Entity::find().filter(Column::UserId.eq(id.0)).select_only().column(Column::GroupId);
    let ids: Vec<Uuid> = find.order_by_asc(Column::GroupId).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(GroupId).collect())
}

/// Builds the list.
pub struct GroupMembers;

impl Fold for GroupMembers {
    const NAME: &'static str = "identity_group_members";
    const VERSION: u32 = 1;
    type Key = (Uuid, Uuid);
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Self::Key>> {
        match &recorded.event {
            Event::Group(id, Did::MembersAdded { users, .. }) => {
                users.iter().map(|user| Touch::Creates((id.0, user.0))).collect()
            }
            Event::Group(id, Did::MembersRemoved { users, .. }) => {
                users.iter().map(|user| Touch::Changes((id.0, user.0))).collect()
            }
            Event::Group(..)
            | Event::Alert(..)
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
            | Event::Workspace(..) => Vec::new(),
        }
    }

    fn fold(key: &Self::Key, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Group(_, event) = &recorded.event else { return row };
        match event {
            Did::MembersAdded { .. } => Some(Model {
                group_id: key.0,
                user_id: key.1,
                added_at: Millis(recorded.recorded_at),
            }),
            Did::MembersRemoved { .. } => None,
            Did::Created { .. } | Did::Deleted { .. } | Did::Renamed { .. } => row,
        }
    }

    fn values((group, user): &Self::Key) -> Vec<Value> {
        vec![(*group).into(), (*user).into()]
    }

    fn key(row: &Model) -> Self::Key {
        (row.group_id, row.user_id)
    }
}
