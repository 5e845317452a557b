//! How somebody shows who he is.

use serde::{Deserialize, Serialize};

/// One way; as `amr` of RFC 8176 where that has a word.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Method {
    BackupCode,
    /// A provider said so.
    OAuth,
    Passkey,
    Password,
    Totp,
}
