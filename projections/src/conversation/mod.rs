//! Conversations and what was said in them.

pub mod conversations;
pub mod messages;
