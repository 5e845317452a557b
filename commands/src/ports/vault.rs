//! Secrets that must be readable again, sealed by the master key.

use async_trait::async_trait;

use crate::CommandError;

/// Keeps secrets by name: `api-key/<id>`, `installation/<id>`.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Durable before it answers.
    async fn put_secret(&self, name: &str, secret: &[u8]) -> Result<(), CommandError>;
    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, CommandError>;
    async fn delete_secret(&self, name: &str) -> Result<(), CommandError>;
    /// The names that start like this, in order.
    async fn secrets(&self, prefix: &str) -> Result<Vec<String>, CommandError>;
    /// A MAC of a value that names it without showing it (HMAC-SHA-256 under the index key).
    fn index(&self, kind: &str, value: &str) -> String;
    /// Seals bytes that only this installation reads again.
    fn seal(&self, bound_to: &str, clear: &[u8]) -> Result<Vec<u8>, CommandError>;
    /// Opens what [`seal`](Self::seal) sealed.
    fn open(&self, bound_to: &str, sealed: &[u8]) -> Result<Vec<u8>, CommandError>;
    /// Signs a text with the installation's Ed25519 key: public key and signature, in hex.
    fn sign(&self, text: &str) -> (String, String);
    /// The public half of that key, in hex.
    fn public_key(&self) -> String;
    /// Whether the signature is that of the key, both in hex.
    fn verifies(&self, public_key: &str, text: &str, signature: &str) -> bool;
}
