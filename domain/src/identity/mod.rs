//! Who may do what.

mod api_key;
mod permission;

pub use api_key::{ApiKey, ApiKeyCommand, ApiKeyError, ApiKeyEvent, NewApiKey};
pub use permission::{Permission, Permissions};
