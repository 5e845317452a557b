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
}

/// The version that a write insists on; none when any will do.
pub(crate) struct IfMatch(pub(crate) Option<u64>);

impl IfMatch {
    /// Refuses when the resource has another version.
    pub(crate) fn require(&self, at: u64) -> Result<(), ApiError> {
        match self.0 {
            Some(wanted) if wanted != at => Err(CommandError::Moved { wanted, at }.into()),
            _ => Ok(()),
        }
    }
}

impl<'a> FromRequest<'a> for IfMatch {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let Some(value) = request.header(header::IF_MATCH) else { return Ok(Self(None)) };
        let mut tags = value.split(',').map(str::trim);
        if tags.clone().any(|tag| tag == "*") {
            return Ok(Self(None));
        }
        // A weak tag never matches; one that we never gave matches nothing.
        let quoted = |tag: &str| tag.len() > 1 && tag.starts_with('"') && tag.ends_with('"');
        if !tags.clone().all(|tag| quoted(tag.trim_start_matches("W/"))) {
            return Err(ApiError::field("If-Match", "must be an ETag in quotes").into());
        }
        let ours = |tag: &str| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok();
        let Some(version) = tags.find_map(ours) else {
            let message = "the resource has none of these versions";
            return Err(ApiError::new(StatusCode::PRECONDITION_FAILED, message).into());
        };
        Ok(Self(Some(version)))
    }
}
