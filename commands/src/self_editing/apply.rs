//! Going live: an approved edit is merged into the workspace, in one commit.

use std::time::Duration;

use domain::identity::Permission;
use domain::kernel::{Actor, Cause, EditId, Expected, Ground, Scope, Singleton, StreamId};
use domain::lifecycle::Settings;
use domain::self_editing::{
    Change, Check, Edit, EditCommand, EditError, Finding, RevisionKind, Status, WorkspaceCommand,
};

use super::checks::{self, Tools};
use super::{Files, Moment, OWN_KINDS, ROLLBACK, SelfEditing, Tree, cause_of, conflict, merge};
use crate::ports::{Caller, Loaded};
use crate::{CommandError, Refusal};

/// How often an edit is merged again when the workspace moves meanwhile.
pub(super) const ATTEMPTS: usize = 8;

/// How long this process waits to hear of settings that another one changed.
const CATCHING_UP: Duration = Duration::from_millis(100);

impl SelfEditing {
    /// Make an approved edit live.
    pub async fn apply(&self, caller: &Caller, id: EditId) -> Result<u64, CommandError> {
        caller.require(Permission::ApproveSelfEdit)?;
        let edit = self.existing(id).await?.aggregate;
        self.require_open(edit.scope().unwrap_or(Scope::Features)).await?;
        self.go_live(&caller.cause, caller.actor(), id).await
    }

    pub(super) async fn go_live(
        &self,
        cause: &Cause,
        by: &Actor,
        id: EditId,
    ) -> Result<u64, CommandError> {
        for _ in 0..ATTEMPTS {
            let loaded = self.existing(id).await?;
            let edit = loaded.aggregate;
            match edit.status() {
                Some(Status::Approved) => {}
                Some(Status::Applied) => return Ok(loaded.position),
                status => {
                    let is = status.map_or("unknown", Status::word);
                    let no = EditError::TooEarly { is, needed: "approved", wanted: "applied" };
                    return Err(CommandError::rejected(&no));
                }
            }
            if let Some((revision, position)) = self.past.revision_of(&self.journal, id).await? {
                return self.mark_applied(cause, id, revision, position).await;
            }
            require_foreign(&edit)?;
            // In this order, which the emergency relies on: what it stands on, then whether it may.
            let (now, _) = self.workspace_at(Moment::Now).await?;
            if !self.knows_the_settings().await? {
                tokio::time::sleep(CATCHING_UP).await;
                continue;
            }
            self.require_open(edit.scope().unwrap_or(Scope::Features)).await?;
            let changes = match self.checked_merge(&edit, &now).await {
                Ok(changes) => changes,
                Err(no @ CommandError::Rejected(_)) => {
                    self.mark_failed(cause, id, no.to_string()).await?;
                    return Err(no);
                }
                Err(error) => return Err(error),
            };
            let changes = self.blobs.keep(cause, &changes).await?;
            let (base, kind) = (now.revision(), RevisionKind::Applied);
            let revise = WorkspaceCommand::Revise { base, kind, edit: id, by: by.clone(), changes };
            match self.workspace.execute(&Singleton, revise, &cause_of(cause, id)).await {
                // Which revision it is, is read back: this command may have been stored before.
                Ok(_) => {}
                Err(CommandError::Rejected(no)) if no.ground == Ground::State => {}
                // Merged it is something that the workspace never takes, such as a file too large.
                Err(no @ CommandError::Rejected(_)) => {
                    self.mark_failed(cause, id, no.to_string()).await?;
                    return Err(no);
                }
                Err(error) => return Err(error),
            }
        }
        Err(CommandError::Conflict)
    }

    /// Whether the settings that are remembered here are those of the log: another process may have
    /// changed them, and what is remembered is brought up to date a moment later.
    async fn knows_the_settings(&self) -> Result<bool, CommandError> {
        let Loaded { version, position, .. } = self.settings.load(&Singleton).await?;
        let after = match version {
            0 => Expected::New,
            version => Expected::Exact { version, position },
        };
        let stream = StreamId::of::<Settings>(&Singleton);
        Ok(self.journal.read_stream(&stream, after, 1).await?.is_empty())
    }

