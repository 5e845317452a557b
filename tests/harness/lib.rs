//! What the tests stand on.

pub mod accounts;
pub mod commits;
pub mod databases;
pub mod doors;
pub mod embedded;
pub mod journals;
pub mod proxy;
pub mod second_factors;
pub mod services;
#[path = "../simulators/mod.rs"]
pub mod simulators;
pub mod stage;
pub mod stand_ins;
