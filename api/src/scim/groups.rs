//! `/Groups`.

use std::collections::BTreeSet;

use commands::identity::people::NewGroup;
use domain::identity::{Group, Permission};
use domain::kernel::{GroupId, UserId};
use poem::http::Method;
use projections::Slice;
use projections::identity::groups;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::{Kind, ScimError};
use super::patch::patched;
use super::schema::{GROUP, Resource};
use super::{Asked, Scim, Told, discovery, etag, id};
use crate::error::ApiError;
use crate::request;

/// How many rows are looked through at once.
const AT_ONCE: u64 = 500;

/// What a directory wants a group to be.
struct Wanted {
    name: String,
    external_id: Option<String>,
    members: BTreeSet<UserId>,
}

impl Scim {
    pub(super) async fn groups(&self, asked: &Asked) -> Result<Told, ScimError> {
        match asked.method {
            Method::GET | Method::HEAD => self.list_groups(asked).await.map(Told::found),
            Method::POST => {
                asked.caller.require(Permission::ManageGroup)?;
                let Wanted { name, external_id, members } = self.wanted(&asked.body).await?;
                let new = NewGroup { name, external_id, organization: None };
                let (id, mut position) = self.people.create_group(&asked.caller, new).await?;
                if !members.is_empty() {
                    let none = BTreeSet::new();
                    let mut further = asked.caller.clone();
                    further.cause = asked.caller.cause.then("members");
                    let put = self.people.change_members(&further, id, None, members, none);
                    position = put.await?;
                }
                let (made, _) = self.group_at(asked, id, position).await?;
                Ok(Told::made(made, position))
            }
            _ => Err(asked.wrong_method()),
        }
    }

    pub(super) async fn group(&self, asked: &Asked, text: &str) -> Result<Told, ScimError> {
        let id = GroupId(id(text, "group")?);
        let loaded = self.people.groups.load(&id).await?;
        if loaded.aggregate.name().is_none() {
            return Err(ScimError::not_found("group", text));
        }
        match asked.method {
            Method::GET | Method::HEAD => {
                let (found, version) = self.group_at(asked, id, loaded.position).await?;
                Ok(asked.fresh(version, found))
            }
            Method::PUT | Method::PATCH => {
                asked.caller.require(Permission::ManageGroup)?;
                asked.version(loaded.version)?;
                let wanted = if asked.method == Method::PUT {
                    self.wanted(&asked.body).await?
                } else {
                    let now = attributes(&loaded.aggregate);
                    self.wanted(&patched(Resource::Group, &now, &asked.body)?).await?
                };
                let position = self.replace_group(asked, id, &loaded.aggregate, wanted).await?;
                let (now, _) = self.group_at(asked, id, position).await?;
                Ok(Told::changed(now, position))
            }
            Method::DELETE => {
                asked.caller.require(Permission::ManageGroup)?;
                let version = asked.version(loaded.version)?;
                let position = self.people.delete_group(&asked.caller, id, version).await?;
                self.views.once_at(position).await?;
                Ok(Told::removed(position))
            }
            _ => Err(asked.wrong_method()),
        }
    }

    async fn replace_group(
        &self,
        asked: &Asked,
        id: GroupId,
        now: &Group,
        wanted: Wanted,
    ) -> Result<u64, ScimError> {
        let Wanted { name, external_id, members } = wanted;
        let caller = &asked.caller;
        let renamed = self.people.rename_group(caller, id, None, name, Some(external_id)).await?;
        let add = members.difference(now.members()).copied().collect();
        let remove = now.members().difference(&members).copied().collect();
        let mut after = caller.clone();
        after.cause = caller.cause.then("members");
        let changed = self.people.change_members(&after, id, None, add, remove).await?;
        Ok(renamed.max(changed))
    }

    async fn group_at(
        &self,
        asked: &Asked,
        id: GroupId,
        position: u64,
    ) -> Result<(Value, u64), ScimError> {
        let (live, _) = self.views.once_at(position).await?;
        let row = groups::find(live.db(), id).await.map_err(ApiError::from)?;
        let row = row.ok_or_else(|| ScimError::not_found("group", &id.to_string()))?;
        let loaded = self.people.groups.load(&id).await?;
        Ok((Self::shown_group(asked, &row, &loaded.aggregate, loaded.version), loaded.version))
    }

