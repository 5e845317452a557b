//! Which files of the workspace are behaviors, and what they are called.

use domain::kernel::BehaviorId;

/// How the files of behaviors and of their tests end.
const SCRIPT: &str = ".rhai";
const TESTS: &str = ".test.rhai";

pub(crate) fn is_behavior(path: &str) -> bool {
    path.starts_with("behaviors/") && path.ends_with(SCRIPT) && !path.ends_with(TESTS)
}

/// The tests of a behavior.
pub(crate) fn tests_of(script: &str) -> String {
    format!("{}{TESTS}", script.strip_suffix(SCRIPT).unwrap_or(script))
}

/// The behavior that a file belongs to: it is its script or its tests.
pub(crate) fn script_of(path: &str) -> String {
    path.strip_suffix(TESTS).map_or_else(|| path.to_owned(), |stem| format!("{stem}{SCRIPT}"))
}

/// `dice` of `behaviors/dice.rhai`.
pub(crate) fn name_of(path: &str) -> &str {
    let name = path.strip_prefix("behaviors/").unwrap_or(path);
    name.strip_suffix(SCRIPT).unwrap_or(name)
}

/// The same as an id.
pub(crate) fn behavior_of(path: &str) -> Option<BehaviorId> {
    name_of(path).parse().ok()
}
