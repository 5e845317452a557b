//! Behaviors: scripts of the workspace that say in their head what they are, called when something
//! happens.

mod budgets;
mod call;
mod check;
mod check_names;
mod command;
mod entrusted;
mod fed;
mod head;
mod mend_behaviors;
mod occasion;
mod paths;
mod perform_actions;
mod phrases;
mod readable;
mod registries;
mod registry;
mod run_behaviors;
mod timers;
mod turns;
mod watch_edits;

pub use budgets::{Budget, Budgets};
pub use call::Behaviors;
pub(crate) use check::{check_scripts, check_tests};
pub use check_names::OWN_COMMANDS;
pub(crate) use check_names::check_names;
pub use command::{Answer, Answered, Asked, Said};
pub use entrusted::powers_of;
pub(crate) use fed::{Fed, says_something};
pub use head::{Happening, Head, Kind, OptionKind, SlashOption};
pub use mend_behaviors::MendBehaviors;
pub use occasion::Seen;
pub(crate) use paths::{behavior_of, is_behavior, tests_of};
pub use perform_actions::PerformActions;
pub(crate) use readable::readable;
pub use registries::Registries;
pub use registry::{Live, Match, Registry};
pub use run_behaviors::RunBehaviors;
pub use timers::Timers;
pub(crate) use turns::{has_turns, matches_in_turn};
pub use watch_edits::WatchEdits;
