//! What can be asked of the platform, and what it does about what happened.

pub mod conversation;
pub mod discord;
mod error;
mod executor;
pub mod identity;
pub mod integrations;
mod leased;
pub mod lifecycle;
mod memory;
pub mod ports;
mod reactor;
mod run_reactors;
pub mod self_editing;
pub mod transfer;
pub mod verify;

pub use error::{CommandError, Refusal};
pub use executor::Executor;
pub use leased::while_leased;
pub use reactor::{Reactor, Setback, describe};
pub use run_reactors::{Ground, StartFrom, prepare_reactors, run_reactors};
