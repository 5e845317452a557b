//! `/Users`.

use commands::identity::accounts::Email;
use commands::identity::people::{DIRECTORY, Provisioned};
use domain::kernel::UserId;
use poem::http::Method;
use projections::Slice;
use projections::identity::{groups, users};
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::{Kind, ScimError};
use super::filter::Filter;
use super::patch::patched;
use super::path::field;
use super::schema::{ENTERPRISE, Resource, USER};
use super::{Asked, Scim, Told, discovery, etag, id};
use crate::error::ApiError;
use crate::request;

/// How many rows are looked through at once for a filter.
const AT_ONCE: u64 = 500;

impl Scim {
    pub(super) async fn users(&self, asked: &Asked) -> Result<Told, ScimError> {
        match asked.method {
            Method::GET | Method::HEAD => self.list_users(asked).await.map(Told::found),
            Method::POST => {
                let wanted = wanted(&asked.body)?;
                let (id, position) = self.people.provision_user(&asked.caller, wanted).await?;
                let (made, _) = self.user_at(asked, id, position).await?;
                Ok(Told::made(made, position))
            }
            _ => Err(asked.wrong_method()),
        }
    }

    pub(super) async fn user(&self, asked: &Asked, text: &str) -> Result<Told, ScimError> {
        let id = UserId(id(text, "user")?);
        let loaded = self.people.accounts.users.load(&id).await?;
        if !loaded.aggregate.exists() {
            return Err(ScimError::not_found("user", text));
        }
        match asked.method {
            Method::GET | Method::HEAD => {
                let (found, version) = self.user_at(asked, id, loaded.position).await?;
                Ok(asked.fresh(version, found))
            }
            Method::PUT => {
                let version = asked.version(loaded.version)?;
                let wanted = wanted(&asked.body)?;
                self.replace_user(asked, id, version, wanted).await
            }
            Method::PATCH => {
                let version = asked.version(loaded.version)?;
                let row = self.row(id, loaded.position).await?;
                let patched = patched(Resource::User, &attributes(&row), &asked.body)?;
                self.replace_user(asked, id, version, wanted(&patched)?).await
            }
            Method::DELETE => {
                let version = asked.version(loaded.version)?;
                let position = self.people.delete_user(&asked.caller, id, version).await?;
                self.views.once_at(position).await?;
                Ok(Told::removed(position))
            }
            _ => Err(asked.wrong_method()),
        }
    }

    async fn replace_user(
        &self,
        asked: &Asked,
        id: UserId,
        version: Option<u64>,
        wanted: Provisioned,
    ) -> Result<Told, ScimError> {
        let replaced = self.people.reprovision_user(&asked.caller, id, version, wanted);
        let position = replaced.await?;
        let (now, _) = self.user_at(asked, id, position).await?;
        Ok(Told::changed(now, position))
    }

    async fn row(&self, id: UserId, position: u64) -> Result<users::Model, ScimError> {
        let (live, _) = self.views.once_at(position).await?;
        let row = users::find(live.db(), id).await.map_err(ApiError::from)?;
        row.ok_or_else(|| ScimError::not_found("user", &id.to_string()))
    }

    async fn user_at(
        &self,
        asked: &Asked,
        id: UserId,
        position: u64,
    ) -> Result<(Value, u64), ScimError> {
        let row = self.row(id, position).await?;
        let version = self.people.accounts.users.load(&id).await?.version;
        Ok((self.shown_user(asked, row, version).await?, version))
    }

    async fn list_users(&self, asked: &Asked) -> Result<Value, ScimError> {
        let query = &asked.query;
        let first = query.start - 1;
        let live = self.views.live()?;
        let (total, rows) = match &query.filter {
            None => {
                let slice = Slice { limit: query.count.max(1) as u64, offset: first as u64 };
                let page = users::list(live.db(), &users::Filter::default(), slice).await;
                let page = page.map_err(ApiError::from)?;
                let total = usize::try_from(page.total).unwrap_or(usize::MAX);
                (total, page.items.into_iter().take(query.count).collect::<Vec<_>>())
            }
            Some(filter) => {
                let found = self.filtered(filter, asked).await?;
                let total = found.len();
                (total, found.into_iter().skip(first).take(query.count).collect())
            }
        };
        let mut resources = Vec::with_capacity(rows.len());
        for row in rows {
            let version = self.people.accounts.users.load(&UserId(row.id)).await?.version;
            resources.push(self.shown_user(asked, row, version).await?);
        }
        Ok(discovery::list(total, query.start, resources))
    }

    /// Everybody a filter finds. Who is asked for by name is found at once.
    async fn filtered(
        &self,
        filter: &Filter,
        asked: &Asked,
    ) -> Result<Vec<users::Model>, ScimError> {
        let live = self.views.live()?;
        let one = match (filter.is_just("userName"), filter.is_just("id")) {
            (Some(name), _) => Some(self.people.user_named(name).await?),
            (None, Some(id)) => Some(Uuid::try_parse(id).ok().map(UserId)),
            (None, None) => None,
        };
        if let Some(id) = one {
            let Some(id) = id else { return Ok(Vec::new()) };
            let row = users::find(live.db(), id).await.map_err(ApiError::from)?;
            return Ok(row.filter(|row| filter.fits(&resource(asked, row))).into_iter().collect());
        }
        let (mut found, mut offset) = (Vec::new(), 0);
        loop {
            let slice = Slice { limit: AT_ONCE, offset };
            let page = users::list(live.db(), &users::Filter::default(), slice).await;
            let page = page.map_err(ApiError::from)?;
            let more = page.has_more(slice);
            found.extend(page.items.into_iter().filter(|row| filter.fits(&resource(asked, row))));
            if !more {
                return Ok(found);
            }
            offset += AT_ONCE;
        }
    }

