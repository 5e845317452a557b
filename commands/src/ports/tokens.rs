//! Signs access tokens, and knows its own.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::kernel::{OrganizationId, SessionId, UserId};
use uuid::Uuid;

use crate::CommandError;

/// What an access token says (RFC 9068). Issuer and audience are settings of whoever signs.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    pub id: Uuid,
    pub user: UserId,
    pub email: String,
    pub name: String,
    pub roles: Vec<String>,
    pub organization: Option<OrganizationId>,
    pub session: SessionId,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// Signs access tokens (RS256), and knows its own.
#[async_trait]
pub trait Tokens: Send + Sync {
    async fn sign(&self, claims: &Claims) -> Result<String, CommandError>;

    /// What a token says; none when it is not ours, or not good at this time.
    async fn verify(&self, token: &str, now: DateTime<Utc>)
    -> Result<Option<Claims>, CommandError>;

    /// The public keys: a JWK Set (RFC 7517).
    async fn public_keys(&self) -> Result<serde_json::Value, CommandError>;

    /// Makes a new key to sign with when the present one is older than it may be, and drops those that no
    /// good token was signed with any more.
    async fn rotate(&self, now: DateTime<Utc>) -> Result<(), CommandError>;
}
