//! The audit trail: every event, who, when, why. This context only reads.

pub mod details;
pub mod trail;

pub use details::{details, shown};
