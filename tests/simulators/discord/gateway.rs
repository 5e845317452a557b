//! The gateway: hello, identify or resume, heartbeats, and everything the bot is told.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use poem::{
    IntoResponse, Response, handler,
    http::StatusCode,
    web::{
        Data,
        websocket::{CloseCode, Message, WebSocket, WebSocketStream},
    },
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::{
    dispatches::{Dispatch, intents},
    sessions::{Frame, Identify, NoResume, Wire, invalid_session},
    snowflake::Snowflake,
    state::State,
    world::World,
};

const HEARTBEAT: u64 = 1;
const IDENTIFY: u64 = 2;
const PRESENCE: u64 = 3;
const VOICE: u64 = 4;
const RESUME: u64 = 6;
const REQUEST_MEMBERS: u64 = 8;
const SOUNDBOARD: u64 = 31;

const UNKNOWN_OPCODE: Frame = Frame::Close(4001, "Unknown opcode.");
const DECODE_ERROR: Frame = Frame::Close(4002, "Error while decoding payload.");
const NOT_AUTHENTICATED: Frame = Frame::Close(4003, "Not authenticated.");
const AUTHENTICATION_FAILED: Frame = Frame::Close(4004, "Authentication failed.");
const ALREADY_AUTHENTICATED: Frame = Frame::Close(4005, "Already authenticated.");
const INVALID_SEQUENCE: Frame = Frame::Close(4007, "Invalid seq.");
const INVALID_SHARD: Frame = Frame::Close(4010, "Invalid shard.");
const INVALID_INTENTS: Frame = Frame::Close(4013, "Invalid intent(s).");
const DISALLOWED_INTENTS: Frame = Frame::Close(4014, "Disallowed intent(s).");

/// How long the other side has to take a goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

#[handler]
pub(super) fn connect(socket: WebSocket, Data(state): Data<&Arc<State>>) -> Response {
    if state.read(|world| world.faults.outage) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let state = Arc::clone(state);
    socket.on_upgrade(|stream| serve(state, stream)).into_response()
}

async fn serve(state: Arc<State>, stream: WebSocketStream) {
    let (mut sink, mut heard) = stream.split();
    let (wire, mut frames) = mpsc::unbounded_channel();
    let heartbeat = state.read(|world| world.heartbeat.as_millis());
    let hello = json!({ "op": 10, "d": { "heartbeat_interval": heartbeat, "_trace": [] } });
    if sink.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }

    let mut connection = Connection { state, wire, known: false };
    loop {
        tokio::select! {
            frame = frames.recv() => match frame {
                // What is not said now can be had by resuming.
                Some(Frame::Text(_)) if connection.is_frozen() => {}
                Some(Frame::Text(text)) => {
                    if sink.send(Message::text(text)).await.is_err() {
                        break;
                    }
                }
                Some(Frame::Close(code, reason)) => {
                    let close = Message::close_with(CloseCode::from(code), reason);
                    if sink.send(close).await.is_ok() {
                        // Unread input would turn the close frame into a reset: read it.
                        while let Ok(Some(Ok(_))) = timeout(GOODBYE, heard.next()).await {}
                    }
                    break;
                }
                Some(Frame::HangUp) | None => break,
            },
            message = heard.next() => match message {
                Some(Ok(Message::Text(_))) if connection.is_frozen() => {}
                Some(Ok(Message::Text(text))) => connection.hear(&text),
                Some(Ok(Message::Close(reason))) => {
                    connection.take_leave(reason.map(|(code, _)| code.into()));
                    break;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            },
        }
    }
    connection.state.change(|world| world.sessions.detach(&connection.wire));
}

struct Connection {
    state: Arc<State>,
    wire: Wire,
    /// Whether it has identified itself or resumed.
    known: bool,
}

impl Connection {
    fn is_frozen(&self) -> bool {
        self.state.read(|world| world.faults.frozen)
    }

    fn hear(&mut self, text: &str) {
        let Ok(payload) = serde_json::from_str::<Value>(text) else {
            return self.say(DECODE_ERROR);
        };
        let data = &payload["d"];
        match payload["op"].as_u64() {
            Some(HEARTBEAT) => self.say(Frame::Text(json!({ "op": 11 }).to_string())),
            Some(IDENTIFY | RESUME) if self.known => self.say(ALREADY_AUTHENTICATED),
            Some(IDENTIFY) => self.identify(data),
            Some(RESUME) => self.resume(data),
            Some(_) if !self.known => self.say(NOT_AUTHENTICATED),
            Some(REQUEST_MEMBERS) => self.tell_members(data),
            Some(PRESENCE | VOICE | SOUNDBOARD) => {}
            _ => self.say(UNKNOWN_OPCODE),
        }
    }

