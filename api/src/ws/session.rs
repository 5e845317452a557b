//! One client on the WebSocket, from its first word to its last.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::identity::Permission;
use futures_util::{SinkExt, StreamExt};
use poem::http::{StatusCode, header};
use poem::web::websocket::{CloseCode, Message, WebSocket, WebSocketConfig, WebSocketStream};
use poem::{Endpoint, FromRequest, IntoResponse, Request, Response};
use projections::Generations;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, interval_at, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::feed::{Feed, News};
use super::messages::{self, Said, Subscription};
use crate::auth::{Authenticate, Unauthenticated};
use crate::cors;
use crate::error::ApiError;
use crate::settings::{ApiSettings, WebSocketSettings};
use crate::views;

/// The longest message of a client, in bytes.
const MAX_MESSAGE: usize = 16 * 1024;

/// What is read of a longer one, so that its sender can be told.
const MAX_READ: usize = 64 * 1024;

const TOO_LONG: End = End { code: 1009, reason: "the message is too long" };

/// How long a message may take to leave.
const MAX_SEND: Duration = Duration::from_secs(10);

/// The endpoint of `/ws`.
pub(crate) struct Sockets {
    pub(crate) authenticate: Arc<dyn Authenticate>,
    pub(crate) feed: Feed,
    pub(crate) open: Arc<AtomicUsize>,
    pub(crate) settings: ApiSettings,
    pub(crate) stop: CancellationToken,
    pub(crate) views: Generations,
}

/// Why a connection ends.
struct End {
    code: u16,
    reason: &'static str,
}

impl Endpoint for Sockets {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let origins = &self.settings.allowed_origins;
        let (origin, host) = (request.header(header::ORIGIN), request.header(header::HOST));
        if !cors::may_connect(origins, origin, host) {
            let message = "pages of this origin may not connect";
            return Err(ApiError::new(StatusCode::FORBIDDEN, message).into());
        }
        let (request, mut body) = request.split();
        let socket = WebSocket::from_request(&request, &mut body).await?;
        let most = self.settings.websocket.max_connections;
        let Some(seat) = Seat::take(&self.open, most) else {
            return Err(ApiError::unavailable(&"all seats of /ws are taken").into());
        };
        let limits = WebSocketConfig::default()
            .max_frame_size(Some(MAX_READ))
            .max_message_size(Some(MAX_READ));
        let client = Client {
            authenticate: self.authenticate.clone(),
            news: self.feed.listen(),
            settings: self.settings.websocket.clone(),
            subscription: Subscription::default(),
            views: self.views.clone(),
            of_log: false,
            seat,
            token: String::new(),
        };
        let stop = self.stop.clone();
        let upgraded = socket.config(limits).on_upgrade(move |stream| client.serve(stream, stop));
        Ok(upgraded.into_response())
    }
}

/// One of the connections there may be.
struct Seat {
    open: Arc<AtomicUsize>,
}

