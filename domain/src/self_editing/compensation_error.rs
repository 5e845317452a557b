//! Why a command on a compensation is refused.

use crate::kernel::{Ground, Rejection};

/// See the module.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompensationError {
    #[error("the compensation is approved, and at work; it can no longer be rejected")]
    Approved,
    #[error("an AI approves no compensations: ask a person")]
    ByAi,
    #[error("there is nothing to take back")]
    Empty,
    #[error("the compensation is not approved; only one that is can be carried out")]
    NotApproved,
    #[error("nobody approves a compensation that he proposed himself")]
    Own,
    #[error("the compensation is rejected; propose another one")]
    Rejected,
    #[error("a compensation has at most 1000 steps; propose several")]
    TooMany,
    #[error("there is no such compensation, or no such step")]
    Unknown,
}

impl Rejection for CompensationError {
    fn ground(&self) -> Ground {
        match self {
            Self::Approved | Self::Empty | Self::NotApproved | Self::Rejected => Ground::State,
            Self::ByAi | Self::Own => Ground::Person,
            Self::TooMany => Ground::Input,
            Self::Unknown => Ground::Missing,
        }
    }
}
