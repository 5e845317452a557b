//! `/organizations`: tenants.

use commands::identity::people::{People, Reach, sees_organizations};
use commands::ports::{Caller, Loaded};
use domain::identity::Permission;
use domain::kernel::{OrganizationId, UserId};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use projections::Slice;
use projections::identity::{organizations, users};
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

pub(crate) struct OrganizationsApi {
    pub(crate) people: People,
    pub(crate) views: Views,
}

#[derive(Object)]
#[oai(rename = "NewOrganization", deny_unknown_fields)]
struct OrganizationToMake {
    #[oai(validator(min_length = 1, max_length = 200))]
    name: String,
    /// Whoever has an address of it belongs there from his registration on.
    #[oai(validator(min_length = 3, max_length = 253))]
    domain: Option<String>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct OrganizationPatch {
    #[oai(validator(min_length = 1, max_length = 200))]
    name: String,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewMembers {
    #[oai(validator(min_items = 1, max_items = 100))]
    user_ids: Vec<Uuid>,
}

/// An organization.
#[derive(Object)]
#[oai(rename = "Organization")]
struct OrganizationView {
    id: Uuid,
    name: String,
    domain: Option<String>,
    /// Null for whoever neither runs it nor sees all.
    members: Option<u64>,
    created_at: String,
    updated_at: String,
}

#[derive(Object)]
struct OrganizationList {
    organizations: Vec<OrganizationView>,
    pagination: Pagination,
}

#[derive(Object)]
struct OrganizationMembers {
    members: Vec<UserView>,
    pagination: Pagination,
}

#[derive(Object)]
struct OrganizationChanged {
    id: Uuid,
    changed: bool,
}

#[derive(Object)]
struct RemovedOrganization {
    id: Uuid,
    deleted: bool,
}

impl OrganizationView {
    fn of(row: organizations::Model, caller: &Caller) -> Self {
        let runs = Reach::seeing(caller) == Reach::Organization(OrganizationId(row.id));
        let counts = runs || sees_organizations(caller);
        Self {
            id: row.id,
            name: row.name,
            domain: row.domain,
            members: counts.then(|| row.members.max(0).unsigned_abs()),
            created_at: request::shown(row.created_at.0),
            updated_at: request::shown(row.updated_at.0),
        }
    }
}

#[OpenApi(prefix_path = "/api/v1/organizations", tag = "Tag::Identity")]
impl OrganizationsApi {
    /// List organizations
    ///
    /// The newest first. Without `read:user`, one's own.
    #[oai(path = "/", method = "get", operation_id = "listOrganizations")]
    async fn list(
        &self,
        may: May<needs::ReadProfile>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<OrganizationList>> {
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let all = sees_organizations(&may.caller);
        let own = may.caller.session.as_ref().and_then(|it| it.organization);
        // Who is in none sees none.
        let only = if all { None } else { Some(own.unwrap_or(OrganizationId(Uuid::nil()))) };
        let page = organizations::list(self.views.live()?.db(), only, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let shown = |row| OrganizationView::of(row, &may.caller);
        let organizations = page.items.into_iter().map(shown).collect();
        Ok(Found::of(OrganizationList { organizations, pagination }))
    }

    /// Make an organization
    #[oai(path = "/", method = "post", operation_id = "createOrganization")]
    async fn create(
        &self,
        may: May<needs::ManageOrganization>,
        body: Json<OrganizationToMake>,
    ) -> Result<Created<OrganizationView>> {
        let OrganizationToMake { name, domain } = body.0;
        let (id, position) = self.people.create_organization(&may.caller, name, domain).await?;
        let (made, _) = self.shown(&may.caller, id, position).await?;
        Ok(Created::at(position, made).location(format!("/api/v1/organizations/{id}")))
    }

    /// Look at an organization
    #[oai(path = "/:organization_id", method = "get", operation_id = "getOrganization")]
    async fn get(
        &self,
        may: May<needs::ReadProfile>,
        organization_id: Path<Uuid>,
    ) -> Result<Found<OrganizationView>> {
        let id = OrganizationId(organization_id.0);
        self.people.see_organization(&may.caller, id).await?;
        let loaded = self.people.accounts.organizations.load(&id).await?;
        let Loaded { version, position, .. } = loaded;
        let (found, shows) = self.shown(&may.caller, id, position).await?;
        Ok(Found::of(found).seen_at(shows.then_some(version)))
    }

    /// Give an organization another name
    #[oai(path = "/:organization_id", method = "patch", operation_id = "updateOrganization")]
    async fn rename(
        &self,
        may: May<needs::WriteProfile>,
        if_match: IfMatch,
        organization_id: Path<Uuid>,
        body: Json<OrganizationPatch>,
    ) -> Result<Written<OrganizationView>> {
        let id = OrganizationId(organization_id.0);
        self.people.see_organization(&may.caller, id).await?;
        let version = if_match.of(self.people.accounts.organizations.load(&id).await?.version)?;
        let renamed = self.people.rename_organization(&may.caller, id, version, body.0.name);
        let position = renamed.await?;
        Ok(Written::at(position, self.shown(&may.caller, id, position).await?.0))
    }

    /// Remove an organization that nobody is in
    #[oai(path = "/:organization_id", method = "delete", operation_id = "deleteOrganization")]
    async fn delete(
        &self,
        may: May<needs::ManageOrganization>,
        if_match: IfMatch,
        organization_id: Path<Uuid>,
    ) -> Result<Written<RemovedOrganization>> {
        let id = OrganizationId(organization_id.0);
        let version = if_match.of(self.people.accounts.organizations.load(&id).await?.version)?;
        let position = self.people.delete_organization(&may.caller, id, version).await?;
        Ok(Written::at(position, RemovedOrganization { id: id.0, deleted: true }))
    }

    /// List the members of an organization
    ///
    /// For whoever runs it, and with `read:user`.
    #[oai(
        path = "/:organization_id/members",
        method = "get",
        operation_id = "listOrganizationMembers"
    )]
    async fn members(
        &self,
        may: May<needs::ReadProfile>,
        organization_id: Path<Uuid>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<OrganizationMembers>> {
        let id = OrganizationId(organization_id.0);
        self.people.see_organization(&may.caller, id).await?;
        if ![Reach::All, Reach::Organization(id)].contains(&Reach::seeing(&may.caller)) {
            may.caller.require(Permission::ReadUser)?;
        }
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let filter = users::Filter { organization: Some(id), ..users::Filter::default() };
        let page = users::list(self.views.live()?.db(), &filter, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let members = UserView::all(&self.people, page.items).await?;
        Ok(Found::of(OrganizationMembers { members, pagination }))
    }

    /// Put users into an organization
    ///
    /// They leave those they were in.
    #[oai(
        path = "/:organization_id/members",
        method = "post",
        operation_id = "addOrganizationMembers"
    )]
    async fn add(
        &self,
        may: May<needs::ManageOrganization>,
        organization_id: Path<Uuid>,
        body: Json<NewMembers>,
    ) -> Result<Written<OrganizationChanged>> {
        let id = OrganizationId(organization_id.0);
        let users = body.0.user_ids.into_iter().map(UserId).collect();
        let position = self.people.add_to_organization(&may.caller, id, users).await?;
        Ok(Written::at(position, OrganizationChanged { id: id.0, changed: true }))
    }

    /// Take a user out of an organization
    #[oai(
        path = "/:organization_id/members/:user_id",
        method = "delete",
        operation_id = "removeOrganizationMember"
    )]
    async fn remove(
        &self,
        may: May<needs::WriteProfile>,
        organization_id: Path<Uuid>,
        user_id: Path<Uuid>,
    ) -> Result<Written<OrganizationChanged>> {
        let (id, user) = (OrganizationId(organization_id.0), UserId(user_id.0));
        let position = self.people.remove_from_organization(&may.caller, id, user).await?;
        Ok(Written::at(position, OrganizationChanged { id: id.0, changed: true }))
    }

