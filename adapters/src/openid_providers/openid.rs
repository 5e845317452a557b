//! Issuers of `OpenID` Connect: a code for an ID token, and what it says of somebody.

use chrono::{DateTime, Utc};
use commands::CommandError;
use commands::ports::{ProviderAccount, Redemption};
use serde_json::Value;

use super::discovery::Metadata;
use super::exchange::{Tokens, redeem};
use super::http::Http;
use super::id_token::{self, Expected};
use super::{Provider, untrusted};

pub(super) async fn exchange(
    http: &Http,
    provider: &Provider,
    redemption: &Redemption,
    trust_email: bool,
    now: DateTime<Utc>,
) -> Result<ProviderAccount, CommandError> {
    let settings = &provider.settings;
    let name = settings.name.as_str();
    let no = |reason: &'static str| untrusted(name, reason);
    let metadata = provider.discovery.metadata(http, &settings.kind).await?;
    came_from(&metadata, redemption).map_err(no)?;

    let auth = metadata.client_auth();
    let tokens = redeem(http, settings, &metadata.token_endpoint, auth, redemption).await?;
    let Tokens { access, id } = tokens;
    let id = id.ok_or_else(|| no("there is no ID token"))?;
    let supported = &metadata.id_token_signing_alg_values_supported;
    let header = id_token::header(&id, supported).map_err(no)?;
    let fits = |key: &_| id_token::fits(key, &header);
    let keys = provider.discovery.keys(http, &metadata, fits).await?;
    let claims = id_token::opened(&id, &header, &keys).map_err(no)?;
    let issuer = metadata.issuer_for(claims["tid"].as_str());
    let expected = Expected {
        client_id: &settings.client_id,
        nonce: &redemption.nonce,
        access_token: &access,
        now,
    };
    let subject = id_token::check(&claims, header.alg, issuer.as_deref(), &expected).map_err(no)?;

    // Some tell only there how somebody is called and reached.
    let more = match &metadata.userinfo_endpoint {
        Some(endpoint) if claims["email"].is_null() => {
            let more = http.get_with(endpoint, &access).await?;
            if more["sub"].as_str() != Some(&subject) {
                return Err(no("the user info is about somebody else"));
            }
            more
        }
        _ => Value::Null,
    };
    // What is said of an address is said where the address is.
    let told = if claims["email"].is_null() { &more } else { &claims };
    let text = |from: &Value, key: &str| {
        from[key].as_str().filter(|it| !it.is_empty()).map(ToOwned::to_owned)
    };
    let email = text(told, "email");
    let verified = is_true(&told["email_verified"]) || is_true(&claims["xms_edov"]);
    let named = |key| text(&claims, key).or_else(|| text(&more, key));
    Ok(ProviderAccount {
        provider: name.to_owned(),
        subject,
        email_verified: email.is_some() && (verified || trust_email),
        email,
        name: named("name").or_else(|| named("preferred_username")),
    })
}

/// Whoever sends people back says who he is, if he ever does (RFC 9207): a code of one issuer must not be taken to
/// another.
fn came_from(metadata: &Metadata, redemption: &Redemption) -> Result<(), &'static str> {
    match &redemption.issuer {
        Some(issuer) if *issuer != metadata.issuer => Err("somebody else sent you back"),
        None if metadata.authorization_response_iss_parameter_supported => {
            Err("it does not say who sent you back (iss)")
        }
        _ => Ok(()),
    }
}

/// Some issuers write a text or a number.
fn is_true(value: &Value) -> bool {
    *value == true || value == "true" || *value == 1 || value == "1"
}
