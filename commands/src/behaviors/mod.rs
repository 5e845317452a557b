//! Behaviors: scripts of the workspace that say in their head what they are.

mod check;
mod head;
mod readable;

pub(crate) use check::{check_scripts, check_tests};
pub use head::{Happening, Head, Kind, OptionKind, SlashOption};
pub(crate) use readable::readable;

/// How the files of behaviors and of their tests end.
const SCRIPT: &str = ".rhai";
const TESTS: &str = ".test.rhai";

/// Whether the file is the script of a behavior.
pub(crate) fn is_behavior(path: &str) -> bool {
    path.starts_with("behaviors/") && path.ends_with(SCRIPT) && !path.ends_with(TESTS)
}
