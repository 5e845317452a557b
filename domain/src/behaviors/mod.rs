//! Behaviors: what the scripts of the workspace may do, what they want done, and what they did.

mod action;
mod behavior;
mod call;
mod facts;
mod open;
mod power;
mod tally;
mod undo;

pub use action::Action;
pub use behavior::Behavior;
pub use call::{Call, Effort, Hold};
pub use facts::{BehaviorCommand, BehaviorError, BehaviorEvent, Reminder};
pub use power::Power;
pub use tally::Tally;
pub use undo::undo;