    fn identify(&mut self, data: &Value) {
        let shard = match &data["shard"] {
            Value::Null => Some((0, 1)),
            shard => shard[0].as_u64().zip(shard[1].as_u64()),
        };
        let Some(shard) = shard.filter(|(shard, shards)| shard < shards) else {
            return self.say(INVALID_SHARD);
        };
        let Some(wanted) = data["intents"].as_u64().filter(|bits| bits & !intents::KNOWN == 0)
        else {
            return self.say(INVALID_INTENTS);
        };
        let resume_url = format!("ws://{}/resume", self.state.address);
        let identify = Identify { intents: wanted, shard, resume_url };
        let wire = self.wire.clone();
        let refusal = self.state.change(|world| {
            let allowed = world.application.privileged || wanted & intents::PRIVILEGED == 0;
            if !world.knows_token(&data["token"]) {
                return Some(AUTHENTICATION_FAILED);
            }
            if !allowed {
                return Some(DISALLOWED_INTENTS);
            }
            world.open_session(identify, wire);
            None
        });
        self.welcome_or(refusal);
    }

    fn resume(&mut self, data: &Value) {
        let seq = data["seq"].as_u64().and_then(|seq| usize::try_from(seq).ok());
        let (Some(session), Some(seq)) = (data["session_id"].as_str(), seq) else {
            return self.say(DECODE_ERROR);
        };
        let wire = self.wire.clone();
        let refusal = self.state.change(|world| {
            if !world.knows_token(&data["token"]) {
                return Some(AUTHENTICATION_FAILED);
            }
            match world.sessions.resume(session, seq, wire) {
                Ok(()) => None,
                Err(NoResume::BadSequence) => Some(INVALID_SEQUENCE),
                Err(NoResume::Unknown) => Some(Frame::Text(invalid_session())),
            }
        });
        self.welcome_or(refusal);
    }

    fn welcome_or(&mut self, refusal: Option<Frame>) {
        match refusal {
            Some(refusal) => self.say(refusal),
            None => self.known = true,
        }
    }

    /// The client closes: with 1000 or 1001 for good, with any other code to come back.
    fn take_leave(&self, code: Option<u16>) {
        if matches!(code, Some(1000 | 1001)) {
            self.state.change(|world| world.sessions.end(&self.wire));
        }
    }

    fn tell_members(&self, data: &Value) {
        self.state.change(|world| {
            let guild = data["guild_id"].as_str().and_then(|id| id.parse().ok());
            if let Some(chunk) = guild.and_then(|guild| world.member_chunk(guild, data)) {
                world.sessions.tell(&self.wire, &chunk);
            }
        });
    }

    fn say(&self, frame: Frame) {
        // A connection that is ending takes nothing more, and needs nothing more.
        drop(self.wire.send(frame));
    }
}

impl World {
    /// What the developer portal allows, as the application's flags say it.
    pub(super) fn application_flags(&self) -> u64 {
        const PRIVILEGED_INTENTS: u64 = 1 << 12 | 1 << 14 | 1 << 18;
        if self.application.privileged { PRIVILEGED_INTENTS } else { 0 }
    }

    fn knows_token(&self, given: &Value) -> bool {
        let given = given.as_str().unwrap_or_default();
        given.strip_prefix("Bot ").unwrap_or(given) == self.application.token
    }

    /// The members of a guild that a client asks for, in one piece.
    fn member_chunk(&self, guild: Snowflake, asked: &Value) -> Option<Dispatch> {
        let members = &self.guilds.get(&guild).filter(|_| self.bot_is_in(guild))?.members;
        let wanted: Option<Vec<Snowflake>> = asked["user_ids"]
            .as_array()
            .map(|ids| ids.iter().filter_map(|id| id.as_str()?.parse().ok()).collect());
        let prefix = asked["query"].as_str().unwrap_or_default();
        let found = members.values().filter(|member| match &wanted {
            Some(ids) => ids.contains(&member.user),
            None => self.users[&member.user].name.starts_with(prefix),
        });
        let mut data = json!({
            "guild_id": guild,
            "members": found.map(|member| self.member_shape(member)).collect::<Vec<_>>(),
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [],
        });
        if let Some(nonce) = asked.get("nonce") {
            data["nonce"] = nonce.clone();
        }
        Some(Dispatch::plain("GUILD_MEMBERS_CHUNK", Some(guild), data))
    }
}
