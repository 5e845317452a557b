//! Trading a code for tokens (RFC 6749, 4.1.3, with RFC 7636).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use commands::CommandError;
use commands::ports::Redemption;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::http::Http;
use super::{ProviderSettings, broken, no_such_code};

/// How a client shows its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientAuth {
    /// As a header.
    Basic,
    /// In the form.
    Form,
}

/// What a code was worth.
pub(super) struct Tokens {
    pub(super) access: String,
    /// Only issuers give one.
    pub(super) id: Option<String>,
}

pub(super) async fn redeem(
    http: &Http,
    settings: &ProviderSettings,
    endpoint: &str,
    auth: ClientAuth,
    redemption: &Redemption,
) -> Result<Tokens, CommandError> {
    let ProviderSettings { name, client_id, client_secret, .. } = settings;
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", &redemption.code),
        ("redirect_uri", &redemption.redirect_uri),
        ("code_verifier", &redemption.verifier),
    ];
    let request = http.request(Method::POST, endpoint);
    let basic = auth == ClientAuth::Basic && !client_secret.is_empty();
    let request = if basic {
        // Both are form-encoded before they are put together (RFC 6749, 2.3.1).
        let pair = format!("{}:{}", encoded(client_id), encoded(client_secret));
        request.header("authorization", format!("Basic {}", STANDARD.encode(pair)))
    } else {
        form.push(("client_id", client_id));
        if !client_secret.is_empty() {
            form.push(("client_secret", client_secret));
        }
        request
    };
    let (status, body) = http.answer(request.form(&form)).await?;
    match body["error"].as_str() {
        // The second word is GitHub's.
        Some("invalid_grant" | "bad_verification_code") => return Err(no_such_code(name)),
        Some(error) => {
            let error: String = error.chars().filter(char::is_ascii_graphic).take(64).collect();
            return Err(broken(name, &format!("the code was answered {status}: {error}")));
        }
        None if status != StatusCode::OK => {
            return Err(broken(name, &format!("the code was answered {status}")));
        }
        None => {}
    }
    let text = |value: &Value| value.as_str().filter(|it| !it.is_empty()).map(ToOwned::to_owned);
    let bearer = body["token_type"].as_str().is_none_or(|it| it.eq_ignore_ascii_case("bearer"));
    let access = text(&body["access_token"]).filter(|_| bearer);
    let access = access.ok_or_else(|| broken(name, "there was no access token for the code"))?;
    Ok(Tokens { access, id: text(&body["id_token"]) })
}

/// As a form's value.
fn encoded(text: &str) -> String {
    let pairs = [("", text)];
    let url = reqwest::Url::parse_with_params("https://unused.invalid/", pairs);
    let query = url.ok().and_then(|it| it.query().map(ToOwned::to_owned));
    query.unwrap_or_default().trim_start_matches('=').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_encoded_as_forms_are() {
        assert_eq!(encoded("a b:c+d=e"), "a+b%3Ac%2Bd%3De");
        assert_eq!(encoded("plain-1"), "plain-1");
    }
}
