//! A large content, kept once under its own hash, in parts that the log can take.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use super::{Ground, ParseIdError, Rejection, aggregate};

/// How many bytes of a content one part holds; as text in a commit it has a third more.
pub const BLOB_PART_BYTES: usize = 180 * 1024;

/// Names a content by what it is: BLAKE3, in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId([u8; 32]);

impl BlobId {
    /// The name of this content.
    pub fn of(content: &[u8]) -> Self {
        Self(*blake3::hash(content).as_bytes())
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl FromStr for BlobId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let no = || ParseIdError { text: text.to_owned(), expected: "64 hexadecimal digits" };
        let hash = blake3::Hash::from_hex(text).map_err(|_| no())?;
        // One name for one content: the digits are lower case.
        (hash.to_hex().as_str() == text).then_some(Self(*hash.as_bytes())).ok_or_else(no)
    }
}

impl Serialize for BlobId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BlobId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How much of the content is there. Never personal data: what is kept here cannot be erased.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    stored: u32,
    parts: u32,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum BlobCommand {
    /// Keep a part; one that is there stays as it is.
    Store(BlobPart),
}

/// One part of a content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobPart {
    /// Its number, from 0.
    pub part: u32,
    /// How many there are.
    pub parts: u32,
    /// The size of the whole content, in bytes.
    pub size: u64,
    /// The bytes, in base64.
    pub data: String,
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum BlobEvent {
    Stored(BlobPart),
}

/// Why a part is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    #[error("part {part} of a content comes before part {next} is there")]
    Gap { part: u32, next: u32 },
}

impl Rejection for BlobError {
    fn ground(&self) -> Ground {
        match self {
            Self::Gap { .. } => Ground::State,
        }
    }
}

impl Blob {
    /// A content in parts.
    pub fn parts_of(content: &[u8]) -> Vec<BlobPart> {
        let chunks: Vec<&[u8]> = content.chunks(BLOB_PART_BYTES).collect();
        let parts = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
        let part = |(part, bytes): (u32, &&[u8])| BlobPart {
            part,
            parts,
            size: content.len() as u64,
            data: BASE64.encode(bytes),
        };
        (0..).zip(&chunks).map(part).collect()
    }

    /// The content in these parts, in their order, if they are all there and are what their name
    /// says.
    pub fn content<'a>(id: BlobId, parts: impl IntoIterator<Item = &'a str>) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        for data in parts {
            BASE64.decode_vec(data, &mut content).ok()?;
        }
        (BlobId::of(&content) == id).then_some(content)
    }

    /// Whether every part is there.
    pub fn is_whole(&self) -> bool {
        self.parts > 0 && self.stored == self.parts
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: BlobCommand) -> Result<Vec<BlobEvent>, BlobError> {
        let BlobCommand::Store(new) = command;
        if new.part < self.stored {
            return Ok(vec![]);
        }
        if new.part > self.stored {
            return Err(BlobError::Gap { part: new.part, next: self.stored });
        }
        Ok(vec![BlobEvent::Stored(new)])
    }

    fn evolve(&mut self, event: &BlobEvent) {
        let BlobEvent::Stored(BlobPart { part, parts, .. }) = event;
        (self.stored, self.parts) = (part + 1, *parts);
    }
}

aggregate!(Blob: "blob", BlobCommand -> BlobEvent | BlobError);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::testing::given;

    #[test]
    fn a_content_comes_back_from_its_parts() {
        let content: Vec<u8> = (0..=u8::MAX).cycle().take(2 * BLOB_PART_BYTES + 5).collect();
        let (id, parts) = (BlobId::of(&content), Blob::parts_of(&content));
        assert_eq!((parts.len(), parts[2].size), (3, content.len() as u64));
        assert!(parts.iter().all(|part| part.data.len() < 250 * 1024));
        let data = || parts.iter().map(|part| part.data.as_str());
        assert_eq!(Blob::content(id, data()), Some(content));
        assert_eq!(Blob::content(id, data().skip(1)), None);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().to_uppercase().parse::<BlobId>().is_err());
    }

    #[test]
    fn a_part_that_is_there_is_not_stored_again() {
        let parts = Blob::parts_of(&vec![7; BLOB_PART_BYTES + 1]);
        let store = |index: usize| BlobCommand::Store(parts[index].clone());
        let stored = |index: usize| BlobEvent::Stored(parts[index].clone());
        given::<Blob>([]).when(store(0)).then_expect_events(vec![stored(0)]);
        given::<Blob>([stored(0)]).when(store(0)).then_expect_events(vec![]);
        given::<Blob>([stored(0)]).when(store(1)).then_expect_events(vec![stored(1)]);
        given::<Blob>([]).when(store(1)).then_expect_error(BlobError::Gap { part: 1, next: 0 });
    }
}
