//! How much happens, how fast, and how often it fails.

pub mod commands;
pub mod days;
pub mod overview;
pub mod performance;
pub mod samples;
pub mod users;
