//! Which websites' pages may call.

use poem::Response;
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};

const ASKABLE: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-CSRF-Token, \
X-Min-Position";
const READABLE: &str = "ETag, Location, Retry-After, X-Event-Position, X-RateLimit-Limit, \
X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id";

/// Answers what a path takes, to a browser or to whoever asks.
pub(crate) fn preflight(allowed: &str) -> Response {
    Response::builder()
        .status(StatusCode::NO_CONTENT)
        .header(header::ALLOW, allowed)
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, allowed)
        .header(header::ACCESS_CONTROL_ALLOW_HEADERS, ASKABLE)
        .header(header::ACCESS_CONTROL_MAX_AGE, 600)
        .finish()
}

/// Lets a page of an allowed website read the answer.
pub(crate) fn allow(origins: &[String], origin: Option<&str>, headers: &mut HeaderMap) {
    if origins.is_empty() {
        return;
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let allowed = origin.filter(|origin| origins.iter().any(|it| it == origin));
    let Some(Ok(origin)) = allowed.map(HeaderValue::from_str) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    // Pages of these websites may use their visitors' sessions.
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    let readable = HeaderValue::from_static(READABLE);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, readable);
}

/// Whether a page may open a WebSocket: its own server's pages and those of allowed websites.
/// A program that is no browser sends no origin.
pub(crate) fn may_connect(origins: &[String], origin: Option<&str>, host: Option<&str>) -> bool {
    let Some(origin) = origin else { return true };
    let own = origin.split_once("://").map(|(_, authority)| authority);
    own.is_some() && own == host || origins.iter().any(|it| it == origin)
}
