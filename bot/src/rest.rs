//! Discord's REST API as the bot needs it, in raw JSON: an answer that a model cannot read must
//! never look like a failure.

use std::time::Duration;

use domain::kernel::{ChannelId, MessageId};
use serde_json::{Value, json};
use serenity::all::{
    ApplicationId, ChannelId as DiscordChannel, HttpBuilder, InteractionId, LightMethod,
};
use serenity::http::{Http, HttpError, Request, Route};

use tokio::time::timeout;

use crate::Settings;

/// The most messages of one page.
pub(crate) const PAGE: usize = 100;

/// How long one request may take, the waits of the rate limiter included.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why a request did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("Discord cannot be reached: {0}")]
    Down(String),
    #[error("Discord says no: {reason} ({status})")]
    Refused { status: u16, code: i64, reason: String },
}

impl Trouble {
    /// Whether asking again later may help.
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Down(_) => true,
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
        }
    }

    /// Whether the token is wrong.
    pub(crate) fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Refused { status: 401, .. })
    }
}

/// An HTTP client for Discord, or for what stands in for it.
///
/// serenity ignores a proxy unless its own rate limiter is off, so both are set together or
/// neither: otherwise requests meant for the stand-in would go to the real service.
pub(crate) fn http(settings: &Settings) -> Http {
    let http = HttpBuilder::new(&settings.token);
    let http = match &settings.api_url {
        Some(url) => http.proxy(url.trim_end_matches('/')).ratelimiter_disabled(true).build(),
        None => http.build(),
    };
    assert_eq!(http.proxy.is_some(), http.ratelimiter.is_none(), "a proxy needs the limiter off");
    http
}

/// See the module.
pub(crate) struct Rest(Http);

/// The token of one interaction: a secret that lives for 15 minutes and is never logged.
#[derive(Clone)]
pub(crate) struct Ticket {
    pub(crate) application: u64,
    pub(crate) interaction: u64,
    pub(crate) token: String,
}

impl Rest {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self(http(settings))
    }

    pub(crate) async fn gateway_url(&self) -> Result<String, Trouble> {
        let answer = self.json(Request::new(Route::Gateway, LightMethod::Get)).await?;
        let url = answer["url"].as_str().map(ToOwned::to_owned);
        url.ok_or_else(|| Trouble::Down("the answer names no gateway".to_owned()))
    }

    /// The messages that follow this one at once, oldest first, at most [`PAGE`].
    pub(crate) async fn messages_after(
        &self,
        channel: ChannelId,
        after: MessageId,
    ) -> Result<Vec<Value>, Trouble> {
        let route = Route::ChannelMessages { channel_id: DiscordChannel::new(channel.0.max(1)) };
        let params = vec![("after", after.to_string()), ("limit", PAGE.to_string())];
        let request = Request::new(route, LightMethod::Get).params(Some(params));
        let Value::Array(mut page) = self.json(request).await? else {
            return Err(Trouble::Down("the answer holds no messages".to_owned()));
        };
        page.sort_by_key(|message| message["id"].as_str().and_then(|id| id.parse::<u64>().ok()));
        Ok(page)
    }

    pub(crate) async fn commands(&self, application: u64) -> Result<Value, Trouble> {
        self.json(Request::new(commands_of(application), LightMethod::Get)).await
    }

    /// Registers these and no others.
    pub(crate) async fn set_commands(&self, application: u64, all: &Value) -> Result<(), Trouble> {
        self.send(Request::new(commands_of(application), LightMethod::Put), all).await
    }

    /// The first answer to an interaction. One that was given already is no trouble.
    pub(crate) async fn respond(&self, ticket: &Ticket, answer: &Value) -> Result<(), Trouble> {
        let id = InteractionId::new(ticket.interaction.max(1));
        let route = Route::InteractionResponse { interaction_id: id, token: &ticket.token };
        match self.send(Request::new(route, LightMethod::Post), answer).await {
            Err(Trouble::Refused { code: 40060, .. }) => Ok(()),
            ended => ended,
        }
    }

    /// Changes the first answer.
    pub(crate) async fn amend(&self, ticket: &Ticket, message: &Value) -> Result<(), Trouble> {
        self.send(Request::new(original(ticket), LightMethod::Patch), message).await
    }

    /// Takes the first answer back.
    pub(crate) async fn retract(&self, ticket: &Ticket) -> Result<(), Trouble> {
        self.fire(Request::new(original(ticket), LightMethod::Delete)).await.map(drop)
    }

    /// One more message.
    pub(crate) async fn follow_up(&self, ticket: &Ticket, message: &Value) -> Result<(), Trouble> {
        let application_id = ApplicationId::new(ticket.application.max(1));
        let route = Route::WebhookFollowupMessages { application_id, token: &ticket.token };
        self.send(Request::new(route, LightMethod::Post), message).await
    }

    async fn send(&self, request: Request<'_>, body: &Value) -> Result<(), Trouble> {
        self.fire(request.body(Some(body.to_string().into_bytes()))).await.map(drop)
    }

    async fn json(&self, request: Request<'_>) -> Result<Value, Trouble> {
        let answer = self.fire(request).await?;
        answer.json().await.map_err(|error| Trouble::Down(error.without_url().to_string()))
    }

    async fn fire(&self, request: Request<'_>) -> Result<reqwest::Response, Trouble> {
        let answer = timeout(PATIENCE, self.0.request(request)).await;
        let answer = answer.map_err(|_| Trouble::Down("no answer in time".to_owned()))?;
        answer.map_err(|error| match error {
            serenity::Error::Http(HttpError::UnsuccessfulRequest(refused)) => Trouble::Refused {
                status: refused.status_code.as_u16(),
                code: refused.error.code as i64,
                reason: refused.error.message,
            },
            // Addresses of interactions hold their token: they stay out of every text.
            serenity::Error::Http(HttpError::Request(error)) => {
                Trouble::Down(commands::describe(&error.without_url()))
            }
            other => Trouble::Down(other.to_string()),
        })
    }
}

fn commands_of(application: u64) -> Route<'static> {
    Route::Commands { application_id: ApplicationId::new(application.max(1)) }
}

fn original(ticket: &Ticket) -> Route<'_> {
    let application_id = ApplicationId::new(ticket.application.max(1));
    Route::WebhookOriginalInteractionResponse { application_id, token: &ticket.token }
}

/// What every message of ours says: nobody is pinged.
pub(crate) fn message(text: &str, private: bool) -> Value {
    let flags = if private { 1 << 6 } else { 0 };
    json!({ "content": text, "flags": flags, "allowed_mentions": { "parse": [] } })
}