    /// What an edit changes of the present workspace. Where others changed that since the edit was
    /// written, its checks run again: they were about powers, names and tests of another one. So
    /// whatever is applied was checked as a whole, on the very revision that it changes. A file
    /// that was live already when the edit was checked, and so was not looked at, is no exception:
    /// it is left out here as well, or it was changed since, and that was another revision.
    async fn checked_merge(&self, edit: &Edit, now: &Tree) -> Result<Vec<Change>, CommandError> {
        let changes = self.merged(edit, now).await?;
        if now.revision() == edit.base_revision() {
            return Ok(changes);
        }
        let (base, edit) = (now.clone(), edit.clone());
        let checks = self.checked(base, now.clone(), edit, changes.clone()).await?;
        let failed = checks.into_iter().find(|check| !check.passed);
        let Some(Check { name, findings, .. }) = failed else { return Ok(changes) };
        let why = findings.first().map(told).unwrap_or_default();
        let reason =
            format!("merged with what others changed, the edit fails the check {name}: {why}");
        Err(broken(reason, &findings))
    }

    /// What an edit changes of the present workspace, with what came meanwhile; refused where both
    /// changed the same lines, or where they break a file together.
    pub(super) async fn merged(
        &self,
        edit: &Edit,
        now: &Tree,
    ) -> Result<Vec<Change>, CommandError> {
        let (base, _) = self.workspace_at(Moment::Revision(edit.base_revision())).await?;
        let (wanted, now, tools) = (self.changes_of(edit).await?, now.clone(), self.tools());
        // Merging and compiling take a thread for a moment.
        let put_together = move || {
            let merged = merge::merge(base.files(), now.files(), &wanted);
            let reason = "others changed the same lines in the meantime";
            let merged = merged.map_err(|conflicts| conflict(reason.to_owned(), &conflicts));
            merged.and_then(|merged| require_readable(&tools, now.files(), merged))
        };
        let merged = tokio::task::spawn_blocking(put_together).await;
        merged.map_err(CommandError::unavailable)?
    }

    pub(crate) async fn mark_applied(
        &self,
        cause: &Cause,
        id: EditId,
        revision: u64,
        position: u64,
    ) -> Result<u64, CommandError> {
        let command = EditCommand::MarkApplied { revision, position };
        let executed = self.edits.execute(&id, command, &cause.then("applied")).await?;
        Ok(executed.position.max(position))
    }

    pub(super) async fn mark_failed(
        &self,
        cause: &Cause,
        id: EditId,
        reason: String,
    ) -> Result<(), CommandError> {
        let command = EditCommand::MarkFailed { reason };
        match self.edits.execute(&id, command, &cause.then("failed")).await {
            Ok(_) => Ok(()),
            // It ended in another way meanwhile.
            Err(CommandError::Rejected(no)) if no.ground == Ground::State => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Files that are right by themselves may be broken once they are merged.
pub(super) fn require_readable(
    tools: &Tools,
    now: &Files,
    changes: Vec<Change>,
) -> Result<Vec<Change>, CommandError> {
    let findings = checks::broken(tools, now, &changes);
    let Some(Finding { file, line, reason }) = findings.first() else { return Ok(changes) };
    let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
    let reason = format!("merged with what others changed, {file} is broken{line}: {reason}");
    Err(broken(reason, &findings))
}

/// Edits of the platform itself go live with what decides them, or not at all: one that was cut
/// off is about a workspace of long ago.
fn require_foreign(edit: &Edit) -> Result<(), CommandError> {
    if !OWN_KINDS.contains(&edit.kind()) {
        return Ok(());
    }
    let reason = if edit.kind() == ROLLBACK {
        "a rollback that was cut off is not applied: reject it, and roll back once more, from what \
         is live now"
    } else {
        "the starting workspace is not applied: the platform lays it when it starts"
    };
    Err(CommandError::Rejected(Box::new(Refusal {
        ground: Ground::State,
        reason: reason.to_owned(),
        code: None,
        field: None,
        details: None,
    })))
}

fn told(Finding { file, line, reason }: &Finding) -> String {
    let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
    let gap = if file.is_empty() { "" } else { ": " };
    format!("{file}{line}{gap}{reason}")
}

fn broken(reason: String, findings: &[Finding]) -> CommandError {
    CommandError::Rejected(Box::new(Refusal {
        ground: Ground::State,
        reason,
        code: Some("CONFLICT"),
        field: None,
        details: Some(serde_json::json!({ "findings": findings })),
    }))
}
