//! Sends messages over Discord's REST API, each exactly once.
//!
//! A send whose answer is lost or makes no sense may still have worked. Discord takes the same
//! nonce once for some minutes, so a fresh send is simply repeated; an old one is first looked for
//! in the channel.

mod acts;
mod holds;
mod look;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use commands::describe;
use commands::ports::{Act, Discord, Post, TryLater};
use domain::kernel::{ChannelId, Clock, DiscordUserId, GuildId, MessageId, Outcome};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use acts::{encoded, is_gone, place};
use holds::Holds;
use look::{Known, Seen};

const DISCORD: &str = "https://discord.com";

/// How long after it was asked for a message is certainly sent for the first time, or under a nonce
/// that Discord still remembers.
const FRESH: TimeDelta = TimeDelta::minutes(2);

/// How long to wait before a send of unknown outcome is repeated.
const SOON: Duration = Duration::from_secs(1);

/// See the module.
pub struct DiscordRest {
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    /// `https://discord.com/api/v10`
    base: String,
    token: String,
    own_id: OnceCell<String>,
    holds: Holds,
    known: Known,
}

fn too_many(after: Duration) -> TryLater {
    TryLater { reason: "too many requests".to_owned(), after: Some(after) }
}

/// What became of one request.
enum Sent {
    Answer(Value),
    /// Nothing was done.
    Later(TryLater),
    /// With Discord's code for it.
    Refused(String, u64),
    /// It may have been done.
    Unclear(String),
}

impl DiscordRest {
    /// Talks to Discord, or to what stands in for it at this address (`http://127.0.0.1:8090`).
    pub fn new(
        api_url: Option<&str>,
        token: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(15))
            .user_agent(concat!("DiscordBot (palimpsest, ", env!("CARGO_PKG_VERSION"), ")"))
            // What leads elsewhere must not get the token.
            .redirect(Policy::none())
            .build()?;
        let base = format!("{}/api/v10", api_url.unwrap_or(DISCORD).trim_end_matches('/'));
        let token = token.trim().trim_start_matches("Bot ").to_owned();
        let (own_id, holds, known) = (OnceCell::new(), Holds::default(), Known::default());
        Ok(Self { client, clock, base, token, own_id, holds, known })
    }

    /// `channel` is where the request goes to; those of one channel share a rate limit.
    async fn ask(&self, request: RequestBuilder, channel: Option<ChannelId>) -> Sent {
        if let Some(after) = self.holds.wait(channel) {
            return Sent::Later(too_many(after));
        }
        let request = request.header("Authorization", format!("Bot {}", self.token));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() || error.is_builder() => {
                return Sent::Later(TryLater { reason: describe(&error), after: None });
            }
            Err(error) => return Sent::Unclear(describe(&error)),
        };
        let status = answer.status();
        let header = answer.headers().get("Retry-After").and_then(|it| it.to_str().ok());
        let wait: Option<f64> = header.and_then(|it| it.parse().ok());
        let global = answer.headers().contains_key("X-RateLimit-Global");
        let body = answer.bytes().await.map_err(|error| describe(&error));
        let body = body.and_then(|bytes| {
            if status == StatusCode::NO_CONTENT {
                return Ok(Value::Null);
            }
            serde_json::from_slice::<Value>(&bytes).map_err(|error| error.to_string())
        });
        if status == StatusCode::TOO_MANY_REQUESTS {
            let body = body.unwrap_or_default();
            let global = global || body["global"] == true;
            let told = body["retry_after"].as_f64().or(wait);
            let after = Duration::try_from_secs_f64(told.unwrap_or(1.0)).unwrap_or(SOON);
            self.holds.keep(if global { None } else { channel }, after);
            return Sent::Later(too_many(after));
        }
        if status == StatusCode::UNAUTHORIZED {
            // A token can be mended, and what was to be sent then still is.
            let reason = "Discord does not accept the bot token; set DISCORD_BOT_TOKEN".to_owned();
            return Sent::Later(TryLater { reason, after: None });
        }
        if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
            return Sent::Unclear(format!("Discord answered {status}"));
        }
        match body {
            Ok(body) if status.is_success() => Sent::Answer(body),
            Err(error) if status.is_success() => Sent::Unclear(error),
            body => {
                let body = body.unwrap_or_default();
                Sent::Refused(refusal(status, &body), body["code"].as_u64().unwrap_or_default())
            }
        }
    }

    async fn send(&self, post: &Post) -> Sent {
        let mut body = json!({
            "content": post.text,
            "nonce": post.nonce,
            "enforce_nonce": true,
            "allowed_mentions": { "parse": [], "replied_user": false },
        });
        if let Some(user) = post.pings {
            body["allowed_mentions"]["users"] = json!([user]);
        }
        if let Some(to) = post.reply_to {
            body["message_reference"] = json!({ "message_id": to, "fail_if_not_exists": false });
        }
        let url = format!("{}/channels/{}/messages", self.base, post.channel);
        self.ask(self.client.post(url).json(&body), Some(post.channel)).await
    }

    /// Whether an earlier try may lie so far back that Discord has forgotten its nonce.
    fn may_be_old(&self, post: &Post) -> bool {
        self.clock.now() - post.not_before > FRESH
    }

    /// It is there: whoever looks for an equal one knows from now on that this is not it.
    fn is_there(&self, message: MessageId, post: &Post) -> Outcome {
        self.known.keep(message, &post.nonce);
        Outcome::Delivered { outside_id: message.to_string() }
    }

    /// `done` says of which codes of a refusal that nothing was left to do.
    async fn perform(
        &self,
        act: &Act,
        reason: &str,
        done: impl Fn(u64) -> bool + Send,
    ) -> Result<Outcome, TryLater> {
        let (method, path, channel) = place(act);
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if !reason.is_empty() {
            request = request.header("X-Audit-Log-Reason", encoded(reason));
        }
        match self.ask(request, channel).await {
            Sent::Answer(_) => Ok(Outcome::Delivered { outside_id: String::new() }),
            Sent::Later(later) => Err(later),
            Sent::Refused(_, code) if done(code) => {
                Ok(Outcome::Delivered { outside_id: String::new() })
            }
            Sent::Refused(reason, _) => Ok(Outcome::Failed { reason }),
            // To do it once more does no harm.
            Sent::Unclear(reason) => Err(TryLater { reason, after: Some(SOON) }),
        }
    }

    /// The bot's own id, asked once.
    async fn own_id(&self) -> Sent {
        let me = || self.client.get(format!("{}/users/@me", self.base));
        let ask = async || match self.ask(me(), None).await {
            Sent::Answer(me) => match me["id"].as_str() {
                Some(id) => Ok(id.to_owned()),
                None => Err(Sent::Unclear("Discord does not say who we are".to_owned())),
            },
            other => Err(other),
        };
        match self.own_id.get_or_try_init(ask).await {
            Ok(id) => Sent::Answer(json!(id)),
            Err(other) => other,
        }
    }
}

