//! The settings of providers to sign in by, and what is made of them.

use std::sync::Arc;
use std::time::Duration;

use adapters::openid_providers::{OpenidProviders, ProviderKind, ProviderSettings};
use anyhow::{Context, ensure};
use commands::identity::providers::RedirectUris;
use commands::ports::SignInProviders;
use domain::kernel::Clock;
use serde::{Deserialize, Deserializer};

use crate::accounts::is_address;
use crate::config::Secret;

/// How long a provider may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Providers {
    #[serde(deserialize_with = "list")]
    pub redirect_uris: Vec<String>,
    pub discord: Discord,
    pub github: Github,
    pub google: Google,
    pub microsoft: Microsoft,
    pub oidc: Oidc,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discord {
    pub client_id: String,
    pub client_secret: Secret,
    pub url: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Github {
    pub client_id: String,
    pub client_secret: Secret,
    pub url: String,
    pub api_url: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Google {
    pub client_id: String,
    pub client_secret: Secret,
    pub issuer: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Microsoft {
    pub client_id: String,
    pub client_secret: Secret,
    pub url: String,
    pub tenant: String,
    pub trust_email: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    pub name: String,
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Secret,
    pub scopes: String,
    pub trust_email: bool,
}

/// A list, or a text with commas between.
fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Written::deserialize(from)? {
        Written::List(list) => list,
        Written::Text(text) => {
            let parts = text.split(',').map(str::trim).filter(|it| !it.is_empty());
            parts.map(ToOwned::to_owned).collect()
        }
    })
}

impl Providers {
    /// Says which setting is wrong.
    pub fn check(&self, public_url: &str) -> anyhow::Result<()> {
        for (setting, address) in [
            ("discord.url", &self.discord.url),
            ("github.url", &self.github.url),
            ("github.api_url", &self.github.api_url),
            ("google.issuer", &self.google.issuer),
            ("microsoft.url", &self.microsoft.url),
        ] {
            ensure!(
                is_address(address),
                "the setting “identity.providers.{setting}” is wrong: “{address}” is no address"
            );
        }
        let microsoft = &self.microsoft;
        let shared = ["common", "consumers", "organizations"].contains(&&*microsoft.tenant);
        ensure!(
            microsoft.client_id.is_empty() || !microsoft.trust_email || !shared,
            "the setting “identity.providers.microsoft.trust_email” is wrong: whoever runs any tenant gives \
             its people any address; name one in “tenant”"
        );
        let oidc = &self.oidc;
        ensure!(
            oidc.issuer.is_empty() || is_address(&oidc.issuer),
            "the setting “identity.providers.oidc.issuer” is wrong: “{}” is no address such as \
             https://login.example.com",
            oidc.issuer
        );
        let known = ["discord", "github", "google", "microsoft"];
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        ensure!(
            !oidc.name.is_empty() && oidc.name.chars().all(fits) && !known.contains(&&*oidc.name),
            "the setting “identity.providers.oidc.name” is wrong: it is a word of a-z, 0-9 and -, and none \
             of {}",
            known.join(", ")
        );
        self.redirects(public_url).map(|_| ())
    }

    /// Where providers may send people back to.
    pub fn redirects(&self, public_url: &str) -> anyhow::Result<RedirectUris> {
        let redirects = RedirectUris::new(&self.redirect_uris, public_url);
        redirects.context("the setting “identity.providers.redirect_uris” is wrong")
    }

    /// Those that have a client's id.
    pub fn port(&self, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<dyn SignInProviders>> {
        let (discord, github, google) = (&self.discord, &self.github, &self.google);
        let (microsoft, oidc) = (&self.microsoft, &self.oidc);
        let openid = "openid email profile";
        let provider = |name: &str, client_id: &str, secret: &Secret, scopes: &str, kind| {
            (!client_id.is_empty()).then(|| ProviderSettings {
                name: name.to_owned(),
                kind,
                client_id: client_id.to_owned(),
                client_secret: secret.reveal().to_owned(),
                scopes: scopes.to_owned(),
            })
        };
        let at = |url: &str| url.trim_end_matches('/').to_owned();
        let kind = ProviderKind::Discord { url: at(&discord.url) };
        let discord = provider(
            "discord",
            &discord.client_id,
            &discord.client_secret,
            "identify email guilds",
            kind,
        );
        let kind = ProviderKind::Github { url: at(&github.url), api_url: at(&github.api_url) };
        let scopes = "read:user user:email";
        let github = provider("github", &github.client_id, &github.client_secret, scopes, kind);
        let kind = ProviderKind::Openid { issuer: google.issuer.clone(), trust_email: false };
        let google = provider("google", &google.client_id, &google.client_secret, openid, kind);
        let kind = ProviderKind::Microsoft {
            url: at(&microsoft.url),
            tenant: microsoft.tenant.clone(),
            trust_email: microsoft.trust_email,
        };
        let (id, secret) = (&microsoft.client_id, &microsoft.client_secret);
        let microsoft = provider("microsoft", id, secret, openid, kind);
        let kind =
            ProviderKind::Openid { issuer: oidc.issuer.clone(), trust_email: oidc.trust_email };
        let id = if oidc.issuer.is_empty() { "" } else { oidc.client_id.as_str() };
        let oidc = provider(&oidc.name, id, &oidc.client_secret, &oidc.scopes, kind);
        let all = [discord, github, google, microsoft, oidc].into_iter().flatten().collect();
        let made = OpenidProviders::new(all, PATIENCE, clock);
        Ok(Arc::new(made.context("no client for providers")?))
    }
}
