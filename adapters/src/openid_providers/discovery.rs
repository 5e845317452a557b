//! What an issuer tells of itself: where its doors are (`OpenID` Connect Discovery 1.0), and its keys (RFC 7517).

use std::sync::Arc;
use std::time::{Duration, Instant};

use commands::{CommandError, describe};
use jsonwebtoken::jwk::Jwk;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::ProviderKind;
use super::exchange::ClientAuth;
use super::http::Http;

/// What stands in Microsoft's issuer for the tenant.
const TENANT: &str = "{tenantid}";

/// How long what an issuer told is good.
const GOOD_FOR: Duration = Duration::from_hours(1);

/// How often keys are asked for again at most, because a token names one that is not there.
const AGAIN_AFTER: Duration = Duration::from_mins(1);

/// How many keys of an issuer are looked at.
const MOST_KEYS: usize = 64;

/// What is known of one issuer. Whoever asks holds the lock, so that all others wait for his answer.
#[derive(Default)]
pub(super) struct Discovery {
    metadata: Mutex<Option<(Instant, Arc<Metadata>)>>,
    keys: Mutex<Option<(Instant, Vec<Jwk>)>>,
}

/// The parts of the document that matter here.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    /// Who signs. Microsoft's has [`TENANT`] in it where every tenant may sign in.
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    jwks_uri: String,
    pub(super) userinfo_endpoint: Option<String>,
    #[serde(default)]
    pub(super) id_token_signing_alg_values_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207.
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

impl Discovery {
    /// The document; an old one where there is no new one.
    pub(super) async fn metadata(
        &self,
        http: &Http,
        kind: &ProviderKind,
    ) -> Result<Arc<Metadata>, CommandError> {
        let mut kept = self.metadata.lock().await;
        if let Some((at, metadata)) = &*kept
            && at.elapsed() < GOOD_FOR
        {
            return Ok(metadata.clone());
        }
        match ask(http, kind).await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                *kept = Some((Instant::now(), metadata.clone()));
                Ok(metadata)
            }
            Err(error) => {
                let Some((_, old)) = &*kept else { return Err(error) };
                tracing::warn!(error = %describe(&error), issuer = old.issuer, "an issuer tells nothing new");
                Ok(old.clone())
            }
        }
    }

    /// The keys that a token could be signed with: those that fit, by what it says of them. A name of a key is
    /// looked up and nothing else.
    pub(super) async fn keys(
        &self,
        http: &Http,
        metadata: &Metadata,
        fits: impl Fn(&Jwk) -> bool,
    ) -> Result<Vec<Jwk>, CommandError> {
        let mut kept = self.keys.lock().await;
        if let Some((at, keys)) = &*kept {
            let found: Vec<_> = keys.iter().filter(|it| fits(it)).cloned().collect();
            let good = !found.is_empty() && at.elapsed() < GOOD_FOR;
            if good || at.elapsed() < AGAIN_AFTER {
                return Ok(found);
            }
        }
        let set = http.get(&metadata.jwks_uri).await?;
        let all = set["keys"].as_array().into_iter().flatten().take(MOST_KEYS);
        // One of a kind that is not known here does not spoil the others.
        let keys: Vec<Jwk> = all.filter_map(|it| Jwk::deserialize(it).ok()).collect();
        let found = keys.iter().filter(|it| fits(it)).cloned().collect();
        *kept = Some((Instant::now(), keys));
        Ok(found)
    }
}

impl Metadata {
    /// How the client shows its secret: by a header unless the issuer only takes the form.
    pub(super) fn client_auth(&self) -> ClientAuth {
        let Some(methods) = &self.token_endpoint_auth_methods_supported else {
            return ClientAuth::Basic;
        };
        let has = |name: &str| methods.iter().any(|it| it == name);
        if !has("client_secret_basic") && has("client_secret_post") {
            return ClientAuth::Form;
        }
        ClientAuth::Basic
    }

    /// Who must have signed a token of this tenant.
    pub(super) fn issuer_for(&self, tenant: Option<&str>) -> Option<String> {
        if !self.issuer.contains(TENANT) {
            return Some(self.issuer.clone());
        }
        let tenant = tenant.filter(|it| is_id(it))?;
        Some(self.issuer.replace(TENANT, tenant))
    }
}

async fn ask(http: &Http, kind: &ProviderKind) -> Result<Metadata, CommandError> {
    let base = match kind {
        ProviderKind::Microsoft { url, tenant, .. } => format!("{url}/{tenant}/v2.0"),
        ProviderKind::Openid { issuer, .. } => issuer.trim_end_matches('/').to_owned(),
        ProviderKind::Discord { .. } | ProviderKind::Github { .. } => {
            return Err(CommandError::unavailable("this provider is no issuer"));
        }
    };
    let document = http.get(&format!("{base}/.well-known/openid-configuration")).await?;
    checked(kind, document).map_err(CommandError::unavailable)
}

