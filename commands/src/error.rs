//! The ways a use case can end badly.

use domain::identity::Permission;
use domain::kernel::{CryptError, Ground, LogError, Rejection};

/// Every front door renders these, and no others.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Someone else changed it first.
    #[error("this changed in the meantime, please try again")]
    Conflict,
    /// The actor lacks a permission.
    #[error("you may not do this: it needs the permission {needed}")]
    Forbidden { needed: Permission },
    /// The aggregate has another version than the one the caller asked for.
    #[error("this is at version {at} by now, not {wanted}; read it again")]
    Moved { wanted: u64, at: u64 },
    /// There is no such thing.
    #[error("{0} not found")]
    NotFound(String),
    /// A rule said no; the text is for the person who asked.
    #[error("{}", .0.reason)]
    Rejected(Box<Refusal>),
    /// Something outside is down; the cause is for the log.
    #[error("this is not available right now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a rule said.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub ground: Ground,
    pub reason: String,
    /// The error code, where the ground alone does not say it.
    pub code: Option<&'static str>,
    /// The field of the input that is wrong.
    pub field: Option<String>,
    /// More for machines.
    pub details: Option<serde_json::Value>,
}

impl CommandError {
    /// A refusal of a rule.
    pub fn rejected(no: &impl Rejection) -> Self {
        Self::Rejected(Box::new(Refusal {
            ground: no.ground(),
            reason: no.to_string(),
            code: no.code(),
            field: no.field().map(ToOwned::to_owned),
            details: None,
        }))
    }

    /// A field of the input is wrong.
    pub fn invalid(field: &str, reason: impl Into<String>) -> Self {
        Self::Rejected(Box::new(Refusal {
            ground: Ground::Input,
            reason: reason.into(),
            code: None,
            field: Some(field.to_owned()),
            details: None,
        }))
    }

    /// Something outside is down.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}

impl From<LogError> for CommandError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Conflict { .. } => Self::Conflict,
            LogError::TooLarge { .. } => Self::Rejected(Box::new(Refusal {
                ground: Ground::Input,
                reason: error.to_string(),
                code: Some("PAYLOAD_TOO_LARGE"),
                field: None,
                details: None,
            })),
            LogError::Corrupt(_) | LogError::Unavailable(_) => Self::unavailable(error),
        }
    }
}

impl From<CryptError> for CommandError {
    fn from(error: CryptError) -> Self {
        Self::unavailable(error)
    }
}
