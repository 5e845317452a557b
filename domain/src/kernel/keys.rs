//! The keys that seal personal data, and who keeps them.

use std::borrow::Cow;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Codec, Person};

/// Names a key in the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub u64);

impl Serialize for KeyId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:016x}", self.0))
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        u64::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A secret of 256 bits, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 32]);

impl Key {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Seals and opens boxes: ChaCha20-Poly1305 (RFC 8439) with a random nonce in front.
pub trait Sealer: Send + Sync {
    fn seal(&self, key: &Key, bound_to: &[u8], clear: &[u8]) -> Result<Vec<u8>, CryptError>;
    fn open(&self, key: &Key, bound_to: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CryptError>;
}

/// The keys of people, in the vault.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Keys to seal with, in the order asked; those that were missing are made, and are durable
    /// before this answers.
    async fn current(&self, of: &[Person]) -> Result<Vec<(KeyId, Key)>, CryptError>;

    /// Keys to open with, in the order asked; none for those that were destroyed.
    async fn find(&self, ids: &[KeyId]) -> Result<Vec<Option<Key>>, CryptError>;

    /// Destroys every key of a person, for good; answers how many there were.
    async fn destroy(&self, of: &Person) -> Result<usize, CryptError>;
}

impl Codec {
    /// Which of these keys the vault does not hold, or not any more.
    pub async fn destroyed(&self, ids: &[KeyId]) -> Result<Vec<KeyId>, CryptError> {
        let keys = self.keys.find(ids).await?;
        let missing = ids.iter().zip(keys).filter(|(_, key)| key.is_none());
        Ok(missing.map(|(id, _)| *id).collect())
    }
}

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum CryptError {
    #[error("a sealed box was changed, or its key is another one's")]
    Forged,
    #[error("the vault cannot be reached: {0}")]
    Vault(#[source] Box<dyn std::error::Error + Send + Sync>),
}
