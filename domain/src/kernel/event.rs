//! What subscribers receive.

use std::fmt::Display;
use std::hash::Hash;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Actor, Origin, ParseIdError, Personal, Rejection, Source, StreamId, variant};

/// An aggregate that stands in the list below.
pub trait Listed:
    cqrs_es::Aggregate<
        Command: Clone + Send + Sync + 'static,
        Error: Rejection + Send + Sync + 'static,
        Services = (),
    > + Clone
    + Send
    + Sync
    + 'static
{
    /// Names one of them.
    type Id: Clone + Eq + Hash + Display + FromStr<Err = ParseIdError> + Send + Sync + 'static;

    /// As subscribers see it.
    fn to_event(id: Self::Id, event: Self::Event) -> Event;

    /// As the aggregate sees it; none when it belongs to another one.
    fn from_event(event: Event) -> Option<Self::Event>;
}

/// Lists the aggregates: the table of contents of the log.
macro_rules! events {
    ($($name:ident($id:ty): $aggregate:ty),+ $(,)?) => {
        /// An event of any aggregate, with the id of the one it happened to.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event {
            $($name($id, <$aggregate as cqrs_es::Aggregate>::Event)),+
        }

        $(impl Listed for $aggregate {
            type Id = $id;

            fn to_event(id: $id, event: Self::Event) -> Event {
                Event::$name(id, event)
            }

            fn from_event(event: Event) -> Option<Self::Event> {
                match event {
                    Event::$name(_, event) => Some(event),
                    _ => None,
                }
            }
        })+

        impl Event {
            /// The types of all aggregates, as streams are named by them.
            pub const AGGREGATES: &[&str] = &[$(<$aggregate as cqrs_es::Aggregate>::TYPE),+];

            /// The stream it belongs to.
            pub fn stream(&self) -> StreamId {
                match self {
                    $(Event::$name(id, _) => StreamId::of::<$aggregate>(id)),+
                }
            }

            /// Its type on disk and wire: `edit.approved`.
            pub fn type_name(&self) -> String {
                match self {
                    $(Event::$name(_, event) => format!("{}.{}", <$aggregate as cqrs_es::Aggregate>::TYPE, event.as_ref())),+
                }
            }

            /// Its payload as JSON text; personal values stand in clear, as `{of, value}`.
            pub fn payload(&self) -> serde_json::Result<Box<RawValue>> {
                match self {
                    $(Event::$name(_, event) => variant::payload(event)),+
                }
            }

            /// Reads an event of this stream back; none when nothing in the list is named so.
            pub(super) fn read(stream: &StreamId, name: &str, data: &RawValue) -> Option<Result<Self, ReadError>> {
                match stream.kind() {
                    $(<$aggregate as cqrs_es::Aggregate>::TYPE => Some(
                        stream.id().parse::<$id>().map_err(ReadError::from).and_then(|id| {
                            Ok(Event::$name(id, variant::read(name, data)?))
                        }),
                    ),)+
                    _ => None,
                }
            }
        }
    };
}

/// Why stored bytes are not an event.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Id(#[from] ParseIdError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

events! {
    Alert(super::AlertId): crate::identity::Alert,
    ApiKey(super::ApiKeyId): crate::identity::ApiKey,
    Behavior(super::BehaviorId): crate::behaviors::Behavior,
    Blob(super::BlobId): super::Blob,
    Bot(super::Singleton): crate::lifecycle::Bot,
    Chain(super::Singleton): super::Chain,
    Channel(super::ChannelId): crate::discord::Channel,
    Claim(super::ClaimId): crate::identity::Claim,
    Compensation(super::CompensationId): crate::self_editing::Compensation,
    Conversation(super::ConversationId): crate::conversation::Conversation,
    Edit(super::EditId): crate::self_editing::Edit,
    Group(super::GroupId): crate::identity::Group,
    Guild(super::GuildId): crate::discord::Guild,
    Installation(super::InstallationId): crate::integrations::Installation,
    Organization(super::OrganizationId): crate::identity::Organization,
    Person(super::Person): super::ErasurePerson,
    Process(super::ProcessId): crate::lifecycle::Process,
    Rehearsal(super::RehearsalId): crate::self_editing::Rehearsal,
    Role(super::RoleId): crate::identity::Role,
    Session(super::SessionId): crate::identity::Session,
    Settings(super::Singleton): crate::lifecycle::Settings,
    SignIn(super::SignInId): crate::identity::SignIn,
    User(super::UserId): crate::identity::User,
    Watch(super::EditId): crate::self_editing::Watch,
    Workspace(super::Singleton): crate::self_editing::Workspace,
}

impl Event {
    /// When it happened, where somebody else's clock says so.
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Channel(_, event) => event.occurred_at(),
            Self::Guild(_, event) => event.occurred_at(),
            Self::Alert(..)
            | Self::ApiKey(..)
            | Self::Behavior(..)
            | Self::Blob(..)
            | Self::Bot(..)
            | Self::Chain(..)
            | Self::Claim(..)
            | Self::Compensation(..)
            | Self::Conversation(..)
            | Self::Edit(..)
            | Self::Group(..)
            | Self::Installation(..)
            | Self::Organization(..)
            | Self::Person(..)
            | Self::Process(..)
            | Self::Rehearsal(..)
            | Self::Role(..)
            | Self::Session(..)
            | Self::Settings(..)
            | Self::SignIn(..)
            | Self::User(..)
            | Self::Watch(..)
            | Self::Workspace(..) => None,
        }
    }
}

/// An event with its place in the log and its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its own id: a UUID version 7, one for each event.
    pub id: Uuid,
    /// The number of its commit in the log: 1, 2, 3 … without gaps.
    pub position: u64,
    /// Its place within that commit, from 0.
    pub index: u32,
    /// When the log's writer stamped its commit.
    pub recorded_at: DateTime<Utc>,
    /// When it happened; earlier than recorded for what an import brings.
    pub occurred_at: DateTime<Utc>,
    /// Which aggregate it happened to.
    pub stream: StreamId,
    /// Its number in that stream, from 1.
    pub version: u64,
    /// Who wanted it.
    pub actor: Actor,
    /// The command that led to it.
    pub command: Uuid,
    /// The request that started it all.
    pub correlation: Uuid,
    /// The event (position, index) that led to it.
    pub causation: Option<(u64, u32)>,
    /// The door it came through.
    pub source: Source,
    /// From where the request came, where a door saw it.
    pub origin: Option<Arc<Personal<Origin>>>,
    /// What happened.
    pub event: Event,
}

/// What an aggregate's events must be able to do; written so that [`variant`] can name it.
pub(super) trait Payload: AsRef<str> + Serialize + DeserializeOwned {}

impl<T: AsRef<str> + Serialize + DeserializeOwned> Payload for T {}
