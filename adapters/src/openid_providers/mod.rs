//! Providers that people sign in by: `OpenID` Connect issuers, and Discord and `GitHub`, which only speak OAuth 2.
//!
//! An issuer says in an ID token who somebody is, and the token is believed after everything about it was looked at
//! (`id_token`). Discord and GitHub are asked with the access token instead. Tokens of providers are used here and
//! kept nowhere.

mod discord;
mod discovery;
mod exchange;
mod github;
mod http;
mod id_token;
mod openid;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use commands::CommandError;
use commands::ports::{Authorization, ProviderAccount, Redemption, SignInProviders};
use domain::kernel::{Clock, Ground};
use reqwest::Url;

use discovery::Discovery;
use http::Http;

/// A provider, as the settings name it.
#[derive(Clone)]
pub struct ProviderSettings {
    pub name: String,
    pub kind: ProviderKind,
    pub client_id: String,
    /// Empty for a public client.
    pub client_secret: String,
    /// With blanks between.
    pub scopes: String,
}

/// What a provider speaks, and where it is.
#[derive(Clone)]
pub enum ProviderKind {
    Discord {
        url: String,
    },
    Github {
        url: String,
        api_url: String,
    },
    Microsoft {
        url: String,
        /// A tenant's id or domain, or `common`, `organizations`, `consumers`.
        tenant: String,
        /// Its administrators answer for its people's addresses.
        trust_email: bool,
    },
    Openid {
        issuer: String,
        /// Addresses are its people's own, although it does not say so.
        trust_email: bool,
    },
}

/// See the module.
pub struct OpenidProviders {
    providers: BTreeMap<String, Provider>,
    http: Http,
    clock: Arc<dyn Clock>,
}

struct Provider {
    settings: ProviderSettings,
    /// What issuers tell of themselves.
    discovery: Discovery,
}

impl OpenidProviders {
    /// `timeout` is how long a provider may take for one answer.
    pub fn new(
        settings: Vec<ProviderSettings>,
        timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, reqwest::Error> {
        let provider = |settings: ProviderSettings| {
            let name = settings.name.clone();
            (name, Provider { settings, discovery: Discovery::default() })
        };
        let providers = settings.into_iter().map(provider).collect();
        Ok(Self { providers, http: Http::new(timeout)?, clock })
    }

    fn provider(&self, name: &str) -> Result<&Provider, CommandError> {
        self.providers.get(name).ok_or_else(|| CommandError::NotFound("provider".to_owned()))
    }
}

#[async_trait]
impl SignInProviders for OpenidProviders {
    fn names(&self) -> Vec<String> {
        self.providers.keys().cloned().collect()
    }

    fn challenge(&self, verifier: &str) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
    }

    async fn authorization_url(
        &self,
        name: &str,
        authorization: &Authorization,
    ) -> Result<String, CommandError> {
        let provider = self.provider(name)?;
        let ProviderSettings { kind, client_id, scopes, .. } = &provider.settings;
        let (endpoint, openid) = match kind {
            ProviderKind::Discord { url } => (discord::authorize(url), false),
            ProviderKind::Github { url, .. } => (github::authorize(url), false),
            ProviderKind::Microsoft { .. } | ProviderKind::Openid { .. } => {
                let known = provider.discovery.metadata(&self.http, kind).await?;
                (known.authorization_endpoint.clone(), true)
            }
        };
        let mut url = Url::parse(&endpoint).map_err(CommandError::unavailable)?;
        let Authorization { state, nonce, challenge, redirect_uri } = authorization;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", scopes)
            .append_pair("state", state)
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256");
        if openid {
            url.query_pairs_mut().append_pair("nonce", nonce);
        }
        Ok(url.into())
    }

    async fn exchange(
        &self,
        name: &str,
        redemption: &Redemption,
    ) -> Result<ProviderAccount, CommandError> {
        let provider = self.provider(name)?;
        let settings = &provider.settings;
        match &settings.kind {
            ProviderKind::Discord { url } => {
                discord::exchange(&self.http, settings, url, redemption).await
            }
            ProviderKind::Github { url, api_url } => {
                github::exchange(&self.http, settings, (url, api_url), redemption).await
            }
            ProviderKind::Microsoft { trust_email, .. }
            | ProviderKind::Openid { trust_email, .. } => {
                let now = self.clock.now();
                openid::exchange(&self.http, provider, redemption, *trust_email, now).await
            }
        }
    }
}

/// What a provider says cannot be believed: the log learns it too.
fn untrusted(provider: &str, reason: &str) -> CommandError {
    tracing::warn!(provider, reason, "what a provider said was refused");
    let reason = format!("what {provider} says cannot be trusted: {reason}");
    refused(reason, "INVALID_TOKEN", "untrusted")
}

/// A provider did not take a code.
fn no_such_code(provider: &str) -> CommandError {
    let reason =
        format!("{provider} did not take the code: it is unknown, used or too old; begin again");
    refused(reason, "INVALID_CREDENTIALS", "code_refused")
}

fn refused(reason: String, code: &'static str, word: &str) -> CommandError {
    CommandError::Rejected(Box::new(commands::Refusal {
        ground: Ground::Person,
        reason,
        code: Some(code),
        field: None,
        details: Some(serde_json::json!({ "reason": word })),
    }))
}

/// A provider does not work as it should; the cause is for the log.
fn broken(provider: &str, what: &str) -> CommandError {
    CommandError::unavailable(format!("signing in by {provider}: {what}"))
}
