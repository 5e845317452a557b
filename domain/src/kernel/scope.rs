//! The areas of self-editing.

use serde::{Deserialize, Serialize};

/// What an edit is for; an area that can be opened or closed.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Scope {
    Features,
    Performance,
    Security,
}