    async fn list_groups(&self, asked: &Asked) -> Result<Value, ScimError> {
        let query = &asked.query;
        let live = self.views.live()?;
        let (mut total, mut shown, mut offset) = (0, Vec::new(), 0);
        loop {
            let slice = Slice { limit: AT_ONCE, offset };
            let page = groups::list(live.db(), None, slice).await.map_err(ApiError::from)?;
            let more = page.has_more(slice);
            for row in page.items {
                let id = GroupId(row.id);
                let fits = match &query.filter {
                    None => true,
                    Some(filter) => {
                        let group = self.people.groups.load(&id).await?.aggregate;
                        filter.fits(&resource(asked, &row, &group))
                    }
                };
                if !fits {
                    continue;
                }
                total += 1;
                if total >= query.start && shown.len() < query.count {
                    let loaded = self.people.groups.load(&id).await?;
                    let version = loaded.version;
                    shown.push(Self::shown_group(asked, &row, &loaded.aggregate, version));
                }
            }
            if !more {
                return Ok(discovery::list(total, query.start, shown));
            }
            offset += AT_ONCE;
        }
    }

    fn shown_group(asked: &Asked, row: &groups::Model, group: &Group, version: u64) -> Value {
        let mut shown = resource(asked, row, group);
        shown["meta"]["version"] = json!(etag(version));
        if asked.query.wants("members") && !group.members().is_empty() {
            let member = |id: &UserId| {
                let there = format!("{}/Users/{id}", asked.base);
                json!({ "value": id, "$ref": there, "type": "User" })
            };
            let members: Vec<_> = group.members().iter().map(member).collect();
            shown["members"] = json!(members);
        }
        asked.query.shown(shown)
    }

    /// What a directory wants; members by their ids or their addresses.
    async fn wanted(&self, body: &Value) -> Result<Wanted, ScimError> {
        let bad = |reason: String| ScimError::bad(Kind::InvalidValue, reason);
        let given = Resource::Group.cleaned(body).map_err(bad)?;
        let name = given["displayName"].as_str().unwrap_or_default().to_owned();
        if name.trim().is_empty() {
            return Err(bad("displayName is required".to_owned()));
        }
        let mut members = BTreeSet::new();
        for member in given["members"].as_array().into_iter().flatten() {
            let value = member["value"].as_str().unwrap_or_default();
            let user = match Uuid::try_parse(value) {
                Ok(id) => Some(UserId(id)),
                Err(_) => self.people.user_named(value).await?,
            };
            let known = match user {
                Some(id) if self.people.accounts.users.load(&id).await?.aggregate.exists() => id,
                _ => return Err(bad(format!("there is no user {value}"))),
            };
            members.insert(known);
        }
        let external_id = given["externalId"].as_str().map(ToOwned::to_owned);
        Ok(Wanted { name, external_id, members })
    }
}

/// What a PATCH changes.
fn attributes(group: &Group) -> Value {
    let members: Vec<_> = group.members().iter().map(|it| json!({ "value": it })).collect();
    let mut now = json!({ "displayName": group.name(), "members": members });
    if let Some(id) = group.external_id() {
        now["externalId"] = json!(id);
    }
    now
}

/// A group without its version: what filters look at.
fn resource(asked: &Asked, row: &groups::Model, group: &Group) -> Value {
    let mut shown = json!({
        "schemas": [GROUP],
        "id": row.id,
        "displayName": row.name,
        "meta": {
            "resourceType": "Group",
            "created": request::shown(row.created_at.0),
            "lastModified": request::shown(row.updated_at.0),
            "location": format!("{}/Groups/{}", asked.base, row.id),
        },
    });
    if let Some(id) = &row.external_id {
        shown["externalId"] = json!(id);
    }
    if asked.query.filter.is_some() && !group.members().is_empty() {
        shown["members"] =
            group.members().iter().map(|it| json!({ "value": it, "type": "User" })).collect();
    }
    shown
}
