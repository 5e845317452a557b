//! How a request is looked at before anything is done about it.

use std::net::{IpAddr, SocketAddr};

use domain::kernel::Origin;
use poem::Request;
use poem::http::{HeaderMap, Uri, header};

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
fn address(request: &Request, trusts_proxy: bool) -> String {
    let forwarded = trusts_proxy.then(|| forwarded(request.headers())).flatten();
    let peer = || request.remote_addr().as_socket_addr().map(SocketAddr::ip);
    match forwarded.or_else(peer) {
        Some(address) => address.to_canonical().to_string(),
        None => "unknown".to_owned(),
    }
}

/// Whom the last proxy saw. It adds him at the end; some proxies do that on a line of their own, so of several lines
/// the last counts. What is no address was written by somebody else.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    let entry = last.rsplit(',').next()?.trim();
    let bare = entry.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(entry);
    let with_port = || entry.parse::<SocketAddr>().ok().as_ref().map(SocketAddr::ip);
    bare.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn seen(lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
        }
        forwarded(&headers).map(|it| it.to_string())
    }

    #[test]
    fn the_last_entry_of_the_last_line_is_the_proxys() {
        for (lines, address) in [
            (&["192.0.2.1"][..], "192.0.2.1"),
            (&["198.51.100.1, 192.0.2.1"], "192.0.2.1"),
            (&["198.51.100.1", "192.0.2.1"], "192.0.2.1"),
            (&["192.0.2.1:443"], "192.0.2.1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
            (&["2001:DB8::1"], "2001:db8::1"),
        ] {
            assert_eq!(seen(lines).as_deref(), Some(address), "{lines:?}");
        }
        for lines in [&[][..], &[""], &["unknown"], &["192.0.2.1, x"], &["192.0.2.1", "_hidden"]] {
            assert_eq!(seen(lines), None, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn nobody_takes_the_proxys_place(forged in "[ -~]{0,60}", last: [u8; 4]) {
            let last = IpAddr::from(last).to_string();
            let line = format!("{forged}, {last}");
            prop_assert_eq!(seen(&[&line]), Some(last.clone()));
            prop_assert_eq!(seen(&[&forged, &last]), Some(last));
        }
    }
}
