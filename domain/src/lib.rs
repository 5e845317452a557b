//! What the platform is about: the rules, and nothing but the rules.

pub mod behaviors;
pub mod conversation;
pub mod discord;
pub mod identity;
pub mod integrations;
pub mod kernel;
pub mod lifecycle;
pub mod self_editing;
