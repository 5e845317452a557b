//! Behaviors: scripts of the workspace that say in their head what they are.

mod check;
mod entrusted;
mod head;

pub(crate) use check::{check_scripts, check_tests, is_behavior};
pub use entrusted::powers_of;
pub use head::{Happening, Head, Kind, OptionKind, SlashOption};
