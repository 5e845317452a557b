//! Where the bot is installed on behalf of others.

pub mod installations;