#[async_trait]
impl Discord for DiscordRest {
    async fn post(&self, post: &Post) -> Result<Outcome, TryLater> {
        if let Some(message) = self.known.find(&post.nonce) {
            return Ok(self.is_there(message, post));
        }
        if self.may_be_old(post) {
            match self.look(post).await? {
                Seen::There(message) => return Ok(self.is_there(message, post)),
                Seen::Missing => {}
                Seen::Hidden(reason) if post.reply_to.is_some() => {
                    return Ok(Outcome::Unknown { reason });
                }
                Seen::Hidden(_) => {}
            }
        }
        let reason = match self.send(post).await {
            Sent::Answer(message) => match text(&message["id"]).parse() {
                Ok(message) => return Ok(self.is_there(message, post)),
                Err(_) => "the answer has no id".to_owned(),
            },
            Sent::Later(later) => return Err(later),
            Sent::Refused(reason, _) => return Ok(Outcome::Failed { reason }),
            Sent::Unclear(reason) => reason,
        };
        tracing::info!(channel.id = %post.channel, %reason, "a send has an unknown outcome");
        // An equal message in the channel may be another one. The nonce was used just now: Discord
        // takes the repeat for the same message.
        Err(TryLater { reason, after: Some(SOON) })
    }

    async fn act(&self, act: &Act, reason: &str) -> Result<Outcome, TryLater> {
        self.perform(act, reason, |_| false).await
    }

    async fn undo(&self, act: &Act, reason: &str) -> Result<Outcome, TryLater> {
        self.perform(act, reason, |code| is_gone(act, code)).await
    }

    async fn has_role(
        &self,
        guild: GuildId,
        user: DiscordUserId,
        role: &str,
    ) -> Result<Option<bool>, TryLater> {
        let url = format!("{}/guilds/{guild}/members/{user}", self.base);
        match self.ask(self.client.get(url), None).await {
            Sent::Answer(member) => {
                Ok(member["roles"].as_array().map(|all| all.iter().any(|it| it == role)))
            }
            Sent::Later(later) => Err(later),
            Sent::Refused(..) | Sent::Unclear(_) => Ok(None),
        }
    }

    async fn direct(&self, user: DiscordUserId) -> Result<Result<ChannelId, String>, TryLater> {
        let url = format!("{}/users/@me/channels", self.base);
        let body = json!({ "recipient_id": user });
        match self.ask(self.client.post(url).json(&body), None).await {
            Sent::Answer(channel) => {
                let unreadable =
                    || TryLater { reason: "the answer names no channel".to_owned(), after: None };
                text(&channel["id"]).parse().map(Ok).map_err(|_| unreadable())
            }
            Sent::Later(later) => Err(later),
            Sent::Refused(reason, _) => Ok(Err(reason)),
            Sent::Unclear(reason) => Err(TryLater { reason, after: Some(SOON) }),
        }
    }

    async fn me(&self) -> Result<DiscordUserId, TryLater> {
        let later = |reason| TryLater { reason, after: None };
        match self.own_id().await {
            Sent::Answer(id) => {
                text(&id).parse().map_err(|_| later("Discord does not say who we are".to_owned()))
            }
            Sent::Later(later) => Err(later),
            Sent::Refused(reason, _) | Sent::Unclear(reason) => Err(later(reason)),
        }
    }
}

fn refusal(status: StatusCode, body: &Value) -> String {
    match body["message"].as_str() {
        Some(message) => format!("{message} ({status}, code {})", body["code"]),
        None => format!("Discord answered {status}"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
