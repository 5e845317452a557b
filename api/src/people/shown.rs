//! A user as he is shown to others.

use std::collections::{BTreeSet, HashMap};

use commands::identity::people::{DIRECTORY, People};
use domain::kernel::{RoleId, UserId};
use poem_openapi::Object;
use projections::identity::users;
use serde_json::Value;
use uuid::Uuid;

use crate::answer::Result;
use crate::error::ApiError;
use crate::request;
use crate::views::Views;

/// A user.
#[derive(Object)]
#[oai(rename = "User")]
pub(super) struct UserView {
    id: Uuid,
    /// Null once he was erased.
    email: Option<String>,
    email_verified: bool,
    name: Option<String>,
    /// `active` or `deactivated`.
    status: String,
    roles: Vec<String>,
    /// What his roles allow, and what everybody may with his own account.
    permissions: Vec<String>,
    organization_id: Option<Uuid>,
    /// Whether he runs that organization.
    organization_admin: bool,
    mfa_enabled: bool,
    /// Where he has a linked account: `discord`, `google` …
    linked_providers: Vec<String>,
    /// Whatever else is kept of him.
    profile: Option<Value>,
    created_at: String,
    updated_at: String,
    last_login: Option<String>,
}

impl UserView {
    /// Users of a list, in its order.
    pub(super) async fn all(people: &People, rows: Vec<users::Model>) -> Result<Vec<Self>> {
        let mut allowed: HashMap<String, Vec<String>> = HashMap::new();
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            let permissions = match allowed.get(&row.roles) {
                Some(permissions) => permissions.clone(),
                None => {
                    let roles = row.roles();
                    let roles: BTreeSet<RoleId> =
                        roles.iter().filter_map(|it| it.parse().ok()).collect();
                    let may = people.accounts.permissions_of(&roles).await?;
                    let may: Vec<String> = may.iter().map(ToOwned::to_owned).collect();
                    allowed.insert(row.roles.clone(), may.clone());
                    may
                }
            };
            all.push(Self::of(row, permissions));
        }
        Ok(all)
    }

    /// A user as the read models show him at a commit, and whether they show it.
    pub(super) async fn at(
        people: &People,
        views: &Views,
        id: UserId,
        position: u64,
    ) -> Result<(Self, bool)> {
        let (live, shows) = views.once_at(position).await?;
        let row = users::find(live.db(), id).await?.ok_or_else(|| ApiError::not_found("user"))?;
        let user = Self::all(people, vec![row]).await?.pop();
        Ok((user.ok_or_else(|| ApiError::not_found("user"))?, shows))
    }

    fn of(row: users::Model, permissions: Vec<String>) -> Self {
        Self {
            roles: row.roles(),
            linked_providers: row.providers(),
            id: row.id,
            email: row.email,
            email_verified: row.email_verified,
            name: row.name,
            status: row.status,
            permissions,
            organization_id: row.organization_id,
            organization_admin: row.organization_admin,
            mfa_enabled: row.mfa,
            profile: row.profile.as_deref().and_then(beside_directory),
            created_at: request::shown(row.created_at.0),
            updated_at: request::shown(row.updated_at.0),
            last_login: row.last_login_at.map(|at| request::shown(at.0)),
        }
    }
}

/// What is kept of a user, but for what a directory wrote: that is shown to directories.
fn beside_directory(profile: &str) -> Option<Value> {
    let mut profile: Value = serde_json::from_str(profile).ok()?;
    let fields = profile.as_object_mut()?;
    fields.remove(DIRECTORY);
    (!fields.is_empty()).then_some(profile)
}
