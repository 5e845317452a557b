//! `/groups`: sets of users.

use std::collections::{BTreeSet, HashMap};

use commands::CommandError;
use commands::identity::people::{NewGroup, People, Reach, Seen};
use commands::ports::Loaded;
use domain::identity::Permission;
use domain::kernel::{GroupId, OrganizationId, UserId};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use projections::Slice;
use projections::identity::{group_members, groups, users};
use uuid::Uuid;

use super::shown::UserView;
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
#[oai(rename = "NewGroup", deny_unknown_fields)]
struct GroupToMake {
    #[oai(validator(min_length = 1, max_length = 200))]
    display_name: String,
    /// Only people of this organization are put in it. Made by whoever runs an organization, it is that one's.
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
#[oai(rename = "Group")]
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

#[derive(Object)]
struct RemovedGroup {
    id: Uuid,
    deleted: bool,
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
    /// The newest first. Without `read:user`, those of the organization one runs, or else those one is in.
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
        let wanted = organization_id.0.map(OrganizationId);
        let all = may.caller.permissions.allow(Permission::ManageGroup);
        let (only, member) = match Reach::seeing(&may.caller) {
            _ if all => (wanted, None),
            Reach::All => (wanted, None),
            Reach::Organization(own) if wanted.is_none_or(|it| it == own) => (Some(own), None),
            Reach::Organization(_) => return Err(ApiError::not_found("organization")),
            Reach::Own(user) => (wanted, Some(user)),
            Reach::Nobody => return Err(no_reader()),
        };
        let live = self.views.live()?;
        let page = match member {
            Some(member) => groups::list_of(live.db(), member, only, slice).await?,
            None => groups::list(live.db(), only, slice).await?,
        };
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
        let Loaded { version, position, .. } = self.people.groups.load(&id).await?;
        let (found, shows) = self.shown_at(id, position).await?;
        Ok(Found::of(found).seen_at(shows.then_some(version)))
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
    ) -> Result<Written<RemovedGroup>> {
        let id = GroupId(group_id.0);
        self.people.see_group(&may.caller, id).await?;
        let version = if_match.of(self.people.groups.load(&id).await?.version)?;
        let position = self.people.delete_group(&may.caller, id, version).await?;
        Ok(Written::at(position, RemovedGroup { id: id.0, deleted: true }))
    }

    /// List the members of a group
    ///
    /// Who is just in it finds himself.
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
        let seen = self.people.see_group(&may.caller, id).await?;
        let member = match seen {
            Seen::Whole => None,
            Seen::Own(user) => Some(user),
        };
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let live = self.views.live()?;
        let page = group_members::of_group(live.db(), id, member, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let ids: Vec<Uuid> = page.items.iter().map(|it| it.user_id).collect();
        let known = users::some(live.db(), ids.clone()).await?;
        let mut known: HashMap<_, _> = known.into_iter().map(|it| (it.id, it)).collect();
        let members = ids.iter().filter_map(|id| known.remove(id)).collect();
        let members = UserView::all(&self.people, members).await?;
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
        Ok(self.shown_at(id, position).await?.0)
    }

    /// And whether that commit is shown.
    async fn shown_at(&self, id: GroupId, position: u64) -> Result<(GroupView, bool)> {
        let (live, shows) = self.views.once_at(position).await?;
        let row = groups::find(live.db(), id).await?;
        let row = row.ok_or_else(|| ApiError::not_found("group"))?;
        Ok((GroupView::from(row), shows))
    }
}

fn no_reader() -> ApiError {
    CommandError::Forbidden { needed: Permission::ReadUser }.into()
}
