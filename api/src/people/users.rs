//! `/users`: everybody's accounts.

use std::collections::BTreeSet;

use commands::identity::people::{NewUser, People, Reach, UserChange};
use commands::ports::{Caller, Loaded};
use domain::identity::Permission;
use domain::kernel::{OrganizationId, RoleId, UserId};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use projections::Slice;
use projections::identity::users;
use serde_json::Value;
use uuid::Uuid;

use super::shown::UserView;
use crate::Tag;
use crate::answer::{Created, Found, Result, Written};
use crate::auth::{May, needs};
use crate::conditional::IfMatch;
use crate::error::ApiError;
use crate::page::{Pagination, default_limit};
use crate::views::Views;

#[derive(Clone)]
pub(crate) struct UsersApi {
    pub(crate) people: People,
    pub(crate) views: Views,
}

#[derive(Object)]
#[oai(rename = "NewUser", deny_unknown_fields)]
struct UserToMake {
    #[oai(validator(min_length = 1, max_length = 320))]
    email: String,
    /// Without one he comes in by a link, a provider or a passkey.
    #[oai(validator(min_length = 1, max_length = 1024))]
    password: Option<String>,
    #[oai(validator(min_length = 1, max_length = 200))]
    name: String,
    /// `user` when nothing is named; never more than you may yourself.
    #[oai(default, validator(max_items = 20))]
    roles: Vec<String>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct UserUpdate {
    #[oai(validator(min_length = 1, max_length = 320))]
    email: Option<String>,
    #[oai(validator(min_length = 1, max_length = 200))]
    name: Option<String>,
    /// Off, he is out at once and stays out.
    active: Option<bool>,
    /// Whatever else is kept of him; replaces what was there, up to 16 KiB.
    profile: Option<Value>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct RoleGrant {
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 64))]
    role: String,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewPassword {
    #[oai(validator(min_length = 1, max_length = 1024))]
    password: String,
}

#[derive(Object)]
struct UserList {
    users: Vec<UserView>,
    pagination: Pagination,
}

#[derive(Object)]
pub(crate) struct RemovedUser {
    id: Uuid,
    deleted: bool,
}

#[OpenApi(prefix_path = "/api/v1/users", tag = "Tag::Identity")]
impl UsersApi {
    /// Make a user
    ///
    /// Needs `manage:user`; whoever runs an organization makes users of its mail domain.
    #[oai(path = "/", method = "post", operation_id = "createUser")]
    async fn create(
        &self,
        may: May<needs::WriteProfile>,
        body: Json<UserToMake>,
    ) -> Result<Created<UserView>> {
        let UserToMake { email, password, name, roles } = body.0;
        let roles = roles.iter().map(|it| role(it, "roles")).collect::<Result<BTreeSet<_>>>()?;
        let new = NewUser { email, password, name, roles };
        let (id, position) = self.people.create_user(&may.caller, new).await?;
        let user = self.shown(id, position).await?;
        Ok(Created::at(position, user).location(format!("/api/v1/users/{id}")))
    }

