//! The workspace of a moment, with the texts of its files.

use chrono::{DateTime, Utc};
use domain::kernel::Singleton;
use domain::self_editing::{Change, Edit, Workspace};

use super::SelfEditing;
use super::merge::{Files, changed};
use crate::CommandError;
use crate::ports::Loaded;

/// A moment in the life of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Now,
    Position(u64),
    Revision(u64),
    Time(DateTime<Utc>),
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    revision: u64,
    files: Files,
}

impl Tree {
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn files(&self) -> &Files {
        &self.files
    }

    pub fn file(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }
}

impl Tree {
    /// The workspace as it would be after some changes, which is no revision yet.
    pub(super) fn changed(&self, changes: &[Change]) -> Self {
        Self { revision: self.revision + 1, files: changed(self.files.clone(), changes) }
    }
}

impl SelfEditing {
    /// What an edit does to files, with their texts.
    pub async fn changes_of(&self, edit: &Edit) -> Result<Vec<Change>, CommandError> {
        self.blobs.open(edit.changes()).await
    }

    /// The workspace of a moment, and the commit that made it so.
    pub async fn workspace_at(&self, moment: Moment) -> Result<(Tree, u64), CommandError> {
        let (workspace, position) = self.kept_at(moment).await?;
        let files = self.blobs.files(&workspace).await?;
        Ok((Tree { revision: workspace.revision(), files }, position))
    }

    async fn kept_at(&self, moment: Moment) -> Result<(Workspace, u64), CommandError> {
        if moment == Moment::Now {
            let Loaded { aggregate, position, .. } = self.workspace.load(&Singleton).await?;
            return Ok((aggregate, position));
        }
        self.past.at(&self.journal, moment).await
    }
}
