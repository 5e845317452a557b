//! The shape of an export, as far as we read it: lenient about what may be missing or null.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

/// A message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportedMessage<'a> {
    #[serde(borrow)]
    pub(super) id: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) r#type: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) timestamp: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) timestamp_edited: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) content: Option<String>,
    #[serde(borrow)]
    pub(super) author: ExportedUser<'a>,
    #[serde(default)]
    pub(super) attachments: Option<Vec<ExportedFile>>,
    #[serde(borrow, default)]
    pub(super) reactions: Option<Vec<ExportedReaction<'a>>>,
    #[serde(borrow, default)]
    pub(super) reference: Option<ExportedReference<'a>>,
}

/// Who wrote a message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportedUser<'a> {
    #[serde(borrow)]
    pub(super) id: Loose<'a>,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) nickname: Option<String>,
    #[serde(default)]
    pub(super) is_bot: Option<bool>,
}

/// A file that came with a message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportedFile {
    #[serde(default)]
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) file_name: Option<String>,
    #[serde(default)]
    pub(super) file_size_bytes: Option<u64>,
}

/// What a message refers to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportedReference<'a> {
    #[serde(borrow, default)]
    pub(super) r#type: Option<Loose<'a>>,
    #[serde(borrow, default)]
    pub(super) message_id: Option<Loose<'a>>,
}

/// An emoji below a message, and who put it there; older exports do not say who.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportedReaction<'a> {
    #[serde(borrow)]
    pub(super) emoji: ExportedEmoji<'a>,
    #[serde(default)]
    pub(super) count: Option<u64>,
    #[serde(borrow, default)]
    pub(super) users: Option<Vec<ExportedReactor<'a>>>,
}

/// An emoji; one of Unicode has no id, or an empty one.
#[derive(Debug, Deserialize)]
pub(super) struct ExportedEmoji<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Loose<'a>>,
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// Who reacted.
#[derive(Debug, Deserialize)]
pub(super) struct ExportedReactor<'a> {
    #[serde(borrow)]
    pub(super) id: Loose<'a>,
}

/// The server.
#[derive(Debug, Deserialize)]
pub(super) struct ExportedGuild<'a> {
    #[serde(borrow)]
    pub(super) id: Loose<'a>,
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// The channel.
#[derive(Debug, Deserialize)]
pub(super) struct ExportedChannel<'a> {
    #[serde(borrow)]
    pub(super) id: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) r#type: Option<Loose<'a>>,
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// A text, or a number that stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Loose<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Loose<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Loose(text.into()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Loose(number.to_string().into()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Loose(text.to_owned().into()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Loose(number.to_string().into()))
            }
        }

        from.deserialize_any(Either)
    }
}
