//! What behaviors were called for, and what became of what they wanted.

pub mod actions;
pub mod bots;
pub mod calls;
pub mod effects;
