//! `/users/me`: one's own account.

use std::collections::BTreeMap;

use commands::identity::accounts::{Account, Accounts};
use commands::identity::people::People;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use projections::Slice;
use projections::identity::sessions;
use serde_json::Value;
use uuid::Uuid;

use crate::Tag;
use crate::answer::{Found, Result, Written};
use crate::auth::{May, needs};
use crate::conditional::IfMatch;
use crate::error::ApiError;
use crate::people::{RemovedUser, removed};
use crate::request;
use crate::views::Views;

pub(crate) struct MeApi {
    pub(crate) accounts: Accounts,
    pub(crate) people: People,
    pub(crate) views: Views,
}

/// A user as he may be shown to himself.
#[derive(Object)]
pub(super) struct UserView {
    id: Uuid,
    email: String,
    email_verified: bool,
    name: String,
    roles: Vec<String>,
    permissions: Vec<String>,
    organization_id: Option<Uuid>,
    mfa_enabled: bool,
    created_at: Option<String>,
    last_login: Option<String>,
}

#[derive(Object)]
pub(super) struct MeAnswer {
    pub(super) user: UserView,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct AccountPatch {
    #[oai(validator(min_length = 1, max_length = 200))]
    name: Option<String>,
    /// Whatever else the account keeps for its owner; replaces what was there, up to 16 KiB.
    profile: Option<Value>,
}

impl UserView {
    pub(super) async fn of(accounts: &Accounts, views: &Views, account: Account) -> Result<Self> {
        let created_at = accounts.created_at(account.id).await?;
        let newest = Slice { limit: 1, offset: 0 };
        let seen = sessions::of_user(views.live()?.db(), account.id, None, newest).await?;
        Ok(Self {
            id: account.id.0,
            email: account.email.shown().to_owned(),
            email_verified: account.email_verified,
            name: account.name.shown().to_owned(),
            roles: account.roles.iter().map(ToString::to_string).collect(),
            permissions: account.permissions.iter().map(ToOwned::to_owned).collect(),
            organization_id: account.organization.map(|it| it.0),
            mfa_enabled: account.mfa,
            created_at: created_at.map(request::shown),
            last_login: seen.items.first().map(|it| request::shown(it.started_at.0)),
        })
    }
}

#[OpenApi(prefix_path = "/api/v1/users/me", tag = "Tag::Identity")]
impl MeApi {
    /// See one's own account
    #[oai(path = "/", method = "get", operation_id = "getOwnUser")]
    async fn get(&self, may: May<needs::ReadProfile>) -> Result<Found<UserView>> {
        let loaded = self.accounts.me(&may.caller).await?;
        let user = UserView::of(&self.accounts, &self.views, loaded.aggregate).await?;
        Ok(Found::of(user).seen_at(Some(loaded.version)))
    }

    /// Change one's own account
    ///
    /// What is absent stays.
    #[oai(path = "/", method = "patch", operation_id = "updateOwnUser")]
    async fn update(
        &self,
        may: May<needs::WriteProfile>,
        if_match: IfMatch,
        body: Json<AccountPatch>,
    ) -> Result<Written<UserView>> {
        let AccountPatch { name, profile } = body.0;
        let profile = match profile {
            None => None,
            Some(Value::Object(fields)) => Some(fields.into_iter().collect::<BTreeMap<_, _>>()),
            Some(_) => return Err(ApiError::field("profile", "must be an object")),
        };
        let version = if_match.of(self.accounts.me(&may.caller).await?.version)?;
        let position = self.accounts.update_me(&may.caller, version, name, profile).await?;
        let loaded = self.accounts.me(&may.caller).await?;
        let user = UserView::of(&self.accounts, &self.views, loaded.aggregate).await?;
        Ok(Written::at(position, user).version(loaded.version))
    }

    /// Remove one's own account, for good
    ///
    /// What the log holds of you can never be read again. Who has a second factor shows it before.
    #[oai(path = "/", method = "delete", operation_id = "deleteOwnUser")]
    async fn delete(
        &self,
        may: May<needs::WriteProfile>,
        if_match: IfMatch,
    ) -> Result<Written<RemovedUser>> {
        let user = may.caller.signed()?.user;
        removed(&self.people, &may.caller, if_match, user).await
    }
}
