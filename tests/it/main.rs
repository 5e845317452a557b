//! Stories of the whole system, one binary for all of them.

mod discord_simulator;
mod house_rules;
mod services;
