//! What the write side needs from the outside; `adapters` provides it.

mod access;
mod chat_model;
mod checkpoints;
mod decisions;
mod directory;
mod discord;
mod effects;
mod execute;
mod idempotency;
mod key_uses;
mod leases;
mod mailer;
mod mirror;
mod oauth;
mod passkeys;
mod passwords;
mod places;
mod policy_checker;
mod recent_faults;
mod script_runner;
mod sessions;
mod shared_limits;
mod sign_in_history;
mod sign_in_providers;
mod snapshots;
mod surroundings;
mod tickets;
mod tokens;
mod totp;
mod traces;
mod vault;

pub(crate) use access::FRESH;
pub use access::{Access, Caller, Signed};
pub use chat_model::{
    Answer, Asker, ChatModel, Deltas, FailedTry, Message, ModelError, ModelName, Prompt, Step,
    Tool, ToolCall, ToolResult, Turn, Work,
};
pub use checkpoints::{Checkpoints, Parked, Reached};
pub use decisions::{
    Decision, Decisions, InForce, Membership, PLATFORM, PolicySource, PolicyText, Principal,
    PrincipalKind, Question, Resource, Tenant,
};
pub use directory::Directory;
pub use discord::{Act, Discord, Post, TryLater};
pub use effects::{Effect, Effects, Span, Sums, Which};
pub use execute::{Execute, Executed, Loaded};
pub use idempotency::{CLAIM_LASTS, Claim, IdempotencyKeys};
pub use key_uses::KeyUses;
pub use leases::{Lease, Leases};
pub use mailer::{Mail, Mailer};
pub use mirror::{Mirror, MirrorError, Shown, Standing};
pub use oauth::{Grant, OAuth};
pub use passkeys::{Ceremony, KeptPasskey, NewPasskey, Owner, PasskeyError, Passkeys, Proof};
pub use passwords::{Passwords, Verified};
pub use places::{Coordinates, NoPlaces, Places};
pub use policy_checker::PolicyChecker;
pub use recent_faults::{NoFaults, RecentFault, RecentFaults};
pub use script_runner::{
    Described, Fault, Line, Occasion, Ran, Readable, Reads, Script, ScriptRunner, Settings, Tested,
    User,
};
pub use sessions::SessionList;
pub use shared_limits::{Bucket, SharedLimits, Taken};
pub use sign_in_history::{Earlier as EarlierSignIn, SignInHistory};
pub use sign_in_providers::{Authorization, ProviderAccount, Redemption, SignInProviders};
pub use snapshots::{Snapshot, Snapshots};
pub use surroundings::{Due, Surroundings};
pub use tickets::Tickets;
pub use tokens::{Claims, Tokens};
pub use totp::{Enrollment, Totp};
pub use traces::{Earlier, EventPlace, Made, Settled, Spotted, Traces};
pub use vault::Vault;
