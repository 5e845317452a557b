//! What is in a file of the workspace: a text, or the name of a large one that is kept apart.

use serde::{Deserialize, Serialize};

use crate::kernel::BlobId;

/// The largest text, in bytes, that stands in an event itself.
pub const MAX_INLINE_BYTES: usize = 64 * 1024;

/// How many bytes the texts of one event have together, as JSON; the largest ones beyond it are
/// kept apart as well, so that a commit never becomes too large for the log.
pub const MAX_INLINE_TOTAL: usize = 256 * 1024;

/// What becomes of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub path: String,
    /// None deletes it.
    pub content: Option<String>,
}

/// What becomes of one file, as events hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptChange {
    pub path: String,
    /// None deletes it.
    pub content: Option<Content>,
}

/// What is in a file. A text is just that on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    Blob(BlobRef),
    Text(String),
}

/// Names a large content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    pub blob: BlobId,
    /// In bytes.
    pub size: u64,
}

impl Content {
    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Blob(kept) => kept.size,
            Self::Text(text) => text.len() as u64,
        }
    }
}

impl From<Change> for KeptChange {
    fn from(Change { path, content }: Change) -> Self {
        Self { path, content: content.map(Content::Text) }
    }
}

impl Change {
    /// The changes as an event holds them, and which texts have to be kept apart for it.
    pub fn keep(changes: &[Self]) -> (Vec<KeptChange>, Vec<(BlobRef, &str)>) {
        let texts = changes.iter().enumerate();
        let texts = texts.filter_map(|(at, it)| Some((at, it.content.as_deref()?)));
        let mut sizes: Vec<_> = texts.map(|(at, text)| (encoded(text), at, text)).collect();
        sizes.sort_unstable_by(|one, other| other.cmp(one));
        let mut total: usize = sizes.iter().map(|(size, ..)| size).sum();

        let mut kept: Vec<KeptChange> = changes.iter().cloned().map(KeptChange::from).collect();
        let mut apart = Vec::new();
        for (size, at, text) in sizes {
            if text.len() > MAX_INLINE_BYTES || total > MAX_INLINE_TOTAL {
                let blob = BlobId::of(text.as_bytes());
                let name = BlobRef { blob, size: text.len() as u64 };
                kept[at].content = Some(Content::Blob(name));
                apart.push((name, text));
                total -= size;
            }
        }
        (kept, apart)
    }
}

/// How many bytes a text has as JSON.
fn encoded(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum::<usize>() + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_texts_are_kept_apart() {
        let changes = [
            change("a", Some("x".repeat(MAX_INLINE_BYTES))),
            change("b", Some("x".repeat(MAX_INLINE_BYTES + 1))),
            change("c", None),
        ];
        let (kept, apart) = Change::keep(&changes);
        assert!(matches!(kept[0].content, Some(Content::Text(_))));
        let Some(Content::Blob(name)) = kept[1].content else { panic!("{:?}", kept[1]) };
        assert_eq!((apart.len(), apart[0].0, name.size), (1, name, MAX_INLINE_BYTES as u64 + 1));
        assert_eq!(kept[2].content, None);
    }

    #[test]
    fn many_texts_never_make_an_event_too_large() {
        let many: Vec<_> =
            (0..50).map(|n| change(&n.to_string(), Some("\u{1}".repeat(60_000 + n)))).collect();
        let (kept, apart) = Change::keep(&many);
        let written = serde_json::to_string(&kept).unwrap();
        assert!(written.len() < MAX_INLINE_TOTAL + 50 * 200, "{}", written.len());
        assert!(apart.len() >= 49);
        let few = &many[..1];
        assert_eq!(serde_json::to_string(&few[0].content).unwrap().len(), 6 * 60_000 + 2);
        assert_eq!(encoded(few[0].content.as_deref().unwrap()), 6 * 60_000 + 2);
    }

    #[test]
    fn a_text_stands_on_disk_as_it_always_did() {
        let kept = KeptChange::from(change("a", Some("x = 1".into())));
        let json = r#"{"path":"a","content":"x = 1"}"#;
        assert_eq!(serde_json::to_string(&kept).unwrap(), json);
        assert_eq!(serde_json::from_str::<KeptChange>(json).unwrap(), kept);
        let gone = r#"{"path":"a","content":null}"#;
        assert_eq!(serde_json::from_str::<KeptChange>(gone).unwrap(), change("a", None).into());
        let large = [change("a", Some("x".repeat(MAX_INLINE_BYTES + 1)))];
        let (large, _) = Change::keep(&large);
        let json = serde_json::to_string(&large).unwrap();
        assert!(json.len() < 200, "{json}");
        assert_eq!(serde_json::from_str::<Vec<KeptChange>>(&json).unwrap(), large);
    }

    fn change(path: &str, content: Option<String>) -> Change {
        Change { path: path.into(), content }
    }
}
