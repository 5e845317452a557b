//! How edits look over HTTP.

use std::collections::HashMap;

use commands::self_editing::Extent;
use domain::kernel::{Actor, ActorKind};
use domain::self_editing::Finding;
use poem_openapi::{Enum, Object};
use projections::self_editing::decisions;
use projections::self_editing::edits::Model;
use projections::self_editing::files::Compared;
use uuid::Uuid;

use super::rehearsals::EditRehearsal;
use super::watch::WatchView;
use crate::audit::ActorView;
use crate::request;

/// How much an edit changes.
#[derive(Debug, Clone, Default, Object)]
pub(crate) struct EditChanges {
    files_modified: u64,
    lines_added: u64,
    lines_removed: u64,
}

/// An edit.
#[derive(Object)]
pub(crate) struct EditView {
    id: Uuid,
    /// `proposed`, `checked`, `approved`, `rejected`, `applied`, `failed` or `rolled_back`.
    status: String,
    scope: String,
    #[oai(rename = "type")]
    kind: String,
    description: String,
    author: ActorView,
    /// The revision of the workspace that its author looked at.
    base_revision: u64,
    /// Names what it changes; an approval may be bound to it.
    content_hash: String,
    created_at: String,
    changes: EditChanges,
    checks: Vec<EditCheck>,
    rollback_available: bool,
    /// As a unified diff.
    diff: String,
    approvals: Vec<EditApproval>,
    rehearsals: Vec<EditRehearsal>,
    /// The revision of the workspace that it made.
    #[oai(skip_serializing_if_is_none)]
    revision: Option<u64>,
    #[oai(skip_serializing_if_is_none)]
    applied_at: Option<String>,
    /// Where in the log it went live.
    #[oai(skip_serializing_if_is_none)]
    applied_position: Option<u64>,
    /// Why it failed, or who rejected it and why.
    #[oai(skip_serializing_if_is_none)]
    failure: Option<String>,
    /// What was seen of it since it went live.
    #[oai(skip_serializing_if_is_none)]
    watch: Option<WatchView>,
}

#[derive(Object)]
pub(crate) struct EditCheck {
    name: String,
    status: CheckStatus,
    findings: Vec<EditFinding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum CheckStatus {
    Failed,
    Passed,
    Running,
}

#[derive(Object)]
pub(crate) struct EditFinding {
    file: String,
    #[oai(skip_serializing_if_is_none)]
    line: Option<u32>,
    reason: String,
}

#[derive(Object)]
pub(crate) struct EditApproval {
    by: ActorView,
    at: String,
    #[oai(skip_serializing_if_is_none)]
    comment: Option<String>,
}

impl EditFinding {
    pub(crate) fn of(Finding { file, line, reason }: Finding) -> Self {
        Self { file, line, reason }
    }
}

impl EditChanges {
    /// Counted line by line.
    pub(super) fn of(Compared { files, lines, .. }: &Compared) -> Self {
        let (lines_added, lines_removed) = (lines.added, lines.removed);
        Self { files_modified: *files, lines_added, lines_removed }
    }
}

impl From<Extent> for EditChanges {
    fn from(extent: Extent) -> Self {
        let Extent { files_modified, lines_added, lines_removed } = extent;
        Self { files_modified, lines_added, lines_removed }
    }
}

/// The word of seed 000's history.
pub(super) fn past_status(status: &str) -> &str {
    match status {
        "proposed" | "checked" | "approved" => "pending",
        "applied" => "success",
        other => other,
    }
}

/// The people and machines that an edit names.
pub(super) fn actors(edit: &Model, words: &[decisions::Model]) -> Vec<Actor> {
    let author = actor(&edit.author_kind, &edit.author_id);
    let others = words.iter().filter_map(|word| actor(&word.by_kind, &word.by_id));
    author.into_iter().chain(others).collect()
}

pub(super) fn actor(kind: &str, id: &str) -> Option<Actor> {
    let kind = kind.parse::<ActorKind>().ok()?;
    Some(Actor { kind, id: id.to_owned() })
}

/// The whole edit.
pub(super) fn shown(
    edit: Model,
    changes: Compared,
    words: &[decisions::Model],
    names: &HashMap<Actor, String>,
    rehearsals: Vec<EditRehearsal>,
    watch: Option<WatchView>,
) -> EditView {
    let view = |kind: &str, id: &str| {
        let actor = actor(kind, id).unwrap_or_else(|| Actor::system(id));
        ActorView::of(&actor, names)
    };
    let checks = edit.checks().into_iter().map(|check| EditCheck {
        name: check.name,
        status: if check.passed { CheckStatus::Passed } else { CheckStatus::Failed },
        findings: check.findings.into_iter().map(EditFinding::of).collect(),
    });
    let approvals = words.iter().filter(|word| word.decision == "approved");
    let approvals = approvals.map(|word| EditApproval {
        by: view(&word.by_kind, &word.by_id),
        at: request::shown(word.decided_at.0),
        comment: word.comment.clone(),
    });
    let rejected = words.iter().find(|word| word.decision == "rejected");
    let rejected = rejected.and_then(|word| word.comment.clone());
    EditView {
        checks: checks.collect(),
        approvals: approvals.collect(),
        rehearsals,
        watch,
        author: view(&edit.author_kind, &edit.author_id),
        base_revision: edit.base_revision.cast_unsigned(),
        created_at: request::shown(edit.created_at.0),
        changes: EditChanges::of(&changes),
        rollback_available: edit.rollback_available(),
        diff: changes.diff,
        revision: edit.revision.map(i64::cast_unsigned),
        applied_at: edit.applied_at.map(|at| request::shown(at.0)),
        applied_position: edit.applied_position.map(i64::cast_unsigned),
        failure: edit.failure.or(rejected),
        id: edit.id,
        status: edit.status,
        scope: edit.scope,
        kind: edit.kind,
        description: edit.description,
        content_hash: edit.content_hash,
    }
}
