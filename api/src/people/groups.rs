//! `/groups`: sets of users.

use std::collections::{BTreeSet, HashMap};

use commands::identity::people::{NewGroup, People};
use domain::identity::Permission;
use domain::kernel::{GroupId, OrganizationId, UserId};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use projections::Slice;
use projections::identity::{group_members, groups, users};
use uuid::Uuid;

use super::users::UserView;
use crate::Tag;
use crate::answer::{Created, Found, Result, Written};
use crate::auth::{May, needs};
use crate::conditional::IfMatch;
use crate::error::ApiError;
use crate::page::{Pagination, default_limit};
use crate::request;
use crate::views::Views;

pub(crate) struct GroupsApi {
    pub(crate) people: People,
    pub(crate) views: Views,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct GroupToMake {
    #[oai(validator(min_length = 1, max_length = 200))]
    display_name: String,
    /// Only people of this organization are put in it.
    organization_id: Option<Uuid>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct GroupPatch {
    #[oai(validator(min_length = 1, max_length = 200))]
    display_name: String,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct MembersToAdd {
    #[oai(validator(min_items = 1, max_items = 1000))]
    user_ids: Vec<Uuid>,
}

/// A group.
#[derive(Object)]
struct GroupView {
    id: Uuid,
    display_name: String,
    /// What a directory calls it.
    external_id: Option<String>,
    organization_id: Option<Uuid>,
    members: u64,
    created_at: String,
    updated_at: String,
}

#[derive(Object)]
struct GroupList {
    groups: Vec<GroupView>,
    pagination: Pagination,
}

#[derive(Object)]
struct GroupMembers {
    members: Vec<UserView>,
    pagination: Pagination,
}

#[derive(Object)]
struct GroupChanged {
    id: Uuid,
    changed: bool,
}

impl From<groups::Model> for GroupView {
    fn from(row: groups::Model) -> Self {
        Self {
            id: row.id,
            display_name: row.name,
            external_id: row.external_id,
            organization_id: row.organization_id,
            members: row.members.max(0).unsigned_abs(),
            created_at: request::shown(row.created_at.0),
            updated_at: request::shown(row.updated_at.0),
        }
    }
}

#[OpenApi(prefix_path = "/api/v1/groups", tag = "Tag::Identity")]
impl GroupsApi {
    /// List groups
    ///
    /// Without `read:user`, those of one's own organization.
    #[oai(path = "/", method = "get", operation_id = "listGroups")]
    async fn list(
        &self,
        may: May<needs::ReadProfile>,
        organization_id: Query<Option<Uuid>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<GroupList>> {
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let all = may.caller.permissions.allow(Permission::ReadUser);
        let own = may.caller.session.as_ref().and_then(|it| it.organization);
        let wanted = organization_id.0.map(OrganizationId);
        let only = match (all, wanted) {
            (true, wanted) => wanted,
            (false, wanted) if wanted.is_none() || wanted == own => {
                Some(own.unwrap_or(OrganizationId(Uuid::nil())))
            }
            (false, _) => return Err(ApiError::not_found("organization")),
        };
        let page = groups::list(self.views.live()?.db(), only, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let groups = page.items.into_iter().map(GroupView::from).collect();
        Ok(Found::of(GroupList { groups, pagination }))
    }

    /// Make a group
    ///
    /// Needs `manage:group`; whoever runs an organization makes groups of it.
    #[oai(path = "/", method = "post", operation_id = "createGroup")]
    async fn create(
        &self,
        may: May<needs::WriteProfile>,
        body: Json<GroupToMake>,
    ) -> Result<Created<GroupView>> {
        let GroupToMake { display_name, organization_id } = body.0;
        let organization = organization_id.map(OrganizationId);
        let new = NewGroup { name: display_name, external_id: None, organization };
        let (id, position) = self.people.create_group(&may.caller, new).await?;
        let made = self.shown(id, position).await?;
        Ok(Created::at(position, made).location(format!("/api/v1/groups/{id}")))
    }

    /// Look at a group
    #[oai(path = "/:group_id", method = "get", operation_id = "getGroup")]
    async fn get(
        &self,
        may: May<needs::ReadProfile>,
        group_id: Path<Uuid>,
    ) -> Result<Found<GroupView>> {
        let id = GroupId(group_id.0);
        self.people.see_group(&may.caller, id).await?;
        let loaded = self.people.groups.load(&id).await?;
        let found = self.shown(id, loaded.position).await?;
        Ok(Found::of(found).seen_at(Some(loaded.version)))
    }

    /// Give a group another name
    #[oai(path = "/:group_id", method = "patch", operation_id = "updateGroup")]
    async fn rename(
        &self,
        may: May<needs::WriteProfile>,
        if_match: IfMatch,
        group_id: Path<Uuid>,
        body: Json<GroupPatch>,
    ) -> Result<Written<GroupView>> {
        let id = GroupId(group_id.0);
        self.people.see_group(&may.caller, id).await?;
        let version = if_match.of(self.people.groups.load(&id).await?.version)?;
        let name = body.0.display_name;
        let renamed = self.people.rename_group(&may.caller, id, version, name, None);
        let position = renamed.await?;
        Ok(Written::at(position, self.shown(id, position).await?))
    }

    /// Remove a group
    #[oai(path = "/:group_id", method = "delete", operation_id = "deleteGroup")]
    async fn delete(
        &self,
        may: May<needs::WriteProfile>,
        if_match: IfMatch,
        group_id: Path<Uuid>,
    ) -> Result<Written<GroupChanged>> {
        let id = GroupId(group_id.0);
        self.people.see_group(&may.caller, id).await?;
        let version = if_match.of(self.people.groups.load(&id).await?.version)?;
        let position = self.people.delete_group(&may.caller, id, version).await?;
        Ok(Written::at(position, GroupChanged { id: id.0, changed: true }))
    }

    /// List the members of a group
    #[oai(path = "/:group_id/members", method = "get", operation_id = "listGroupMembers")]
    async fn members(
        &self,
        may: May<needs::ReadProfile>,
        group_id: Path<Uuid>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<GroupMembers>> {
        let id = GroupId(group_id.0);
        self.people.see_group(&may.caller, id).await?;
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let live = self.views.live()?;
        let page = group_members::of_group(live.db(), id, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let ids: Vec<Uuid> = page.items.iter().map(|it| it.user_id).collect();
        let known = users::some(live.db(), ids.clone()).await?;
        let mut known: HashMap<_, _> = known.into_iter().map(|it| (it.id, it)).collect();
        let members = ids.iter().filter_map(|id| known.remove(id)).map(UserView::from).collect();
        Ok(Found::of(GroupMembers { members, pagination }))
    }

    /// Put users into a group
    #[oai(path = "/:group_id/members", method = "post", operation_id = "addGroupMembers")]
    async fn add(
        &self,
        may: May<needs::WriteProfile>,
        group_id: Path<Uuid>,
        body: Json<MembersToAdd>,
    ) -> Result<Written<GroupChanged>> {
        let id = GroupId(group_id.0);
        let add = body.0.user_ids.into_iter().map(UserId).collect();
        let changed =
            self.people.change_members(&may.caller, id, None, add, BTreeSet::new()).await?;
        Ok(Written::at(changed, GroupChanged { id: id.0, changed: true }))
    }

    /// Take a user out of a group
    #[oai(
        path = "/:group_id/members/:user_id",
        method = "delete",
        operation_id = "removeGroupMember"
    )]
    async fn remove(
        &self,
        may: May<needs::WriteProfile>,
        group_id: Path<Uuid>,
        user_id: Path<Uuid>,
    ) -> Result<Written<GroupChanged>> {
        let (id, out) = (GroupId(group_id.0), BTreeSet::from([UserId(user_id.0)]));
        let changed = self.people.change_members(&may.caller, id, None, BTreeSet::new(), out);
        let position = changed.await?;
        Ok(Written::at(position, GroupChanged { id: id.0, changed: true }))
    }
}

impl GroupsApi {
    async fn shown(&self, id: GroupId, position: u64) -> Result<GroupView> {
        let (live, _) = self.views.once_at(position).await?;
        let row = groups::find(live.db(), id).await?;
        row.map(GroupView::from).ok_or_else(|| ApiError::not_found("group"))
    }
}
