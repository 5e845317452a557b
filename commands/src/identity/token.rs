//! The text of an API key: which one it is, and its secret.

use std::fmt;

use domain::kernel::ApiKeyId;
use uuid::Uuid;

/// What every key starts with.
const PREFIX: &str = "pal_";

/// `pal_<id>_<secret>`
pub struct ApiToken {
    pub id: ApiKeyId,
    secret: String,
}

impl ApiToken {
    /// A new secret: 256 random bits need no slow hash, nobody guesses them.
    pub fn make(id: ApiKeyId) -> Self {
        let secret = blake3::Hash::from_bytes(rand::random()).to_hex().to_string();
        Self { id, secret }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let id = ApiKeyId(Uuid::try_parse(id).ok()?);
        (!secret.is_empty()).then(|| Self { id, secret: secret.to_owned() })
    }

    /// What is kept of it.
    pub(super) fn hash(&self) -> blake3::Hash {
        blake3::hash(self.secret.as_bytes())
    }
}

impl fmt::Display for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}_{}", self.id.0.simple(), self.secret)
    }
}
