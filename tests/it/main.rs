//! Stories of the whole system, one binary for all of them.
#![expect(clippy::large_futures, reason = "a test has the stack for itself")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api_contexts;
mod api_document;
mod api_frame;
mod api_keys;
mod api_live;
mod api_self_editing;
mod behaviors;
mod blobs;
mod bot;
mod command_line;
mod compensations;
mod crash;
mod cut_off;
mod databases;
mod discord_simulator;
mod edit_commands;
mod edit_limits;
mod edit_past;
mod event_log;
mod executor;
mod explain;
mod golden;
mod house_rules;
mod import;
mod installation;
mod live_behaviors;
mod mfa;
mod mirror;
mod operating;
mod operational;
mod papers;
mod passkeys;
mod privacy;
mod reactors;
mod rehearsals;
mod restored;
mod sandbox;
mod self_editing;
mod services;
mod suggest;
mod vault;
mod verify;
mod views;
