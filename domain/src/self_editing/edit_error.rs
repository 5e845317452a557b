//! Why a command on an edit is refused.

use crate::kernel::{Ground, Rejection};

/// See the module.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("an AI approves no edits: ask a person")]
    ByAi,
    #[error("this edit exists already")]
    Exists,
    #[error("the edit's content is not the one you looked at; look again")]
    OtherContent,
    #[error("authors cannot approve their own edits")]
    OwnEdit,
    #[error("the edit is {is}; only an edit that is {needed} can be {wanted}")]
    TooEarly { is: &'static str, needed: &'static str, wanted: &'static str },
    #[error("there is no such edit")]
    Unknown,
}

impl Rejection for EditError {
    fn ground(&self) -> Ground {
        match self {
            Self::Exists | Self::OtherContent | Self::TooEarly { .. } => Ground::State,
            Self::ByAi | Self::OwnEdit => Ground::Person,
            Self::Unknown => Ground::Missing,
        }
    }
}
