//! Conditional requests: `If-None-Match` on reads, `If-Match` on writes.

use commands::CommandError;
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Body, FromRequest, Request, RequestBody, Response};

use crate::error::ApiError;

/// Answers 304 when the caller has this very version already.
pub(crate) fn unchanged(method: &Method, known_as: Option<&str>, response: Response) -> Response {
    let read = method == Method::GET || method == Method::HEAD;
    let (Some(known), true, StatusCode::OK) = (known_as, read, response.status()) else {
        return response;
    };
    let Some(tag) = response.header(header::ETAG) else { return response };
    let weak = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    if !known.split(',').any(|it| it.trim() == "*" || weak(it) == weak(tag)) {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_TYPE);
    Response::from_parts(parts, Body::empty())
}

/// What every answer says about caching and types.
pub(crate) fn finish(headers: &mut HeaderMap) {
    let versioned = headers.contains_key(header::ETAG);
    let caching = if versioned { "private, no-cache" } else { "no-store" };
    let caching = HeaderValue::from_static(caching);
    headers.entry(header::CACHE_CONTROL).or_insert(caching);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let loads = if page {
        // Our own pages bring their scripts and styles along.
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    } else {
        "default-src 'none'; frame-ancestors 'none'"
    };
    let loads = HeaderValue::from_static(loads);
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(loads);
}

/// The versions one of which a write insists on; none when any will do.
pub(crate) struct IfMatch(Option<Vec<u64>>);

impl IfMatch {
    /// The version to insist on, given the present one; refuses when that is another.
    pub(crate) fn of(&self, at: u64) -> Result<Option<u64>, ApiError> {
        let Some(wanted) = &self.0 else { return Ok(None) };
        if wanted.contains(&at) {
            return Ok(Some(at));
        }
        let moved = |wanted: &u64| CommandError::Moved { wanted: *wanted, at }.into();
        Err(wanted.last().map_or_else(none_of_these, moved))
    }
}

fn none_of_these() -> ApiError {
    let message = "the resource has none of these versions";
    ApiError::new(StatusCode::PRECONDITION_FAILED, message)
}

impl<'a> FromRequest<'a> for IfMatch {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let Some(value) = request.header(header::IF_MATCH) else { return Ok(Self(None)) };
        let tags = value.split(',').map(str::trim);
        if tags.clone().any(|tag| tag == "*") {
            return Ok(Self(None));
        }
        // A weak tag never matches; one that we never gave matches nothing.
        let quoted = |tag: &str| tag.len() > 1 && tag.starts_with('"') && tag.ends_with('"');
        if !tags.clone().all(|tag| quoted(tag.trim_start_matches("W/"))) {
            return Err(ApiError::field("If-Match", "must be an ETag in quotes").into());
        }
        // What follows the version in a tag is about reading.
        let ours = |tag: &str| {
            let tag = tag.strip_prefix('"')?.strip_suffix('"')?;
            tag.split('-').next()?.parse().ok()
        };
        Ok(Self(Some(tags.filter_map(ours).collect())))
    }
}