/// A document that its issuer may have written.
fn checked(kind: &ProviderKind, document: Value) -> Result<Metadata, String> {
    let metadata: Metadata = serde_json::from_value(document)
        .map_err(|error| format!("an issuer's document: {error}"))?;
    let (ours, asked) = match kind {
        ProviderKind::Microsoft { url, .. } => {
            let tenant = metadata.issuer.strip_prefix(&format!("{url}/"));
            let tenant = tenant.and_then(|it| it.strip_suffix("/v2.0"));
            (tenant.is_some_and(|it| it == TENANT || is_id(it)), url)
        }
        // To the letter (Discovery, 4.3).
        ProviderKind::Openid { issuer, .. } => (metadata.issuer == *issuer, issuer),
        ProviderKind::Discord { url } | ProviderKind::Github { url, .. } => (false, url),
    };
    if !ours {
        return Err(format!("{asked} says that its issuer is {}", metadata.issuer));
    }
    let secure = asked.starts_with("https://");
    let endpoints = [
        Some(&metadata.authorization_endpoint),
        Some(&metadata.token_endpoint),
        Some(&metadata.jwks_uri),
        metadata.userinfo_endpoint.as_ref(),
    ];
    for endpoint in endpoints.into_iter().flatten() {
        let url = Url::parse(endpoint).ok().filter(|url| {
            let scheme = url.scheme() == "https" || url.scheme() == "http" && !secure;
            scheme && url.has_host() && url.username().is_empty() && url.fragment().is_none()
        });
        if url.is_none() {
            return Err(format!("{asked} names an endpoint that cannot be used: {endpoint}"));
        }
    }
    Ok(metadata)
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TENANT_ID: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

    fn document(issuer: &str) -> Value {
        json!({
            "issuer": issuer,
            "authorization_endpoint": "https://op.example/authorize",
            "token_endpoint": "https://op.example/token",
            "jwks_uri": "https://op.example/keys",
        })
    }

    #[test]
    fn an_issuer_is_who_it_says_to_the_letter() {
        let kind = ProviderKind::Openid { issuer: "https://op.example".into(), trust_email: false };
        assert!(checked(&kind, document("https://op.example")).is_ok());
        for other in ["https://op.example/", "https://OP.example", "https://evil.example", ""] {
            assert!(checked(&kind, document(other)).is_err(), "{other}");
        }
        for endpoint in [
            "http://op.example/keys",
            "file:///keys",
            "https://u@op.example/",
            "keys",
            "https://a/#b",
        ] {
            let mut wrong = document("https://op.example");
            wrong["jwks_uri"] = json!(endpoint);
            assert!(checked(&kind, wrong).is_err(), "{endpoint}");
        }
    }

    #[test]
    fn microsofts_issuer_is_that_of_the_tenant() {
        let kind = ProviderKind::Microsoft {
            url: "https://login.example".into(),
            tenant: "common".into(),
            trust_email: false,
        };
        let every = checked(&kind, document("https://login.example/{tenantid}/v2.0")).unwrap();
        let own = format!("https://login.example/{TENANT_ID}/v2.0");
        assert_eq!(every.issuer_for(Some(TENANT_ID)), Some(own.clone()));
        for odd in [None, Some("common"), Some("../evil"), Some("{tenantid}")] {
            assert_eq!(every.issuer_for(odd), None, "{odd:?}");
        }
        let one = checked(&kind, document(&own)).unwrap();
        assert_eq!(one.issuer_for(None), Some(own));
        for other in ["https://evil.example/{tenantid}/v2.0", "https://login.example/x/v2.0"] {
            assert!(checked(&kind, document(other)).is_err(), "{other}");
        }
    }

    #[test]
    fn a_secret_goes_as_a_header_where_that_is_taken() {
        let methods = |methods: Value| {
            let mut it = document("https://op.example");
            it["token_endpoint_auth_methods_supported"] = methods;
            serde_json::from_value::<Metadata>(it).unwrap().client_auth()
        };
        assert_eq!(methods(Value::Null), ClientAuth::Basic);
        assert_eq!(methods(json!(["client_secret_post"])), ClientAuth::Form);
        let both = json!(["client_secret_post", "client_secret_basic"]);
        assert_eq!(methods(both), ClientAuth::Basic);
    }
}
