//! Who is asking, and why.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Person, Personal, Recorded};

/// What kind of caller an [`Actor`] is, in the words people see.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ActorKind {
    /// A language model that proposes changes.
    Ai,
    /// A program with an API key.
    ApiKey,
    /// A Discord account without a user of the platform.
    Discord,
    /// The platform itself: its reactors and jobs.
    System,
    /// A user of the platform.
    User,
}

/// The authenticated caller of a use case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    pub kind: ActorKind,
    /// Its id among those of its kind: a UUID, a snowflake, a reactor's name.
    pub id: String,
}

impl Actor {
    /// The language model with this name: `provider/model`.
    pub fn ai(name: impl Into<String>) -> Self {
        Self { kind: ActorKind::Ai, id: name.into() }
    }

    /// The caller with this API key.
    pub fn api_key(id: impl Into<String>) -> Self {
        Self { kind: ActorKind::ApiKey, id: id.into() }
    }

    /// The Discord account with this snowflake.
    pub fn discord(id: impl std::fmt::Display) -> Self {
        Self { kind: ActorKind::Discord, id: id.to_string() }
    }

    /// A part of the platform, by name.
    pub fn system(name: impl Into<String>) -> Self {
        Self { kind: ActorKind::System, id: name.into() }
    }

    /// A user of the platform.
    pub fn user(id: impl std::fmt::Display) -> Self {
        Self { kind: ActorKind::User, id: id.to_string() }
    }

    /// Whose key seals what this actor writes about himself: people have one each, machines
    /// share one that nobody erases.
    pub fn person(&self) -> Person {
        match self.kind {
            ActorKind::Discord => Person::discord(&self.id),
            ActorKind::User => Person::user(&self.id),
            ActorKind::Ai | ActorKind::ApiKey | ActorKind::System => Person::operator(),
        }
    }
}

/// Through which door a command came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Source {
    /// The HTTP API.
    Api,
    /// The command line.
    Cli,
    /// Discord's gateway, live.
    Discord,
    /// An import of what others recorded, or a backfill after a gap.
    Import,
    /// A reactor or a job of the platform.
    Reactor,
}

/// From where a request came, as far as the door saw it. It is the actor's own data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub ip_address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

impl Origin {
    /// Whom tries are counted for: the address, or, of the new kind, the /64 it is of. A subscriber has all of those to
    /// himself, and would be somebody else with each.
    pub fn subscriber(&self) -> String {
        match self.ip_address.parse::<IpAddr>().map(|it| it.to_canonical()) {
            Ok(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            Ok(IpAddr::V4(address)) => address.to_string(),
            Err(_) => self.ip_address.clone(),
        }
    }
}

/// Why a command is given. Everything it leads to can be traced back through this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Who wants it.
    pub actor: Actor,
    /// Names the command; the same id on the same stream is stored once.
    pub command: Uuid,
    /// The request at the door that started it all.
    pub correlation: Uuid,
    /// The event (position, index) it answers; none when it came through a door.
    pub causation: Option<(u64, u32)>,
    pub source: Source,
    /// From where the request came; a reaction comes from nowhere.
    pub origin: Option<Arc<Personal<Origin>>>,
}

impl Cause {
    /// Somebody asked at a door; the request's id is the correlation.
    pub fn asked(actor: Actor, correlation: Uuid, source: Source) -> Self {
        Self { actor, command: Uuid::now_v7(), correlation, causation: None, source, origin: None }
    }

    /// A reactor answers an event. The command's id follows from the event and the reactor's
    /// name, so a reaction that is repeated is stored once.
    pub fn answering(recorded: &Recorded, reactor: &str) -> Self {
        let command = Uuid::new_v5(&recorded.id, reactor.as_bytes());
        Self {
            actor: Actor::system(reactor),
            command,
            correlation: recorded.correlation,
            causation: Some((recorded.position, recorded.index)),
            source: Source::Reactor,
            origin: None,
        }
    }

    /// The same cause, with the place the request came from.
    #[must_use]
    pub fn from(self, origin: Origin) -> Self {
        let origin = Personal::of(self.actor.person(), origin);
        Self { origin: Some(Arc::new(origin)), ..self }
    }

    /// The same cause, given by somebody else: where it came from is his data then.
    #[must_use]
    pub fn by(self, actor: Actor) -> Self {
        let person = actor.person();
        Self { actor, ..self.about(person) }
    }

    /// The same cause; the place it came from is this person's data.
    #[must_use]
    pub fn about(self, person: Person) -> Self {
        let origin = self.origin.as_deref().and_then(Personal::clear).cloned();
        Self { origin: origin.map(|origin| Arc::new(Personal::of(person, origin))), ..self }
    }

    /// The same cause for a further command, whose id follows from this one's and the name.
    #[must_use]
    pub fn then(&self, name: &str) -> Self {
        Self { command: Uuid::new_v5(&self.command, name.as_bytes()), ..self.clone() }
    }
}
