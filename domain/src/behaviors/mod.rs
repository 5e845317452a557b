//! Behaviors: what the scripts of the workspace may do, and what they want done.

mod action;
mod power;

pub use action::Action;
pub use power::Power;
