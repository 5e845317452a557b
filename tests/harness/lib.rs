//! What the tests stand on.

pub mod databases;
pub mod embedded;
pub mod services;
#[path = "../simulators/mod.rs"]
pub mod simulators;
