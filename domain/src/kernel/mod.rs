//! The few words every context shares.

mod actor;
mod aggregate;
mod blob;
mod chain;
mod cloud_event;
mod codec;
mod event;
mod ids;
mod journal;
mod keys;
mod log;
mod outcome;
mod person;
mod personal;
mod rejection;
mod scope;
mod shown;
#[cfg(test)]
pub(crate) mod testing;
mod undo;
mod upcast;
mod variant;

pub use actor::{Actor, ActorKind, Cause, Origin, Source};
pub use blob::{BLOB_PART_BYTES, Blob, BlobCommand, BlobError, BlobEvent, BlobId, BlobPart};
pub use chain::{Chain, ChainCommand, ChainError, ChainEvent, ChainHash};
pub use cloud_event::CommitEvent;
pub use codec::{Codec, CommitBody, OpenFailure};
pub use event::{Event, Listed, Recorded};
pub use ids::{
    AlertId, ApiKeyId, BehaviorId, ChannelId, ClaimId, CompensationId, ConversationId,
    DiscordUserId, EditId, GroupId, GuildId, InstallationId, MessageId, OrganizationId,
    ParseIdError, ProcessId, RehearsalId, RoleId, SessionId, SignInId, Singleton, UserId,
};
pub use journal::{Clock, Journal, Page};
pub use keys::{CryptError, Key, KeyId, Keys, Sealer};
pub use log::{
    Append, Appended, CommitId, EventLog, Expected, LogError, LogPage, MAX_COMMIT_BYTES,
    StoredCommit, StreamId,
};
pub use outcome::Outcome;
pub use person::{ErasurePerson, PersonCommand, PersonError, PersonEvent};
pub use personal::{ERASED, Person, Personal};
pub use rejection::{Ground, Rejection};
pub use scope::Scope;
pub use shown::Shown;
pub use undo::Undo;
pub use upcast::UpcastError;

pub(crate) use aggregate::aggregate;