impl Seat {
    fn take(open: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let one_more = |now: usize| (now < most).then_some(now + 1);
        open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Self { open: open.clone() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Client {
    authenticate: Arc<dyn Authenticate>,
    news: Receiver<Arc<News>>,
    settings: WebSocketSettings,
    subscription: Subscription,
    views: Generations,
    of_log: bool,
    /// Given back when the client is gone.
    #[expect(dead_code, reason = "held for its drop")]
    seat: Seat,
    /// What it said who it is with: a key that was revoked meanwhile, or has ended, hears no more.
    token: String,
}

impl Client {
    async fn serve(mut self, mut stream: WebSocketStream, stop: CancellationToken) {
        let talk = self.talk(&mut stream);
        let end = match stop.run_until_cancelled(talk).await {
            Some(Ok(())) => End { code: 1000, reason: "" },
            Some(Err(end)) => end,
            None => End { code: 1001, reason: "the server stops" },
        };
        let close = Message::Close(Some((CloseCode::from(end.code), end.reason.to_owned())));
        let _already_gone = timeout(MAX_SEND, stream.send(close)).await;
        let _already_gone = timeout(MAX_SEND, stream.close()).await;
    }

    /// Until the client says good-bye, or has to go.
    async fn talk(&mut self, stream: &mut WebSocketStream) -> Result<(), End> {
        let patience = Duration::from_millis(self.settings.auth_timeout_ms);
        let first = timeout(patience, self.first_word(stream)).await;
        first.map_err(|_| End { code: 4401, reason: "nobody said who it is in time" })??;

        let every = Duration::from_secs(self.settings.ping_s.max(1));
        let mut pings = interval_at(Instant::now() + every, every);
        let mut heard = true;
        loop {
            tokio::select! {
                said = stream.next() => match said {
                    Some(Ok(Message::Close(_))) | None => return Ok(()),
                    Some(Err(error)) => return Err(lost(&error)),
                    Some(Ok(message)) => {
                        heard = true;
                        self.hear(stream, message).await?;
                    }
                },
                news = self.news.recv() => match news {
                    Ok(news) => {
                        if may_shut_out(&news.kind) {
                            self.recognize(stream).await?;
                        }
                        self.tell(stream, &news).await?;
                    }
                    Err(RecvError::Lagged(_)) => {
                        return Err(End { code: 1008, reason: "too slow: messages were lost" });
                    }
                    Err(RecvError::Closed) => return Ok(()),
                },
                _ = pings.tick() => {
                    if !std::mem::take(&mut heard) {
                        return Err(End { code: 1001, reason: "nobody answered a ping" });
                    }
                    self.recognize(stream).await?;
                    send(stream, Message::Ping(Vec::new())).await?;
                }
            }
        }
    }

    /// Nothing is told before the client said who it is.
    async fn first_word(&mut self, stream: &mut WebSocketStream) -> Result<(), End> {
        let text = loop {
            match stream.next().await {
                Some(Ok(Message::Text(text))) if text.len() > MAX_MESSAGE => return Err(TOO_LONG),
                Some(Ok(Message::Text(text))) => break text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => {
                    return Err(End { code: 1003, reason: "messages are JSON text" });
                }
                Some(Ok(Message::Close(_))) | None => return Err(End { code: 1000, reason: "" }),
                Some(Err(error)) => return Err(lost(&error)),
            }
        };
        let Ok(Said::Auth { token }) = serde_json::from_str(&text) else {
            let hint = r#"the first message must be {"type":"auth","token":"…"}"#;
            send(stream, Message::Text(messages::error("UNAUTHORIZED", hint))).await?;
            return Err(End { code: 4401, reason: "the first message must be auth" });
        };
        self.token = token;
        self.recognize(stream).await?;
        // What happened before counts as seen.
        self.news = self.news.resubscribe();
        send(stream, Message::Text(messages::welcome(views::position(&self.views)))).await
    }

    /// Looks whether the token still lets it in, and what it may hear.
    async fn recognize(&mut self, stream: &mut WebSocketStream) -> Result<(), End> {
        let caller = match self.authenticate.authenticate(&self.token, Uuid::now_v7()).await {
            Ok(caller) => caller,
            Err(Unauthenticated::Invalid(reason)) => {
                send(stream, Message::Text(messages::error("INVALID_TOKEN", reason))).await?;
                return Err(End { code: 4401, reason: "the token is not valid" });
            }
            Err(Unauthenticated::Unavailable(error)) => {
                tracing::warn!(%error, "a client of /ws could not be authenticated");
                return Err(End { code: 1013, reason: "try again later" });
            }
        };
        self.of_log = caller.permissions.allow(Permission::ReadAudit);
        if !self.of_log && !caller.permissions.allow(Permission::ReadConfig) {
            let lacks = "this needs the permission read:audit or read:config";
            let message = messages::error("INSUFFICIENT_PERMISSIONS", lacks);
            send(stream, Message::Text(message)).await?;
            return Err(End { code: 4403, reason: "the permission is lacking" });
        }
        Ok(())
    }

    async fn hear(&mut self, stream: &mut WebSocketStream, message: Message) -> Result<(), End> {
        let text = match message {
            Message::Text(text) if text.len() <= MAX_MESSAGE => text,
            Message::Text(_) => return Err(TOO_LONG),
            Message::Binary(_) => {
                return Err(End { code: 1003, reason: "messages are JSON text" });
            }
            // The protocol's own pings are answered below us.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(()),
        };
        let answer = match serde_json::from_str(&text) {
            Ok(Said::Ping) => messages::pong(),
            Ok(Said::Subscribe { events, streams }) => {
                self.subscription = Subscription::new(events, streams);
                messages::subscribed(&self.subscription)
            }
            Ok(Said::Auth { .. }) => messages::error("CONFLICT", "you said who you are before"),
            Err(error) => messages::error("INVALID_REQUEST", &error.to_string()),
        };
        send(stream, Message::Text(answer)).await
    }

    async fn tell(&self, stream: &mut WebSocketStream, news: &News) -> Result<(), End> {
        let may = self.of_log || !news.of_log;
        if !may || !self.subscription.wants(&news.kind, &news.stream) {
            return Ok(());
        }
        send(stream, Message::Text(news.text.clone())).await
    }
}

/// Whether somebody may have to go, or may hear less, after such an event.
fn may_shut_out(kind: &str) -> bool {
    let about = ["api_key.", "organization.", "role.", "user.", "workspace."];
    ["session.ended", "session.expired"].contains(&kind)
        || about.iter().any(|it| kind.starts_with(it))
}

/// Why nothing more can be read.
fn lost(error: &std::io::Error) -> End {
    // The framework keeps only the words.
    let too_long = error.to_string().starts_with("Space limit exceeded");
    if too_long { TOO_LONG } else { End { code: 1000, reason: "" } }
}

/// A client that does not take what it is sent has to go.
async fn send(stream: &mut WebSocketStream, message: Message) -> Result<(), End> {
    match timeout(MAX_SEND, stream.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End { code: 1000, reason: "" }),
        Err(_) => Err(End { code: 1008, reason: "too slow" }),
    }
}
