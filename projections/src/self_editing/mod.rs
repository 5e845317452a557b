//! Edits of what the bot runs, and the files they change.

pub mod blobs;
pub mod compensation_steps;
pub mod compensations;
pub mod decisions;
pub mod edits;
pub mod files;
pub mod rehearsals;
pub mod revisions;
