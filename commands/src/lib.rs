//! What can be asked of the platform, and what it does about what happened.

mod error;
pub mod ports;

pub use error::{CommandError, Refusal};
