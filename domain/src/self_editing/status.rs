//! The words for how far an edit has come.

use serde::{Deserialize, Serialize};

/// How far an edit has come, in the words people see.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr, strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    Applied,
    Approved,
    Checked,
    Failed,
    Proposed,
    Rejected,
    RolledBack,
}

impl Status {
    /// The word people see.
    pub fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Approved => "approved",
            Self::Checked => "checked",
            Self::Failed => "failed",
            Self::Proposed => "proposed",
            Self::Rejected => "rejected",
            Self::RolledBack => "rolled_back",
        }
    }
}
