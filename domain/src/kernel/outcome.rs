//! What became of something that was to be done outside.

use serde::{Deserialize, Serialize};

/// What became of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It happened; this is its id outside.
    Delivered { outside_id: String },
    /// It did not happen and will not.
    Failed { reason: String },
    /// Nobody can say whether it happened.
    Unknown { reason: String },
}
