//! The settings of behaviors: what the scripts of one server may use, and how long edits are watched.

use commands::behaviors::Budget;
use serde::Deserialize;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviors {
    pub guild_operations_per_minute: u64,
    pub guild_ms_per_minute: u32,
    pub watch_s: u32,
}

impl Behaviors {
    pub(crate) fn budget(&self) -> Budget {
        Budget {
            operations: self.guild_operations_per_minute,
            took_us: u64::from(self.guild_ms_per_minute) * 1_000,
        }
    }
}
