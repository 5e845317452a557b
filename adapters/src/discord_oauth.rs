//! Discord's OAuth: where people agree to an installation, and what their code is worth.

use std::time::Duration;

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{Grant, OAuth};
use reqwest::Url;
use reqwest::redirect::Policy;
use serde_json::Value;

const DISCORD: &str = "https://discord.com";

/// Send messages, read the history, see channels, use slash commands, write in threads.
const PERMISSIONS: &str = "277025458176";
const SCOPE: &str = "bot identify guilds";

/// The application at Discord, as its developer portal shows it.
#[derive(Clone)]
pub struct Application {
    pub client_id: String,
    pub client_secret: String,
    /// Where Discord sends people back to: our public callback.
    pub redirect_uri: String,
}

/// See the module.
pub struct DiscordOAuth {
    application: Option<Application>,
    base: String,
    client: reqwest::Client,
}

impl DiscordOAuth {
    /// Talks to Discord, or to what stands in for it. Without an application every call answers
    /// that it is not configured.
    pub fn new(
        api_url: Option<&str>,
        application: Option<Application>,
    ) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(15))
            // What leads elsewhere must not get the secret.
            .redirect(Policy::none())
            .build()?;
        let base = api_url.unwrap_or(DISCORD).trim_end_matches('/').to_owned();
        Ok(Self { application, base, client })
    }

    fn application(&self) -> Result<&Application, CommandError> {
        self.application.as_ref().ok_or_else(|| {
            CommandError::unavailable("no Discord application is configured for installations")
        })
    }
}

#[async_trait]
impl OAuth for DiscordOAuth {
    fn install_url(&self, state: &str) -> Result<String, CommandError> {
        let Application { client_id, redirect_uri, .. } = self.application()?;
        let parameters = [
            ("client_id", client_id.as_str()),
            ("permissions", PERMISSIONS),
            ("redirect_uri", redirect_uri),
            ("response_type", "code"),
            ("scope", SCOPE),
            ("state", state),
        ];
        let url = format!("{}/oauth2/authorize", self.base);
        let url = Url::parse_with_params(&url, parameters);
        Ok(url.map_err(CommandError::unavailable)?.to_string())
    }

    async fn redeem(&self, code: &str) -> Result<Grant, CommandError> {
        let Application { client_id, client_secret, redirect_uri } = self.application()?;
        let form = [
            ("client_id", client_id.as_str()),
            ("client_secret", client_secret),
            ("code", code),
            ("grant_type", "authorization_code"),
            ("redirect_uri", redirect_uri),
        ];
        let url = format!("{}/api/v10/oauth2/token", self.base);
        let answer = self.client.post(url).form(&form).send().await;
        let answer = answer.map_err(CommandError::unavailable)?;
        let status = answer.status();
        let secret = answer.bytes().await.map_err(CommandError::unavailable)?.to_vec();
        let body: Value = serde_json::from_slice(&secret).unwrap_or_default();
        if body["error"] == "invalid_grant" {
            return Err(CommandError::invalid("code", "the code is unknown, used or too old"));
        }
        if !status.is_success() {
            let why = body["error"].as_str().unwrap_or("no reason given");
            return Err(CommandError::unavailable(format!("Discord answered {status}: {why}")));
        }
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let guild = &body["guild"];
        let guild = text(&guild["id"]).map(|id| (id, text(&guild["name"]).unwrap_or_default()));
        Ok(Grant { scope: text(&body["scope"]).unwrap_or_else(|| SCOPE.to_owned()), secret, guild })
    }
}
