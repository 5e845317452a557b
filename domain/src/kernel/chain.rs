//! The chain over all commits, which shows a changed, removed, inserted or cut-off one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Ground, ParseIdError, Rejection, aggregate};

/// The running value: hₙ = BLAKE3(hₙ₋₁ ‖ bodyₙ), and h₀ is all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChainHash(pub [u8; 32]);

impl ChainHash {
    /// The value after one more commit.
    #[must_use]
    pub fn next(self, body: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(body);
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl FromStr for ChainHash {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let no = |_| ParseIdError { text: text.to_owned(), expected: "64 hexadecimal digits" };
        blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes())).map_err(no)
    }
}

impl Serialize for ChainHash {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChainHash {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The heads that were signed into the log.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Chain {
    signed: u64,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum ChainCommand {
    /// Record the chain's value at a position, signed.
    Sign { position: u64, hash: ChainHash, public_key: String, signature: String },
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ChainEvent {
    /// Ed25519 (RFC 8032) over `palimpsest chain <position> <hash>`; key and signature in hex.
    Signed { position: u64, hash: ChainHash, public_key: String, signature: String },
}

/// There is nothing it refuses.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {}

impl Rejection for ChainError {
    fn ground(&self) -> Ground {
        match *self {}
    }
}

impl Chain {
    /// The text that a head's signature covers.
    pub fn signed_text(position: u64, hash: &ChainHash) -> String {
        format!("palimpsest chain {position} {hash}")
    }

    /// The newest position whose value is signed.
    pub fn signed(&self) -> u64 {
        self.signed
    }

    fn decide(&self, command: ChainCommand) -> Result<Vec<ChainEvent>, ChainError> {
        let ChainCommand::Sign { position, hash, public_key, signature } = command;
        if position <= self.signed {
            return Ok(vec![]);
        }
        Ok(vec![ChainEvent::Signed { position, hash, public_key, signature }])
    }

    fn evolve(&mut self, event: &ChainEvent) {
        let ChainEvent::Signed { position, .. } = event;
        self.signed = *position;
    }
}

aggregate!(Chain: "chain", ChainCommand -> ChainEvent | ChainError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_depends_on_every_commit_and_their_order() {
        let chain = |bodies: &[&str]| {
            bodies.iter().fold(ChainHash::default(), |chain, body| chain.next(body.as_bytes()))
        };
        let whole = chain(&["a", "b", "c"]);
        for other in [&["a", "b"][..], &["a", "c", "b"], &["a", "b", "x", "c"], &["a", "x", "c"]] {
            assert_ne!(chain(other), whole, "{other:?}");
        }
        assert_eq!(whole.to_string().parse(), Ok(whole));
    }
}