    /// List users
    ///
    /// The newest first. Without `read:user`, whoever runs an organization sees its people, and others
    /// themselves.
    #[oai(path = "/", method = "get", operation_id = "listUsers")]
    #[expect(clippy::too_many_arguments, reason = "each is a filter of the API")]
    async fn list(
        &self,
        may: May<needs::ReadProfile>,
        /// In the name or the address.
        #[oai(validator(min_length = 1, max_length = 100))]
        search: Query<Option<String>>,
        #[oai(validator(min_length = 1, max_length = 64))] role: Query<Option<String>>,
        organization_id: Query<Option<Uuid>>,
        /// Counts from 1; instead of an offset.
        #[oai(validator(minimum(value = "1"), maximum(value = "1000000")))]
        page: Query<Option<u32>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<UserList>> {
        let mut filter = users::Filter {
            search: search.0,
            role: role.0,
            organization: organization_id.0.map(OrganizationId),
            id: None,
        };
        match Reach::seeing(&may.caller) {
            Reach::All => {}
            Reach::Organization(own) => {
                if filter.organization.is_some_and(|it| it != own) {
                    return Err(ApiError::not_found("organization"));
                }
                filter.organization = Some(own);
            }
            Reach::Own(user) => filter.id = Some(user),
            Reach::Nobody => may.caller.require(Permission::ReadUser)?,
        }
        if page.0.is_some() && offset.0 > 0 {
            return Err(ApiError::field("page", "cannot be combined with an offset"));
        }
        let (limit, offset) = (u64::from(limit.0), u64::from(offset.0));
        let offset = page.0.map_or(offset, |page| (u64::from(page) - 1) * limit);
        let slice = Slice { limit, offset };
        let page = users::list(self.views.live()?.db(), &filter, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let users = UserView::all(&self.people, page.items).await?;
        Ok(Found::of(UserList { users, pagination }))
    }

    /// Look at a user
    #[oai(path = "/:user_id", method = "get", operation_id = "getUser")]
    async fn get(
        &self,
        may: May<needs::ReadProfile>,
        user_id: Path<Uuid>,
    ) -> Result<Found<UserView>> {
        let id = UserId(user_id.0);
        self.people.see_user(&may.caller, id).await?;
        let Loaded { version, position, .. } = self.people.accounts.users.load(&id).await?;
        let (user, shows) = UserView::at(&self.people, &self.views, id, position).await?;
        Ok(Found::of(user).seen_at(shows.then_some(version)))
    }

    /// Change a user
    ///
    /// What is absent stays.
    #[oai(path = "/:user_id", method = "put", operation_id = "updateUser")]
    async fn update(
        &self,
        may: May<needs::WriteProfile>,
        if_match: IfMatch,
        user_id: Path<Uuid>,
        body: Json<UserUpdate>,
    ) -> Result<Written<UserView>> {
        let id = UserId(user_id.0);
        let UserUpdate { email, name, active, profile } = body.0;
        let profile = match profile {
            None => None,
            Some(Value::Object(fields)) => Some(fields.into_iter().collect()),
            Some(_) => return Err(ApiError::field("profile", "must be an object")),
        };
        self.people.see_user(&may.caller, id).await?;
        let version = if_match.of(self.people.accounts.users.load(&id).await?.version)?;
        let change = UserChange { email, name, active, profile };
        let position = self.people.update_user(&may.caller, id, version, change).await?;
        Ok(Written::at(position, self.shown(id, position).await?))
    }

    /// Switch a user off
    ///
    /// All his sessions end at once, and he cannot come in.
    #[oai(path = "/:user_id/deactivate", method = "post", operation_id = "deactivateUser")]
    async fn deactivate(
        &self,
        may: May<needs::WriteProfile>,
        user_id: Path<Uuid>,
    ) -> Result<Written<UserView>> {
        self.switch(&may, user_id.0, false).await
    }

    /// Switch a user on again
    #[oai(path = "/:user_id/reactivate", method = "post", operation_id = "reactivateUser")]
    async fn reactivate(
        &self,
        may: May<needs::WriteProfile>,
        user_id: Path<Uuid>,
    ) -> Result<Written<UserView>> {
        self.switch(&may, user_id.0, true).await
    }

    /// Remove a user, for good
    ///
    /// What the log holds of him can never be read again.
    #[oai(path = "/:user_id", method = "delete", operation_id = "deleteUser")]
    async fn delete(
        &self,
        may: May<needs::WriteProfile>,
        if_match: IfMatch,
        user_id: Path<Uuid>,
    ) -> Result<Written<RemovedUser>> {
        removed(&self.people, &may.caller, if_match, UserId(user_id.0)).await
    }

    /// Give a role to a user
    #[oai(path = "/:user_id/roles", method = "post", operation_id = "assignRole")]
    async fn assign(
        &self,
        may: May<needs::ManageRole>,
        user_id: Path<Uuid>,
        body: Json<RoleGrant>,
    ) -> Result<Written<UserView>> {
        let id = UserId(user_id.0);
        let role = role(&body.0.role, "role")?;
        let position = self.people.assign_role(&may.caller, id, role).await?;
        Ok(Written::at(position, self.shown(id, position).await?))
    }

    /// Take a role from a user
    #[oai(path = "/:user_id/roles/:role_id", method = "delete", operation_id = "removeRole")]
    async fn unassign(
        &self,
        may: May<needs::ManageRole>,
        user_id: Path<Uuid>,
        #[oai(validator(min_length = 1, max_length = 64))] role_id: Path<String>,
    ) -> Result<Written<UserView>> {
        let id = UserId(user_id.0);
        let role = role(&role_id.0, "role_id")?;
        let position = self.people.remove_role(&may.caller, id, role).await?;
        Ok(Written::at(position, self.shown(id, position).await?))
    }

    /// Set a user's password
    ///
    /// All his sessions end.
    #[oai(path = "/:user_id/password", method = "post", operation_id = "setUserPassword")]
    async fn set_password(
        &self,
        may: May<needs::WriteProfile>,
        user_id: Path<Uuid>,
        body: Json<NewPassword>,
    ) -> Result<Written<UserView>> {
        let id = UserId(user_id.0);
        self.people.see_user(&may.caller, id).await?;
        let position = self.people.set_password(&may.caller, id, &body.0.password).await?;
        Ok(Written::at(position, self.shown(id, position).await?))
    }
}

impl UsersApi {
    async fn shown(&self, id: UserId, position: u64) -> Result<UserView> {
        Ok(UserView::at(&self.people, &self.views, id, position).await?.0)
    }

    async fn switch(
        &self,
        may: &May<needs::WriteProfile>,
        id: Uuid,
        on: bool,
    ) -> Result<Written<UserView>> {
        let id = UserId(id);
        let change = UserChange { active: Some(on), ..UserChange::default() };
        let position = self.people.update_user(&may.caller, id, None, change).await?;
        Ok(Written::at(position, self.shown(id, position).await?))
    }
}

/// Removes a user, if he still has the version that is asked for.
pub(crate) async fn removed(
    people: &People,
    caller: &Caller,
    if_match: IfMatch,
    id: UserId,
) -> Result<Written<RemovedUser>> {
    people.see_user(caller, id).await?;
    let version = if_match.of(people.accounts.users.load(&id).await?.version)?;
    let position = people.delete_user(caller, id, version).await?;
    let answer = Written::at(position, RemovedUser { id: id.0, deleted: true });
    Ok(answer.saying("the user is gone, and his data can never be read again"))
}

pub(super) fn role(name: &str, field: &str) -> Result<RoleId> {
    name.parse().map_err(|error: domain::kernel::ParseIdError| {
        ApiError::field(field, format!("must be {}", error.expected))
    })
}
