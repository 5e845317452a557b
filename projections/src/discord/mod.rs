//! What was seen on Discord.

pub mod activity;
pub mod channels;
pub mod guilds;
pub mod members;
pub mod messages;
