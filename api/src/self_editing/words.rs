//! The words of self-editing on the wire, and what they mean.

use std::collections::BTreeSet;

use commands::self_editing::Moment;
use domain::kernel::Scope;
use domain::self_editing::Status;
use poem_openapi::Enum;

use crate::answer::Result;
use crate::error::ApiError;

/// What an edit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "Scope", rename_all = "snake_case")]
pub(crate) enum ScopeWord {
    Features,
    Performance,
    Security,
}

/// A status to look for; those of the history, and the finer ones of edits.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub(super) enum PastStatus {
    Applied,
    Approved,
    Checked,
    Failed,
    Pending,
    Proposed,
    Rejected,
    RolledBack,
    Success,
}

/// A time or a position.
pub(crate) fn moment(field: &str, text: &str) -> Result<Moment> {
    if let Ok(position) = text.parse() {
        return Ok(Moment::Position(position));
    }
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(Moment::Time(time.to_utc())),
        Err(_) => {
            Err(ApiError::field(field, "must be a time as RFC 3339 writes it, or a position"))
        }
    }
}

impl PastStatus {
    pub(super) fn statuses(self) -> Vec<Status> {
        match self {
            Self::Applied | Self::Success => vec![Status::Applied],
            Self::Approved => vec![Status::Approved],
            Self::Checked => vec![Status::Checked],
            Self::Failed => vec![Status::Failed],
            Self::Pending => vec![Status::Proposed, Status::Checked, Status::Approved],
            Self::Proposed => vec![Status::Proposed],
            Self::Rejected => vec![Status::Rejected],
            Self::RolledBack => vec![Status::RolledBack],
        }
    }
}

impl ScopeWord {
    pub(crate) fn all(scopes: &BTreeSet<Scope>) -> Vec<Self> {
        scopes.iter().copied().map(Self::from).collect()
    }

    pub(crate) fn scopes(words: Vec<Self>) -> BTreeSet<Scope> {
        words.into_iter().map(Scope::from).collect()
    }
}

impl From<Scope> for ScopeWord {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Features => Self::Features,
            Scope::Performance => Self::Performance,
            Scope::Security => Self::Security,
        }
    }
}

impl From<ScopeWord> for Scope {
    fn from(word: ScopeWord) -> Self {
        match word {
            ScopeWord::Features => Self::Features,
            ScopeWord::Performance => Self::Performance,
            ScopeWord::Security => Self::Security,
        }
    }
}
