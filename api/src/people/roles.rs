//! `/roles` and `/permissions`.

use commands::identity::people::People;
use domain::identity::{BUILT_IN_ROLES, Permission, Permissions, built_in};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use projections::identity::roles;

use super::users::role;
use crate::Tag;
use crate::answer::{Created, Found, Result, Written};
use crate::auth::{May, needs};
use crate::conditional::IfMatch;
use crate::error::ApiError;
use crate::page::{Pagination, default_limit};
use crate::views::Views;

pub(crate) struct RolesApi {
    pub(crate) people: People,
    pub(crate) views: Views,
}

#[derive(Object)]
#[oai(rename = "NewRole", deny_unknown_fields)]
struct RoleToMake {
    /// 1 to 64 of a-z, 0-9, - and _.
    #[oai(validator(min_length = 1, max_length = 64, pattern = "^[a-z0-9_-]+$"))]
    name: String,
    #[oai(default, validator(max_length = 500))]
    description: String,
    /// As `read:audit`, or with a wildcard `read:*`; never more than your own.
    #[oai(validator(max_items = 100))]
    permissions: Vec<String>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct RoleUpdate {
    #[oai(validator(max_length = 500))]
    description: Option<String>,
    #[oai(validator(max_items = 100))]
    permissions: Option<Vec<String>>,
}

/// A role.
#[derive(Object)]
#[oai(rename = "Role")]
struct RoleView {
    /// The same as its name.
    id: String,
    name: String,
    description: String,
    permissions: Vec<String>,
    /// Whether it ships with the platform, and never changes.
    built_in: bool,
}

#[derive(Object)]
struct RoleList {
    roles: Vec<RoleView>,
    pagination: Pagination,
}

#[derive(Object)]
struct RemovedRole {
    id: String,
    deleted: bool,
}

/// Something that can be allowed.
#[derive(Object)]
struct PermissionView {
    /// `verb:resource`
    id: String,
    description: String,
}

#[derive(Object)]
struct PermissionList {
    permissions: Vec<PermissionView>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Identity")]
impl RolesApi {
    /// List the roles
    ///
    /// By name, those that ship with the platform and those that somebody made.
    #[oai(path = "/roles", method = "get", operation_id = "listRoles")]
    async fn list(
        &self,
        _may: May<needs::ReadUser>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<RoleList>> {
        let mut all: Vec<RoleView> = BUILT_IN_ROLES.iter().filter_map(shipped).collect();
        let made = roles::all(self.views.live()?.db()).await?.into_iter().map(|row| RoleView {
            id: row.name.clone(),
            name: row.name,
            description: row.description,
            permissions: serde_json::from_str(&row.permissions).unwrap_or_default(),
            built_in: false,
        });
        all.extend(made);
        all.sort_by(|one, other| one.name.cmp(&other.name));
        let (limit, offset) = (limit.0 as usize, offset.0 as usize);
        let pagination = Pagination::of(all.len(), limit, offset);
        let roles = all.into_iter().skip(offset).take(limit).collect();
        Ok(Found::of(RoleList { roles, pagination }))
    }

    /// Make a role
    #[oai(path = "/roles", method = "post", operation_id = "createRole")]
    async fn create(
        &self,
        may: May<needs::ManageRole>,
        body: Json<RoleToMake>,
    ) -> Result<Created<RoleView>> {
        let RoleToMake { name, description, permissions } = body.0;
        let id = role(&name, "name")?;
        let allows = parsed(&permissions)?;
        let made = self.people.create_role(&may.caller, id, description.clone(), allows.clone());
        let position = made.await?;
        let path = format!("/api/v1/roles/{name}");
        Ok(Created::at(position, view(name, description, &allows)).location(path))
    }

    /// Look at a role
    #[oai(path = "/roles/:role_id", method = "get", operation_id = "getRole")]
    async fn get(
        &self,
        _may: May<needs::ReadUser>,
        #[oai(validator(min_length = 1, max_length = 64))] role_id: Path<String>,
    ) -> Result<Found<RoleView>> {
        let unknown = || ApiError::not_found("role");
        let found = BUILT_IN_ROLES.iter().find(|it| it.0 == role_id.0).and_then(shipped);
        if let Some(found) = found {
            return Ok(Found::of(found));
        }
        let id = role_id.0.parse().map_err(|_| unknown())?;
        let loaded = self.people.accounts.roles.load(&id).await?;
        let made = loaded.aggregate;
        let permissions = made.permissions().ok_or_else(unknown)?;
        let found = view(role_id.0, made.description().to_owned(), permissions);
        Ok(Found::of(found).seen_at(Some(loaded.version)))
    }

    /// Change a role
    ///
    /// Whoever has it may what it says at once, and no more. What is absent stays.
    #[oai(path = "/roles/:role_id", method = "put", operation_id = "updateRole")]
    async fn update(
        &self,
        may: May<needs::ManageRole>,
        if_match: IfMatch,
        #[oai(validator(min_length = 1, max_length = 64))] role_id: Path<String>,
        body: Json<RoleUpdate>,
    ) -> Result<Written<RoleView>> {
        let id = role(&role_id.0, "role_id")?;
        let RoleUpdate { description, permissions } = body.0;
        let allows = permissions.as_deref().map(parsed).transpose()?;
        let version = if_match.of(self.people.accounts.roles.load(&id).await?.version)?;
        let changed = self.people.change_role(&may.caller, &id, version, description, allows);
        let position = changed.await?;
        let made = self.people.accounts.roles.load(&id).await?.aggregate;
        let allows = made.permissions().cloned().unwrap_or_default();
        Ok(Written::at(position, view(role_id.0, made.description().to_owned(), &allows)))
    }

    /// Remove a role that nobody holds
    #[oai(path = "/roles/:role_id", method = "delete", operation_id = "deleteRole")]
    async fn delete(
        &self,
        may: May<needs::ManageRole>,
        if_match: IfMatch,
        #[oai(validator(min_length = 1, max_length = 64))] role_id: Path<String>,
    ) -> Result<Written<RemovedRole>> {
        let id = role(&role_id.0, "role_id")?;
        let version = if_match.of(self.people.accounts.roles.load(&id).await?.version)?;
        let position = self.people.delete_role(&may.caller, &id, version).await?;
        Ok(Written::at(position, RemovedRole { id: role_id.0, deleted: true }))
    }

    /// List the permissions there are
    #[oai(path = "/permissions", method = "get", operation_id = "listPermissions")]
    #[expect(clippy::unused_async, reason = "the framework asks for it")]
    async fn permissions(&self, _may: May<needs::ReadProfile>) -> Result<Found<PermissionList>> {
        let permissions = Permission::ALL
            .iter()
            .map(|it| PermissionView { id: it.to_string(), description: it.meaning().to_owned() });
        Ok(Found::of(PermissionList { permissions: permissions.collect() }))
    }
}

fn shipped((name, description): &(&str, &str)) -> Option<RoleView> {
    let permissions = built_in(&name.parse().ok()?)?;
    let found = view((*name).to_owned(), (*description).to_owned(), &permissions);
    Some(RoleView { built_in: true, ..found })
}

fn view(name: String, description: String, permissions: &Permissions) -> RoleView {
    let permissions = permissions.iter().map(ToOwned::to_owned).collect();
    RoleView { id: name.clone(), name, description, permissions, built_in: false }
}

fn parsed(permissions: &[String]) -> Result<Permissions> {
    let parsed = Permissions::parse(permissions);
    parsed.map_err(|error| ApiError::field("permissions", error.to_string()))
}
