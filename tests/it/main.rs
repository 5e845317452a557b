//! Stories of the whole system, one binary for all of them.

mod databases;
mod discord_simulator;
mod executor;
mod house_rules;
mod operational;
mod privacy;
mod services;
mod vault;