    /// Let a member run the organization
    #[oai(
        path = "/:organization_id/admins/:user_id",
        method = "put",
        operation_id = "appointOrganizationAdmin"
    )]
    async fn appoint(
        &self,
        may: May<needs::WriteProfile>,
        organization_id: Path<Uuid>,
        user_id: Path<Uuid>,
    ) -> Result<Written<OrganizationChanged>> {
        self.admin(&may, organization_id.0, user_id.0, true).await
    }

    /// Let a member no longer run the organization
    #[oai(
        path = "/:organization_id/admins/:user_id",
        method = "delete",
        operation_id = "dismissOrganizationAdmin"
    )]
    async fn dismiss(
        &self,
        may: May<needs::WriteProfile>,
        organization_id: Path<Uuid>,
        user_id: Path<Uuid>,
    ) -> Result<Written<OrganizationChanged>> {
        self.admin(&may, organization_id.0, user_id.0, false).await
    }
}

impl OrganizationsApi {
    async fn admin(
        &self,
        may: &May<needs::WriteProfile>,
        organization: Uuid,
        user: Uuid,
        appoint: bool,
    ) -> Result<Written<OrganizationChanged>> {
        let (id, user) = (OrganizationId(organization), UserId(user));
        let position = self.people.appoint_admin(&may.caller, id, user, appoint).await?;
        Ok(Written::at(position, OrganizationChanged { id: id.0, changed: true }))
    }

    /// An organization as the read models show it at a commit, and whether they show that.
    async fn shown(
        &self,
        caller: &Caller,
        id: OrganizationId,
        position: u64,
    ) -> Result<(OrganizationView, bool)> {
        let (live, shows) = self.views.once_at(position).await?;
        let row = organizations::find(live.db(), id).await?;
        let row = row.ok_or_else(|| ApiError::not_found("organization"))?;
        Ok((OrganizationView::of(row, caller), shows))
    }
}
