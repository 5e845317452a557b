//! `/scim/v2`: directories such as Okta and Entra keep users and groups here (RFC 7643, RFC 7644).

mod discovery;
mod error;
mod filter;
mod groups;
mod patch;
mod path;
mod query;
mod schema;
mod users;

use std::sync::Arc;

use commands::identity::people::People;
use commands::ports::Caller;
use domain::identity::Permission;
use poem::http::{HeaderValue, Method, StatusCode};
use poem::{Body, Endpoint, IntoResponse, Request, Response};
use serde_json::Value;
use uuid::Uuid;

pub(crate) use error::{Kind, MEDIA_TYPE, ScimError};
use query::Query;

use crate::auth::Credentials;
use crate::error::ApiError;
use crate::views::Views;

/// The largest body, in bytes.
const MAX_BODY: usize = 4 * 1_024 * 1_024;

/// See the module.
#[derive(Clone)]
pub(crate) struct Scim {
    pub(crate) people: People,
    pub(crate) read_only: bool,
    pub(crate) views: Views,
}

/// One request, taken apart.
struct Asked {
    caller: Caller,
    method: Method,
    /// What stands before every path: `https://…/scim/v2`.
    base: String,
    /// The path's parts behind it.
    parts: Vec<String>,
    query: Query,
    /// The version one of which the client insists on.
    if_match: Option<Vec<u64>>,
    if_none_match: Option<Vec<u64>>,
    body: Value,
}

/// What is answered.
struct Told {
    status: StatusCode,
    body: Option<Value>,
    position: Option<u64>,
}

impl Told {
    fn found(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body), position: None }
    }

    fn made(body: Value, position: u64) -> Self {
        Self { status: StatusCode::CREATED, body: Some(body), position: Some(position) }
    }

    fn changed(body: Value, position: u64) -> Self {
        Self { position: Some(position), ..Self::found(body) }
    }

    fn removed(position: u64) -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, position: Some(position) }
    }
}

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        let mut response = match &self.body {
            Some(body) => Body::from_string(body.to_string()).into_response(),
            None => Response::default(),
        };
        response.set_status(self.status);
        let headers = response.headers_mut();
        let mut put = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        if let Some(body) = &self.body {
            put("content-type", MEDIA_TYPE);
            if let Some(version) = body["meta"]["version"].as_str() {
                put("etag", version);
            }
            if let Some(location) = body["meta"]["location"].as_str() {
                put("location", location);
            }
        }
        if let Some(position) = self.position {
            put("x-event-position", &position.to_string());
        }
        response
    }
}

impl Endpoint for Scim {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        Ok(match self.answer(request).await {
            Ok(told) => told.into_response(),
            Err(no) => no.response(),
        })
    }
}

impl Scim {
    async fn answer(&self, request: Request) -> Result<Told, ScimError> {
        let asked = Asked::read(request).await?;
        let writes = ![Method::GET, Method::HEAD].contains(&asked.method);
        if writes && self.read_only {
            let message = "this server shows the state of one moment, which is only read";
            return Err(ScimError::new(StatusCode::CONFLICT, message));
        }
        let parts: Vec<&str> = asked.parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["ServiceProviderConfig"] => asked.only_get(discovery::service_provider(&asked.base)),
            ["ResourceTypes"] => asked.listed(discovery::resource_types(&asked.base)),
            ["ResourceTypes", name] => asked.one(discovery::resource_types(&asked.base), name),
            ["Schemas"] => asked.listed(discovery::schemas(&asked.base)),
            ["Schemas", id] => asked.one(discovery::schemas(&asked.base), id),
            ["Groups"] => self.groups(&asked).await,
            ["Groups", id] => self.group(&asked, id).await,
            ["Users"] => self.users(&asked).await,
            ["Users", id] => self.user(&asked, id).await,
            ["Me" | "Bulk" | ".search"] => {
                Err(ScimError::new(StatusCode::NOT_IMPLEMENTED, "this is not offered here"))
            }
            _ => Err(ScimError::new(StatusCode::NOT_FOUND, "there is nothing at this path")),
        }
    }
}

