//! Shows the workspace to people, revision by revision, outside of the platform.

use chrono::{DateTime, Utc};
use domain::kernel::{Actor, EditId, Person, Scope};
use domain::self_editing::{Change, RevisionKind};

/// One revision of the workspace, as people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub standing: Standing,
    pub kind: RevisionKind,
    pub author: Actor,
    /// Who made it live.
    pub by: Actor,
    pub at: DateTime<Utc>,
    pub scope: Option<Scope>,
    /// The finer type of the edit.
    pub of_type: String,
    /// What it is good for; may hold personal data of its author.
    pub reason: String,
    pub changes: Vec<Change>,
}

/// The newest revision that a mirror shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub edit: EditId,
    pub revision: u64,
    /// The commit that made it.
    pub position: u64,
}

/// Why a mirror cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[error("the mirror of the workspace: {0}")]
pub struct MirrorError(pub String);

/// See the module. What it does, it does to files, and takes a moment.
pub trait Mirror: Send + Sync {
    /// Forgets everything, the objects of the past included.
    fn clear(&self) -> Result<(), MirrorError>;

    /// Adds the next revision.
    fn add(&self, shown: &Shown) -> Result<(), MirrorError>;

    /// Notes that everything up to this position of the log is considered.
    fn note(&self, position: u64) -> Result<(), MirrorError>;

    /// What it shows, and how far the log was considered; none when it has to begin anew.
    fn look(&self) -> Result<Option<(Standing, u64)>, MirrorError>;

    /// Puts what was cut off, or changed by hand, back as it should be.
    fn repair(&self) -> Result<(), MirrorError>;

    /// Whether it holds words of this person.
    fn names(&self, person: &Person) -> Result<bool, MirrorError>;
}
