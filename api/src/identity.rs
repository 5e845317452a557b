//! `/api-keys` and `/persons`.

use chrono::{DateTime, Utc};
use commands::identity::Identity;
use commands::ports::Loaded;
use domain::identity::{NewApiKey, Permissions};
use domain::kernel::{ApiKeyId, Person};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use projections::Slice;
use projections::identity::api_keys;
use uuid::Uuid;

use crate::Tag;
use crate::answer::{Created, Found, Result, Written};
use crate::auth::{May, needs};
use crate::conditional::IfMatch;
use crate::error::ApiError;
use crate::page::{Pagination, default_limit};
use crate::request;
use crate::views::Views;

pub(crate) struct IdentityApi {
    pub(crate) identity: Identity,
    pub(crate) views: Views,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewKey {
    #[oai(validator(min_length = 1, max_length = 100))]
    name: String,
    /// As `read:audit`; never more than your own.
    #[oai(validator(min_items = 1, max_items = 100))]
    permissions: Vec<String>,
    /// Never without it.
    expires_at: Option<DateTime<Utc>>,
}

/// A key that was just made.
#[derive(Clone, Object)]
struct IssuedKey {
    id: Uuid,
    name: String,
    permissions: Vec<String>,
    expires_at: Option<String>,
    created_at: String,
    /// The token: `pal_<id>_<secret>`. It is shown this once, and null ever after.
    key: Option<String>,
}

/// A key, without its secret.
#[derive(Object)]
struct ApiKeyView {
    id: Uuid,
    name: String,
    permissions: Vec<String>,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    /// To the minute; null when it never was.
    last_used_at: Option<String>,
}

#[derive(Object)]
struct ApiKeyList {
    api_keys: Vec<ApiKeyView>,
    pagination: Pagination,
}

#[derive(Object)]
struct RevokedKey {
    id: Uuid,
    revoked: bool,
}

#[derive(Object)]
struct ErasedPerson {
    person: String,
    /// How many keys were destroyed; none when nothing was kept of the person.
    keys_destroyed: u64,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Identity")]
impl IdentityApi {
    /// Make an API key
    #[oai(path = "/api-keys", method = "post", operation_id = "createApiKey")]
    async fn create(
        &self,
        may: May<needs::ManageApiKey>,
        body: Json<NewKey>,
    ) -> Result<Created<IssuedKey>> {
        let NewKey { name, permissions, expires_at } = body.0;
        let parsed = Permissions::parse(&permissions)
            .map_err(|error| ApiError::field("permissions", error.to_string()))?;
        let new = NewApiKey { name: name.clone(), permissions: parsed.clone(), expires_at };
        let issued = self.identity.create_api_key(&may.caller, new).await?;
        let shown_again = IssuedKey {
            id: issued.id.0,
            name,
            permissions: parsed.iter().map(ToOwned::to_owned).collect(),
            expires_at: expires_at.map(request::shown),
            created_at: request::shown(issued.created_at),
            key: None,
        };
        let shown = IssuedKey { key: Some(issued.token), ..shown_again.clone() };
        let path = format!("/api/v1/api-keys/{}", issued.id);
        let answer = Created::at(issued.position, shown).repeated_as(shown_again).location(path);
        Ok(answer.saying("keep the key: it is not shown again"))
    }

    /// List the API keys
    ///
    /// Newest first, revoked ones included.
    #[oai(path = "/api-keys", method = "get", operation_id = "listApiKeys")]
    async fn list(
        &self,
        may: May<needs::ManageApiKey>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<ApiKeyList>> {
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let page = api_keys::list(self.views.live()?.db(), slice).await?;
        let pagination = Pagination::over(&page, slice);
        let ids: Vec<_> = page.items.iter().map(|row| ApiKeyId(row.id)).collect();
        let uses = self.identity.last_used(&may.caller, &ids).await?;
        let api_keys = page.items.into_iter().zip(uses);
        let api_keys = api_keys.map(|(row, used)| ApiKeyView::of(row, used)).collect();
        Ok(Found::of(ApiKeyList { api_keys, pagination }))
    }

    /// Look at an API key
    #[oai(path = "/api-keys/:api_key_id", method = "get", operation_id = "getApiKey")]
    async fn get(
        &self,
        may: May<needs::ManageApiKey>,
        api_key_id: Path<Uuid>,
    ) -> Result<Found<ApiKeyView>> {
        let id = ApiKeyId(api_key_id.0);
        let Loaded { version, position, .. } = self.identity.api_keys.load(&id).await?;
        let (live, shows) = self.views.once_at(position).await?;
        let row = api_keys::find(live.db(), id).await?;
        let row = row.ok_or_else(|| ApiError::not_found("API key"))?;
        let used = self.identity.last_used(&may.caller, &[id]).await?.into_iter().next().flatten();
        Ok(Found::of(ApiKeyView::of(row, used)).seen_at(shows.then_some(version)))
    }

    /// Revoke an API key
    ///
    /// It stops working at once. The last key that may make keys cannot be revoked: make another
    /// one first.
    #[oai(path = "/api-keys/:api_key_id", method = "delete", operation_id = "revokeApiKey")]
    async fn revoke(
        &self,
        may: May<needs::ManageApiKey>,
        if_match: IfMatch,
        api_key_id: Path<Uuid>,
    ) -> Result<Written<RevokedKey>> {
        let id = ApiKeyId(api_key_id.0);
        let version = if_match.of(self.identity.api_keys.load(&id).await?.version)?;
        let position = self.identity.revoke_api_key(&may.caller, id, version).await?;
        let data = RevokedKey { id: id.0, revoked: true };
        Ok(Written::at(position, data).saying("the key is revoked"))
    }

    /// Make a person's data unreadable, everywhere and for good
    #[oai(path = "/persons/:person", method = "delete", operation_id = "erasePerson")]
    async fn erase(
        &self,
        may: May<needs::ErasePerson>,
        if_match: IfMatch,
        /// `discord:<id>` or `user:<id>`
        #[oai(validator(max_length = 128, pattern = "^(discord|user):.+$"))]
        person: Path<String>,
        /// Why; must not name the person.
        #[oai(validator(min_length = 1, max_length = 500))]
        reason: Query<Option<String>>,
    ) -> Result<Written<ErasedPerson>> {
        let parsed: Person = person
            .0
            .parse()
            .map_err(|_| ApiError::field("person", "must be discord:<id> or user:<id>"))?;
        // The version counts the erasures. Keys are destroyed before the log is told, so this is
        // asked first.
        if_match.of(self.identity.people.load(&parsed).await?.version)?;
        let reason = reason.0.unwrap_or_else(|| "on request".to_owned());
        let (erased, keys_destroyed) =
            self.identity.erase_person(&may.caller, &parsed, reason).await?;
        let data = ErasedPerson { person: person.0, keys_destroyed };
        let answer = Written::at(erased.position, data).version(erased.version);
        Ok(answer.saying("the person's data can never be read again"))
    }
}

impl ApiKeyView {
    fn of(row: api_keys::Model, used: Option<DateTime<Utc>>) -> Self {
        Self {
            id: row.id,
            name: row.name,
            permissions: serde_json::from_str(&row.permissions).unwrap_or_default(),
            created_at: request::shown(row.created_at.0),
            expires_at: row.expires_at.map(|at| request::shown(at.0)),
            revoked_at: row.revoked_at.map(|at| request::shown(at.0)),
            last_used_at: used.map(request::shown),
        }
    }
}