impl Asked {
    async fn read(mut request: Request) -> Result<Self, ScimError> {
        let credentials = request.extensions().get::<Credentials>().cloned();
        let credentials = credentials.unwrap_or(Credentials::None);
        let path = request.uri().path().trim_start_matches("/scim/v2").to_owned();
        let parts = path.split('/').filter(|it| !it.is_empty()).map(ToOwned::to_owned);
        let mut parts: Vec<String> = parts.collect();
        let mut method = request.method().clone();
        // To search is to read, however it is sent.
        let searches = method == Method::POST && parts.len() == 2 && parts[1] == ".search";
        let reads = searches || [Method::GET, Method::HEAD].contains(&method);
        let needed = if reads { Permission::ReadUser } else { Permission::ManageUser };
        let caller = credentials.allow(needed)?.clone();

        let header = |name: &str| {
            request.headers().get(name).and_then(|it| it.to_str().ok()).map(ToOwned::to_owned)
        };
        let host = header("host").unwrap_or_else(|| "localhost".to_owned());
        let scheme = header("x-forwarded-proto")
            .filter(|it| it == "https")
            .unwrap_or_else(|| request.scheme().as_str().to_owned());
        let base = format!("{scheme}://{host}/scim/v2");
        let mut query = Query::parse(request.uri().query().unwrap_or_default())?;
        let (if_match, if_none_match) =
            (versions(header("if-match")), versions(header("if-none-match")));
        if searches {
            query = Query::of_search(&read_json(&mut request).await?)?;
            (method, parts) = (Method::GET, vec![parts.swap_remove(0)]);
        }
        let body = match (parts.as_slice(), &method) {
            ([kind], &Method::POST) | ([kind, _], &Method::PUT | &Method::PATCH)
                if ["Groups", "Users"].contains(&kind.as_str()) =>
            {
                read_json(&mut request).await?
            }
            // What takes no body says so, whatever was sent.
            _ => Value::Null,
        };
        Ok(Self { caller, method, base, parts, query, if_match, if_none_match, body })
    }

    /// The version to insist on; refuses when the resource has another.
    fn version(&self, at: u64) -> Result<Option<u64>, ScimError> {
        match &self.if_match {
            None => Ok(None),
            Some(wanted) if wanted.contains(&at) => Ok(Some(at)),
            Some(_) => {
                let message = format!("the resource is at version {at} by now; read it again");
                Err(ScimError::new(StatusCode::PRECONDITION_FAILED, message))
            }
        }
    }

    /// 304 when the client has this version already.
    fn fresh(&self, at: u64, told: Value) -> Told {
        if self.if_none_match.as_ref().is_some_and(|it| it.contains(&at)) {
            return Told { status: StatusCode::NOT_MODIFIED, body: None, position: None };
        }
        Told::found(told)
    }

    fn only_get(&self, body: Value) -> Result<Told, ScimError> {
        if [Method::GET, Method::HEAD].contains(&self.method) {
            return Ok(Told::found(body));
        }
        Err(self.wrong_method())
    }

    fn listed(&self, all: Vec<Value>) -> Result<Told, ScimError> {
        if self.query.filter.is_some() {
            // RFC 7644, 4: nobody finds out by filters what there is.
            return Err(ScimError::new(StatusCode::FORBIDDEN, "this list takes no filter"));
        }
        self.only_get(discovery::list(all.len(), 1, all))
    }

    fn one(&self, all: Vec<Value>, id: &str) -> Result<Told, ScimError> {
        let found = all.into_iter().find(|it| it["id"] == id);
        self.only_get(found.ok_or_else(|| ScimError::not_found("resource", id))?)
    }

    fn wrong_method(&self) -> ScimError {
        let message = format!("this path does not take {}", self.method);
        ScimError::new(StatusCode::METHOD_NOT_ALLOWED, message)
    }
}

/// The id of a resource; others than ours are not there.
fn id(text: &str, what: &str) -> Result<Uuid, ScimError> {
    Uuid::try_parse(text).map_err(|_| ScimError::not_found(what, text))
}

/// `W/"3"` names version 3.
fn etag(version: u64) -> String {
    format!("W/\"{version}\"")
}

fn versions(header: Option<String>) -> Option<Vec<u64>> {
    let header = header?;
    if header.trim() == "*" {
        return None;
    }
    let tags = header.split(',').map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'));
    Some(tags.filter_map(|tag| tag.parse().ok()).collect())
}

async fn read_json(request: &mut Request) -> Result<Value, ScimError> {
    let kind = request.content_type().unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if ![MEDIA_TYPE, "application/json"].contains(&kind) {
        let message = "the body must be of the type application/scim+json";
        return Err(ScimError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let bytes = request.take_body().into_bytes_limit(MAX_BODY).await.map_err(|_| {
        ScimError::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 4 MiB")
    })?;
    let body: Value = serde_json::from_slice(&bytes)
        .map_err(|error| ScimError::bad(Kind::InvalidSyntax, format!("no JSON: {error}")))?;
    if body.is_object() { Ok(body) } else { Err(ScimError::bad(Kind::InvalidSyntax, "no object")) }
}

/// Whatever refuses a request before it is here, in SCIM's words.
pub(crate) fn refused(error: ApiError) -> Response {
    ScimError::from(error).response()
}

/// The endpoint, for the routes.
pub(crate) fn endpoint(people: People, read_only: bool, views: Views) -> Arc<Scim> {
    Arc::new(Scim { people, read_only, views })
}