    /// A user as he is answered, with his groups where they are wanted.
    async fn shown_user(
        &self,
        asked: &Asked,
        row: users::Model,
        version: u64,
    ) -> Result<Value, ScimError> {
        let mut user = resource(asked, &row);
        user["meta"]["version"] = json!(etag(version));
        if asked.query.wants("groups") {
            let ids = self.people.directory.groups_of(UserId(row.id)).await?;
            let ids = ids.into_iter().map(|it| it.0).collect();
            let groups =
                groups::some(self.views.live()?.db(), ids).await.map_err(ApiError::from)?;
            let groups: Vec<_> = groups
                .into_iter()
                .map(|it| {
                    json!({
                        "value": it.id,
                        "$ref": format!("{}/Groups/{}", asked.base, it.id),
                        "display": it.name,
                        "type": "direct",
                    })
                })
                .collect();
            if !groups.is_empty() {
                user["groups"] = json!(groups);
            }
        }
        Ok(asked.query.shown(user))
    }
}

/// The attributes that a directory gave; of whom it did not make, what is known.
fn attributes(row: &users::Model) -> Value {
    let profile: Value =
        row.profile.as_deref().and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
    let kept = profile.get(DIRECTORY).cloned();
    let from_directory = kept.is_some();
    let mut kept = kept.unwrap_or_else(|| json!({}));
    let email = row.email.as_deref().unwrap_or_default();
    let email = if Email::is_of_nobody(email) { "" } else { email };
    if kept.get("userName").is_none() {
        kept["userName"] = json!(email);
    }
    if let Some(name) = row.name.as_ref().filter(|_| !from_directory) {
        kept["displayName"] = json!(name);
    }
    let primary = kept.get("emails").map(primary_email);
    if primary.flatten().is_none_or(|it| !it.eq_ignore_ascii_case(email)) && !email.is_empty() {
        // The account's address was changed elsewhere: that one counts.
        let others = kept.get("emails").and_then(Value::as_array).cloned().unwrap_or_default();
        let others = others.into_iter().filter(|it| it["primary"] != true);
        let own = json!({ "value": email, "type": "work", "primary": true });
        kept["emails"] = [own].into_iter().chain(others).collect();
    }
    kept["active"] = json!(row.status == "active");
    kept
}

/// A user without his groups and version: what filters look at.
fn resource(asked: &Asked, row: &users::Model) -> Value {
    let mut user = attributes(row);
    let mut schemas = vec![USER];
    if user.get(ENTERPRISE).is_some() {
        schemas.push(ENTERPRISE);
    }
    user["schemas"] = json!(schemas);
    user["id"] = json!(row.id);
    user["meta"] = json!({
        "resourceType": "User",
        "created": request::shown(row.created_at.0),
        "lastModified": request::shown(row.updated_at.0),
        "location": format!("{}/Users/{}", asked.base, row.id),
    });
    user
}

/// The primary address, or else the first.
fn primary_email(emails: &Value) -> Option<&str> {
    let all = emails.as_array()?;
    let primary = all.iter().find(|it| it["primary"] == true).or_else(|| all.first())?;
    primary["value"].as_str()
}

/// What a directory wants a user to be.
fn wanted(body: &Value) -> Result<Provisioned, ScimError> {
    let bad = |reason: String| ScimError::bad(Kind::InvalidValue, reason);
    let mut given = Resource::User.cleaned(body).map_err(bad)?;
    let user_name = given["userName"].as_str().map(str::trim).unwrap_or_default().to_owned();
    if user_name.is_empty() || user_name.chars().count() > 320 {
        return Err(bad("userName is required, with at most 320 characters".to_owned()));
    }
    let email = match field(&given, "emails").and_then(primary_email) {
        Some(email) => email.to_owned(),
        None if user_name.contains('@') => user_name.clone(),
        None => Email::of_nobody(&user_name).as_str().to_owned(),
    };
    let parts = |name: &str| given["name"][name].as_str().unwrap_or_default().to_owned();
    let both = format!("{} {}", parts("givenName"), parts("familyName"));
    let names = [
        given["displayName"].as_str().unwrap_or_default().to_owned(),
        parts("formatted"),
        both.trim().to_owned(),
        user_name.clone(),
    ];
    let name = names.into_iter().find(|it| !it.trim().is_empty()).unwrap_or_default();
    let name: String = name.chars().take(200).collect();
    let active = given["active"].as_bool().unwrap_or(true);
    let password = given["password"].as_str().map(ToOwned::to_owned);
    if let Some(fields) = given.as_object_mut() {
        fields.remove("password");
        fields.remove("active");
    }
    Ok(Provisioned { user_name, email, name, active, password, attributes: given })
}
