//! What people say about edits: a new one, and a word on one.

use std::collections::BTreeSet;

use super::{EditEvent, KeptChange};
use crate::kernel::{Actor, Personal, Scope};

/// Somebody's word on an edit.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    pub by: Actor,
    pub comment: Option<Personal<String>>,
    /// The content that was looked at; the approval holds for nothing else.
    pub content_hash: Option<String>,
    /// Approve one's own edit, as the only administrator.
    pub alone: bool,
}

/// An edit somebody would like to see.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEdit {
    pub author: Actor,
    pub scope: Scope,
    pub kind: String,
    pub description: Personal<String>,
    pub base_revision: u64,
    pub changes: Vec<KeptChange>,
    pub content_hash: String,
    /// What its author may do himself, as names of powers; none: nobody asks.
    pub author_powers: Option<BTreeSet<String>>,
}

impl NewEdit {
    pub(super) fn proposed(self) -> EditEvent {
        EditEvent::Proposed {
            author: self.author,
            scope: self.scope,
            kind: self.kind,
            description: self.description,
            base_revision: self.base_revision,
            changes: self.changes,
            content_hash: self.content_hash,
            author_powers: self.author_powers,
        }
    }
}
