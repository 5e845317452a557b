//! How a request is looked at before anything is done about it.

use domain::kernel::Origin;
use poem::Request;
use poem::http::{Uri, header};

/// How much of a caller's description of himself is kept, in characters.
const MAX_USER_AGENT: usize = 256;

/// The prefix of the API; `/v1` is short for it.
const PREFIX: &str = "/api/v1/";

/// A path whose last parameter may hold slashes.
const FILES: &str = "/api/v1/self-editing/workspace/files/";

/// Brings short forms of paths into the form the document knows.
pub(crate) fn rewrite(request: &mut Request) {
    let uri = request.uri();
    let path = uri.path();
    let long = match path.strip_prefix("/v1/") {
        Some(rest) => format!("{PREFIX}{rest}"),
        None => path.to_owned(),
    };
    let long = match long.strip_prefix(FILES) {
        Some(file) => format!("{FILES}{}", file.replace('/', "%2F")),
        None => long,
    };
    if long == path {
        return;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = format!("{long}{query}").parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

/// Whether the body is so large that a refusal may leave some of it unread.
pub(crate) fn much_to_read(request: &Request) -> bool {
    let length = request.header(header::CONTENT_LENGTH).and_then(|it| it.parse::<u64>().ok());
    length.is_some_and(|it| it > 8_192) || request.header(header::TRANSFER_ENCODING).is_some()
}

/// Whether this content type is JSON's.
pub(crate) fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// What the trail keeps of a request.
pub(crate) fn origin(request: &Request, trusts_proxy: bool) -> Origin {
    let agent = request.header(header::USER_AGENT).filter(|it| !it.is_empty());
    let agent = agent.map(|it| it.chars().take(MAX_USER_AGENT).collect());
    Origin { ip_address: address(request, trusts_proxy), user_agent: agent }
}

/// From where a request came, as far as the proxy is to be believed.
pub(crate) fn address(request: &Request, trusts_proxy: bool) -> String {
    let forwarded = request.header("x-forwarded-for").and_then(|it| it.rsplit(',').next());
    match forwarded {
        Some(forwarded) if trusts_proxy => forwarded.trim().to_owned(),
        _ => match request.remote_addr().as_socket_addr() {
            Some(address) => address.ip().to_string(),
            None => "unknown".to_owned(),
        },
    }
}
