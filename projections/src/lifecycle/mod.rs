//! The bot and the processes that carry it.

pub mod bots;
pub mod processes;
