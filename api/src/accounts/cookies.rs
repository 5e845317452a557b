//! Tokens as cookies, for pages: out of reach of their scripts, and useless to other pages.
//!
//! A page proves that a request is its own by sending the readable cookie back as a header (double submit),
//! whose value only this session has. `SameSite=Lax` keeps other sites' forms out besides.

use commands::identity::accounts::{Accounts, Entered};
use domain::kernel::SessionId;
use poem::Response;
use poem::http::{HeaderMap, HeaderValue, header};

use crate::cors;
use crate::error::ApiError;

/// The access token.
pub(crate) const ACCESS: &str = "palimpsest_access";
/// The refresh token; sent to where it is traded only.
const REFRESH: &str = "palimpsest_refresh";
/// What a page sends back as [`HEADER`].
const CSRF: &str = "palimpsest_csrf";
/// The ticket of who has to show a second factor; for the page he is sent to.
const MFA: &str = "palimpsest_mfa";
/// Where refresh tokens are traded.
const REFRESH_PATH: &str = "/api/v1/auth";

/// What a page sends to show that a request is its own.
pub(crate) const HEADER: &str = "x-csrf-token";

/// The value of a cookie that came with a request.
pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';'));
    let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value)
}

/// The refresh token that came as a cookie.
pub(super) fn refresh_token(headers: &HeaderMap) -> Option<&str> {
    value(headers, REFRESH)
}

/// Gives the tokens as cookies too.
pub(super) fn give(response: &mut Response, entered: &Entered, csrf: &str) {
    let Entered { access_token, refresh_token, expires_in, refresh_expires_in, .. } = entered;
    set(response, &format!("{ACCESS}={access_token}; Path=/; Max-Age={expires_in}; HttpOnly"));
    let refresh = format!(
        "{REFRESH}={refresh_token}; Path={REFRESH_PATH}; Max-Age={refresh_expires_in}; HttpOnly"
    );
    set(response, &refresh);
    set(response, &format!("{CSRF}={csrf}; Path=/; Max-Age={refresh_expires_in}"));
}

/// Gives the ticket for a second factor to a page, which no answer reaches.
pub(super) fn ask(response: &mut Response, mfa_token: &str) {
    set(response, &format!("{MFA}={mfa_token}; Path=/; Max-Age=300"));
}

/// Takes them back.
pub(super) fn take(response: &mut Response) {
    for (name, path) in [(ACCESS, "/"), (REFRESH, REFRESH_PATH), (CSRF, "/")] {
        set(response, &format!("{name}=; Path={path}; Max-Age=0"));
    }
}

/// Browsers take `Secure` cookies from `http://localhost` as well.
fn set(response: &mut Response, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(&format!("{cookie}; Secure; SameSite=Lax")) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Refuses what another page sent with this one's cookies.
pub(crate) fn check(
    headers: &HeaderMap,
    accounts: &Accounts,
    session: SessionId,
    origins: &[String],
) -> Result<(), ApiError> {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    if !cors::may_connect(origins, text("origin"), text("host")) {
        return Err(refused("this page may not use the session of another one"));
    }
    let shown = blake3::hash(text(HEADER).unwrap_or_default().as_bytes());
    // Hashes compare in constant time.
    if shown == blake3::hash(accounts.csrf_token(session).as_bytes()) {
        return Ok(());
    }
    let reason = "with a cookie, send the value of palimpsest_csrf as X-CSRF-Token; or send the token \
                  as Authorization: Bearer …";
    Err(refused(reason))
}

fn refused(reason: &str) -> ApiError {
    let error = ApiError::new(poem::http::StatusCode::FORBIDDEN, reason);
    ApiError { code: "CSRF_FAILED", ..error }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_header_breaks_the_reader(lines in prop::collection::vec("[ -~]{0,60}", 0..3)) {
            let _ = value(&jar(&lines), ACCESS);
        }

        #[test]
        fn a_cookie_is_found_among_others(
            others in prop::collection::vec("[a-z]{1,8}=[a-zA-Z0-9=._-]{0,20}", 0..4),
            token in "[a-zA-Z0-9._-]{1,60}",
            at in 0_usize..4,
            own_line: bool,
        ) {
            let cookie = format!("{ACCESS}={token}");
            let mut all = others;
            all.insert(at.min(all.len()), cookie);
            let lines = if own_line { all } else { vec![all.join("; ")] };
            let jar = jar(&lines);
            prop_assert_eq!(value(&jar, ACCESS), Some(token.as_str()));
            prop_assert_eq!(value(&jar, REFRESH), None);
        }
    }

    fn jar(lines: &[String]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }
}
