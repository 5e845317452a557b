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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "(pal_)?\\PC{0,80}") {
            if let Some(token) = ApiToken::parse(&text) {
                prop_assert!(text.starts_with(PREFIX) && !token.secret.is_empty());
            }
        }

        #[test]
        fn what_is_written_is_read_and_its_neighbours_are_others(id: u128, at in 0_usize..64) {
            let made = ApiToken::make(ApiKeyId(Uuid::from_u128(id)));
            let text = made.to_string();
            let read = ApiToken::parse(&text).unwrap();
            prop_assert_eq!((read.id, read.hash()), (made.id, made.hash()));
            // One sign of the secret is another.
            let at = text.len() - 64 + at;
            let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
            let mut forged = text;
            forged.replace_range(at..=at, other);
            prop_assert_ne!(ApiToken::parse(&forged).unwrap().hash(), made.hash());
        }
    }
}
