//! Gateway sessions: what each was told, so that a dropped connection can be resumed.

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::{
    dispatches::{Dispatch, intents},
    shapes,
    snowflake::Snowflake,
    world::World,
};

/// What a connection is to do next.
#[derive(Debug)]
pub(super) enum Frame {
    Close(u16, &'static str),
    /// End without a word, as a broken network does.
    HangUp,
    Text(String),
}

pub(super) type Wire = UnboundedSender<Frame>;

#[derive(Debug)]
struct Session {
    id: String,
    intents: u64,
    /// Which shard, of how many.
    shard: (u64, u64),
    /// Every payload, in order; its sequence number is its place, counted from one.
    told: Vec<String>,
    wire: Option<Wire>,
}

impl Session {
    fn hears(&self, dispatch: &Dispatch) -> bool {
        let (shard, shards) = self.shard;
        let its_shard = dispatch.guild.map_or(0, |guild| (guild.0 >> 22) % shards);
        let intended = dispatch.needs == 0 || self.intents & dispatch.needs != 0;
        its_shard == shard && intended
    }

    fn tell(&mut self, dispatch: &Dispatch) {
        let hidden = dispatch.private && self.intents & intents::MESSAGE_CONTENT == 0;
        let data = dispatch.data.clone();
        let data = if hidden { shapes::without_content(data) } else { data };
        let seq = self.told.len() + 1;
        let payload = json!({ "op": 0, "s": seq, "t": dispatch.name, "d": data }).to_string();
        self.told.push(payload.clone());
        self.send(Frame::Text(payload));
    }

    fn send(&self, frame: Frame) {
        if let Some(wire) = &self.wire {
            // A connection that ends meanwhile takes nothing more: resuming will bring it.
            drop(wire.send(frame));
        }
    }
}

/// Why a session cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoResume {
    BadSequence,
    Unknown,
}

#[derive(Debug, Default)]
pub(super) struct Sessions {
    all: Vec<Session>,
    opened: usize,
    resumed: usize,
}

impl Sessions {
    pub(super) fn publish(&mut self, dispatch: &Dispatch) {
        for session in &mut self.all {
            if session.hears(dispatch) {
                session.tell(dispatch);
            }
        }
    }

    /// Tell only the session behind one connection.
    pub(super) fn tell(&mut self, wire: &Wire, dispatch: &Dispatch) {
        let own = |it: &&mut Session| it.wire.as_ref().is_some_and(|own| own.same_channel(wire));
        if let Some(session) = self.all.iter_mut().find(own) {
            session.tell(dispatch);
        }
    }

    /// Go on where the client stopped: repeat what it has not heard, then say so.
    pub(super) fn resume(&mut self, id: &str, seq: usize, wire: Wire) -> Result<(), NoResume> {
        let session = self.all.iter_mut().find(|it| it.id == id).ok_or(NoResume::Unknown)?;
        let missed = session.told.get(seq..).ok_or(NoResume::BadSequence)?.to_vec();
        session.wire = Some(wire);
        for payload in missed {
            session.send(Frame::Text(payload));
        }
        session.tell(&Dispatch::plain("RESUMED", None, json!({ "_trace": [] })));
        self.resumed += 1;
        Ok(())
    }

    pub(super) fn connected(&self) -> usize {
        self.all.iter().filter(|it| it.wire.is_some()).count()
    }

    pub(super) fn opened(&self) -> usize {
        self.opened
    }

    pub(super) fn resumed(&self) -> usize {
        self.resumed
    }

    /// A connection is gone; its session waits to be resumed.
    pub(super) fn detach(&mut self, wire: &Wire) {
        for session in &mut self.all {
            session.wire.take_if(|own| own.same_channel(wire));
        }
    }

    /// The client said goodbye: this session will not be resumed.
    pub(super) fn end(&mut self, wire: &Wire) {
        self.all.retain(|it| !it.wire.as_ref().is_some_and(|own| own.same_channel(wire)));
    }

    pub(super) fn hang_up(&self) {
        self.all.iter().for_each(|it| it.send(Frame::HangUp));
    }

    /// Ask every client to come again.
    pub(super) fn ask_for_reconnect(&self) {
        let payload = json!({ "op": 7, "d": null }).to_string();
        self.all.iter().for_each(|it| it.send(Frame::Text(payload.clone())));
    }

    /// Forget every session; who is connected is told that his is not valid any more.
    pub(super) fn forget(&mut self) {
        for session in self.all.drain(..) {
            session.send(Frame::Text(invalid_session()));
        }
    }
}

pub(super) fn invalid_session() -> String {
    json!({ "op": 9, "d": false }).to_string()
}

/// What a client asks for when it identifies itself.
pub(super) struct Identify {
    pub(super) intents: u64,
    pub(super) shard: (u64, u64),
    pub(super) resume_url: String,
}

impl World {
    /// Open a session: READY with the guilds unavailable, then each guild.
    pub(super) fn open_session(&mut self, identify: Identify, wire: Wire) {
        let Identify { intents, shard, resume_url } = identify;
        let id = format!("{:032x}", self.clock.next_id().0);
        let mut session = Session { id, intents, shard, told: Vec::new(), wire: Some(wire) };

        let mine = |guild: &Snowflake| (guild.0 >> 22) % shard.1 == shard.0;
        let guilds: Vec<_> =
            self.guilds.values().filter(|it| self.bot_is_in(it.id) && mine(&it.id)).collect();
        let unavailable: Vec<Value> =
            guilds.iter().map(|it| json!({ "id": it.id, "unavailable": true })).collect();
        let ready = json!({
            "v": 10,
            "user": self.self_shape(),
            "guilds": unavailable,
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": resume_url,
            "shard": [shard.0, shard.1],
            "application": { "id": self.application.id, "flags": self.application_flags() },
            "presences": [],
            "private_channels": [],
            "relationships": [],
            "user_settings": {},
        });
        let guilds = guilds.into_iter().map(|guild| Dispatch::guild_create(self, guild, intents));
        let guilds: Vec<_> = guilds.collect();
        // The first word of a session goes to this shard, wherever its guilds are.
        session.tell(&Dispatch::plain("READY", None, ready));
        for mut guild in guilds {
            if session.hears(&guild) {
                self.faults.deform_dispatch(&mut guild);
                session.tell(&guild);
            }
        }
        self.sessions.all.push(session);
        self.sessions.opened += 1;
    }
}
