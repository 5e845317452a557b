//! Discord's REST API as the bot needs it, in raw JSON: an answer that a model cannot read must
//! never look like a failure.

use std::time::Duration;

use commands::describe;
use domain::kernel::{ChannelId, DiscordUserId, GuildId, MessageId};
use serde_json::{Value, json};
use serenity::all::{
    ApplicationId, ChannelId as DiscordChannel, GuildId as DiscordGuild, HttpBuilder,
    InteractionId, LightMethod, MessageId as DiscordMessage, ReactionType,
};
use serenity::http::{Http, HttpError, Request, Route};

use tokio::time::timeout;

use crate::Settings;
use crate::gateway::json::{channel, message as message_id, user};

/// The most messages, and the most members, of one page.
pub(crate) const PAGE: usize = 100;
pub(crate) const MEMBERS: usize = 1_000;

/// How long one request may take, the waits of the rate limiter included.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why a request did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("Discord cannot be reached: {0}")]
    Down(String),
    #[error("Discord says no: {reason} ({status})")]
    Refused { status: u16, code: i64, reason: String },
    #[error("Discord wants to be left alone for {} ms", .0.as_millis())]
    TooMany(Duration),
}

/// The code of an interaction that has its first answer.
const ANSWERED: i64 = 40_060;

impl Trouble {
    /// Whether asking again later may help.
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Down(_) | Self::TooMany(_) => true,
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
        }
    }

    /// How long Discord wants to be left alone, if it says so.
    pub(crate) fn after(&self) -> Option<Duration> {
        match self {
            Self::TooMany(after) => Some(*after),
            Self::Down(_) | Self::Refused { .. } => None,
        }
    }

    /// Whether an interaction has its first answer already.
    pub(crate) fn is_answered(&self) -> bool {
        matches!(self, Self::Refused { code: ANSWERED, .. })
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
pub(crate) struct Rest {
    http: Http,
    /// For what stands in for Discord: with serenity's limiter off, nobody reads how long to wait.
    plain: reqwest::Client,
}

/// The token of one interaction: a secret that lives for 15 minutes and is never logged.
#[derive(Clone)]
pub(crate) struct Ticket {
    pub(crate) application: u64,
    pub(crate) interaction: u64,
    pub(crate) token: String,
}

impl Rest {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { http: http(settings), plain: reqwest::Client::new() }
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

    /// The members of a server with the next ids, at most [`MEMBERS`].
    pub(crate) async fn members_after(
        &self,
        guild: GuildId,
        after: DiscordUserId,
    ) -> Result<Vec<DiscordUserId>, Trouble> {
        let route = Route::GuildMembers { guild_id: DiscordGuild::new(guild.0.max(1)) };
        let params = vec![("limit", MEMBERS.to_string()), ("after", after.to_string())];
        let request = Request::new(route, LightMethod::Get).params(Some(params));
        let page = self.json(request).await?;
        let ids = page.as_array().and_then(|all| {
            all.iter().map(|it| user(&it["user"]["id"])).collect::<Option<Vec<_>>>()
        });
        ids.ok_or_else(|| Trouble::Down("the answer does not say who is a member".to_owned()))
    }

    pub(crate) async fn commands(&self, application: u64) -> Result<Value, Trouble> {
        self.json(Request::new(commands_of(application), LightMethod::Get)).await
    }

    /// Registers these and no others.
    pub(crate) async fn set_commands(&self, application: u64, all: &Value) -> Result<(), Trouble> {
        self.send(Request::new(commands_of(application), LightMethod::Put), all).await
    }

    /// The first answer to an interaction.
    pub(crate) async fn respond(&self, ticket: &Ticket, answer: &Value) -> Result<(), Trouble> {
        let id = InteractionId::new(ticket.interaction.max(1));
        let route = Route::InteractionResponse { interaction_id: id, token: &ticket.token };
        self.send(Request::new(route, LightMethod::Post), answer).await
    }

    /// Changes the first answer.
    pub(crate) async fn amend(&self, ticket: &Ticket, message: &Value) -> Result<(), Trouble> {
        self.send(Request::new(original(ticket), LightMethod::Patch), message).await
    }

    /// Where the first answer is, and what it is called.
    pub(crate) async fn original(
        &self,
        ticket: &Ticket,
    ) -> Result<(ChannelId, MessageId), Trouble> {
        let answer = self.json(Request::new(original(ticket), LightMethod::Get)).await?;
        let found = (channel(&answer["channel_id"]), message_id(&answer["id"]));
        let (Some(channel), Some(message)) = found else {
            return Err(Trouble::Down("the answer has no id".to_owned()));
        };
        Ok((channel, message))
    }

    /// Puts an emoji under a message.
    pub(crate) async fn react(
        &self,
        channel: ChannelId,
        message: MessageId,
        emoji: &str,
    ) -> Result<(), Trouble> {
        let emoji = ReactionType::try_from(emoji)
            .map_err(|_| Trouble::Down(format!("{emoji} is no emoji")))?;
        let route = Route::ChannelMessageReactionMe {
            channel_id: DiscordChannel::new(channel.0.max(1)),
            message_id: DiscordMessage::new(message.0.max(1)),
            reaction: &emoji.as_data(),
        };
        self.fire(Request::new(route, LightMethod::Put)).await.map(drop)
    }

    /// Takes the first answer back.
    pub(crate) async fn retract(&self, ticket: &Ticket) -> Result<(), Trouble> {
        self.fire(Request::new(original(ticket), LightMethod::Delete)).await.map(drop)
    }

    /// One more message.
    pub(crate) async fn follow_up(
        &self,
        ticket: &Ticket,
        message: &Value,
    ) -> Result<Option<MessageId>, Trouble> {
        let application_id = ApplicationId::new(ticket.application.max(1));
        let route = Route::WebhookFollowupMessages { application_id, token: &ticket.token };
        let request = Request::new(route, LightMethod::Post);
        let answer = self.fire(request.body(Some(message.to_string().into_bytes()))).await?;
        // It was said; without a word of Discord's only what it is called is not known.
        Ok(answer.json::<Value>().await.ok().and_then(|it| message_id(&it["id"])))
    }

    async fn send(&self, request: Request<'_>, body: &Value) -> Result<(), Trouble> {
        self.fire(request.body(Some(body.to_string().into_bytes()))).await.map(drop)
    }

    async fn json(&self, request: Request<'_>) -> Result<Value, Trouble> {
        let answer = self.fire(request).await?;
        answer.json().await.map_err(|error| Trouble::Down(error.without_url().to_string()))
    }

    async fn fire(&self, request: Request<'_>) -> Result<reqwest::Response, Trouble> {
        let answer = timeout(PATIENCE, async {
            match self.http.proxy.as_deref() {
                Some(proxy) => self.plain(request, proxy).await,
                None => self.http.request(request).await.map_err(trouble),
            }
        });
        answer.await.map_err(|_| Trouble::Down("no answer in time".to_owned()))?
    }

    /// A request to what stands in for Discord.
    async fn plain(&self, request: Request<'_>, proxy: &str) -> Result<reqwest::Response, Trouble> {
        let request =
            request.build(&self.plain, self.http.token(), Some(proxy)).map_err(trouble)?;
        let sent = request.send().await;
        let answer = sent.map_err(|error| Trouble::Down(describe(&error.without_url())))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body: Value = answer.json().await.unwrap_or_default();
        if let Some(told) = body["retry_after"].as_f64().filter(|_| status.as_u16() == 429)
            && let Ok(after) = Duration::try_from_secs_f64(told)
        {
            return Err(Trouble::TooMany(after));
        }
        Err(Trouble::Refused {
            status: status.as_u16(),
            code: body["code"].as_i64().unwrap_or_default(),
            reason: body["message"].as_str().unwrap_or_default().to_owned(),
        })
    }
}

fn trouble(error: serenity::Error) -> Trouble {
    match error {
        serenity::Error::Http(HttpError::UnsuccessfulRequest(refused)) => Trouble::Refused {
            status: refused.status_code.as_u16(),
            code: refused.error.code as i64,
            reason: refused.error.message,
        },
        // Addresses of interactions hold their token: they stay out of every text.
        serenity::Error::Http(HttpError::Request(error)) => {
            Trouble::Down(describe(&error.without_url()))
        }
        other => Trouble::Down(other.to_string()),
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
