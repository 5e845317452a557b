//! `/self-editing/rollback`: taking back.

use commands::self_editing::{Compensations, Rollback, SelfEditing, Target};
use commands::{CommandError, describe};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::effects::{self, CanUndo, CannotUndo};
use super::shapes::EditChanges;
use super::words::moment;
use crate::Tag;
use crate::answer::{Result, Written};
use crate::auth::{May, needs};
use crate::error::ApiError;

pub(crate) struct RollbackApi {
    pub(crate) compensations: Compensations,
    pub(crate) self_editing: SelfEditing,
}

/// Either an edit to take back, or a moment to go back to.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewRollback {
    #[oai(validator(min_length = 1, max_length = 64))]
    edit_id: Option<String>,
    /// A time (RFC 3339) or a position.
    #[oai(validator(min_length = 1, max_length = 40))]
    to: Option<String>,
    #[oai(validator(min_length = 1, max_length = 2000))]
    reason: String,
    /// Where later edits changed the same lines, restore the older content.
    #[oai(default)]
    force: bool,
    /// Only say what would happen.
    #[oai(default)]
    preview: bool,
}

#[derive(Object)]
struct RollbackDone {
    rollback_id: Option<Uuid>,
    #[oai(skip_serializing_if_is_none)]
    edit_id: Option<Uuid>,
    /// `rolled_back`, `preview`, or `unchanged` when the files were so already.
    status: String,
    /// The revision of the workspace that is live now.
    revision: u64,
    changes: EditChanges,
    /// The same, file by file.
    files: Vec<RollbackFile>,
    /// What changes, as a unified diff.
    diff: String,
    /// Of a preview: where later edits changed the same lines. Without `force` that is refused.
    conflicts: Vec<RollbackConflict>,
    /// Of a preview: what the behaviors did so far that a compensation can take back afterwards.
    #[oai(skip_serializing_if_is_none)]
    can_undo: Option<CanUndo>,
    /// Of a preview: what stays.
    #[oai(skip_serializing_if_is_none)]
    cannot_undo: Option<CannotUndo>,
}

#[derive(Object)]
struct RollbackFile {
    path: String,
    /// `added`, `deleted` or `modified`.
    change: String,
    lines_added: u64,
    lines_removed: u64,
}

#[derive(Object)]
struct RollbackConflict {
    file: String,
    hunk: String,
}

#[OpenApi(prefix_path = "/api/v1/self-editing", tag = "Tag::SelfEditing")]
impl RollbackApi {
    /// Take an edit back, or go back to a moment
    ///
    /// History stays as it was: a rollback is a new revision, and can be taken back itself.
    #[oai(path = "/rollback", method = "post", operation_id = "rollBack")]
    async fn roll_back(
        &self,
        may: May<needs::RollbackSelfEdit>,
        body: Json<NewRollback>,
    ) -> Result<Written<RollbackDone>> {
        let NewRollback { edit_id, to, reason, force, preview } = body.0;
        let target = match (edit_id, to) {
            (Some(id), None) => Target::Edit(id.parse().map_err(|_| no_edit(&id))?),
            (None, Some(to)) => Target::Moment(moment("to", &to)?),
            _ => return Err(ApiError::field("edit_id", "give either edit_id or to")),
        };
        let rollback = Rollback { target, reason, force, preview };
        let done = self.self_editing.roll_back(&may.caller, rollback).await?;
        let status = match done.position {
            _ if preview => "preview",
            Some(_) => "rolled_back",
            None => "unchanged",
        };
        let foreseen = if preview {
            let foreseen = self.compensations.foreseen(&may.caller, target, &done.files).await;
            // The files can be looked at without the read models.
            let late = |error: &CommandError| tracing::warn!(error = %describe(error), "effects are unknown");
            foreseen.inspect_err(late).ok().map(effects::figures)
        } else {
            None
        };
        let (can_undo, cannot_undo) = foreseen.unzip();
        let conflicts = done.conflicts.into_iter();
        let files = done.files.into_iter().map(|it| RollbackFile {
            path: it.path,
            change: it.change.to_owned(),
            lines_added: it.lines_added,
            lines_removed: it.lines_removed,
        });
        let data = RollbackDone {
            rollback_id: done.id.map(|id| id.0),
            edit_id: done.edit.map(|id| id.0),
            status: status.to_owned(),
            revision: done.revision,
            changes: EditChanges::from(done.changes),
            files: files.collect(),
            diff: done.diff,
            conflicts: conflicts
                .map(|it| RollbackConflict { file: it.file, hunk: it.hunk })
                .collect(),
            can_undo,
            cannot_undo,
        };
        Ok(match done.position {
            Some(position) => Written::at(position, data),
            None if preview => Written::nothing(data),
            None => {
                Written::nothing(data).saying("nothing had to change: the files are so already")
            }
        })
    }
}

/// A rollback that names no edit has an error code of its own.
fn no_edit(id: &str) -> ApiError {
    ApiError {
        code: "INVALID_EDIT_ID",
        ..ApiError::field("edit_id", format!("there is no edit {id}"))
    }
}
