//! The neighbors: one file or folder per technology, each behind a port.

pub mod aead;
pub mod cedar_policies;
pub mod database;
pub mod discord_oauth;
pub mod discord_rest;
pub mod fallback_model;
pub mod genai_models;
pub mod git_mirror;
mod hex;
pub mod jetstream_log;
mod labels;
pub mod local_model;
pub mod master_key;
pub mod operational;
pub mod rhai_scripts;
pub mod sqlite_log;
pub mod system_clock;
pub mod vault;

pub use aead::ChaCha20Poly1305;
pub use cedar_policies::CedarPolicies;
pub use database::{Address, Care, DatabaseError, Opening};
pub use git_mirror::GitMirror;
pub use master_key::{MasterKey, MasterKeyError};
pub use operational::OperationalStore;
pub use rhai_scripts::RhaiScripts;
pub use system_clock::SystemClock;
pub use vault::{SealedVault, VaultError};
