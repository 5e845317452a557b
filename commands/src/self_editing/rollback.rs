//! Taking back: one edit, or everything since a moment.

use domain::identity::Permission;
use domain::kernel::{Cause, EditId, Ground, Personal, Scope, Singleton};
use domain::self_editing::{Change, EditCommand, NewEdit, RevisionKind, Status, WorkspaceCommand};

use super::apply::{ATTEMPTS, require_readable};
use super::merge::{Conflict, Extent, FileExtent, Told, difference, merge};
use super::proposal::content_hash;
use super::{Moment, OWN_KINDS, ROLLBACK, SelfEditing, Tree, cause_of, conflict};
use crate::ports::{Caller, Loaded};
use crate::{CommandError, Refusal};

/// What somebody wants taken back.
#[derive(Debug, Clone)]
pub struct Rollback {
    pub target: Target,
    pub reason: String,
    /// Where later edits changed the same lines, the older content wins.
    pub force: bool,
    /// Only say what would happen.
    pub preview: bool,
}

/// What a rollback goes back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// As it was before this edit, later edits kept.
    Edit(EditId),
    /// As it was at this moment.
    Moment(Moment),
}

/// What a rollback came to.
#[derive(Debug, Clone, PartialEq)]
pub struct RolledBack {
    /// Itself an edit, which can be rolled back; none for a preview.
    pub id: Option<EditId>,
    pub edit: Option<EditId>,
    /// The revision that is live now.
    pub revision: u64,
    pub changes: Extent,
    /// The same, file by file.
    pub files: Vec<FileExtent>,
    /// What it changes, as one unified diff.
    pub diff: String,
    /// Of a preview: where later edits changed the same lines.
    pub conflicts: Vec<Conflict>,
    /// Set when something was done.
    pub position: Option<u64>,
}

/// How an attempt ended.
enum Tried {
    Done(RolledBack),
    InVain,
    Never,
}

/// What leads back from the workspace as it is.
struct WayBack {
    scope: Scope,
    now: Tree,
    changes: Vec<Change>,
    conflicts: Vec<Conflict>,
}

impl SelfEditing {
    /// Take an edit back, or go back to a moment. History stays as it was: a rollback is a new
    /// revision.
    pub async fn roll_back(
        &self,
        caller: &Caller,
        rollback: Rollback,
    ) -> Result<RolledBack, CommandError> {
        caller.require(Permission::RollbackSelfEdit)?;
        if rollback.reason.trim().is_empty() || rollback.reason.chars().count() > 2_000 {
            return Err(CommandError::invalid("reason", "has 1 to 2000 characters"));
        }
        super::proposal::require_readable("reason", "reason", &rollback.reason)?;
        let edit = match rollback.target {
            Target::Edit(id) => Some(id),
            Target::Moment(_) => None,
        };
        for attempt in 0..ATTEMPTS {
            let id = Self::id_of(&caller.cause, attempt);
            match self.tried_before(&caller.cause, id, rollback.target).await? {
                Tried::Done(done) => return Ok(done),
                Tried::InVain => continue,
                Tried::Never => {}
            }
            let WayBack { mut scope, now, changes, conflicts } = self.way_back(&rollback).await?;
            // Whatever is taken back, who may do what is a matter of security.
            if changes.iter().any(|it| it.path.starts_with("policies/")) {
                scope = Scope::Security;
            }
            let base = now.revision();
            if let Some(of) = edit
                && changes.is_empty()
                && !rollback.preview
                && let Some(by) = self.past.edit_of(&self.journal, base).await?
            {
                // What is live now took it back already; nobody has to watch it any more.
                self.mark_rolled_back(&caller.cause, of, by).await?;
            }
            if rollback.preview || changes.is_empty() {
                let told = Told::aside(now.files().clone(), changes).await?;
                let (revision, position) = (base, None);
                return Ok(RolledBack {
                    id: None,
                    edit,
                    revision,
                    changes: told.changes,
                    files: told.files,
                    diff: told.diff,
                    conflicts,
                    position,
                });
            }

            let tools = self.tools();
            let read = move || require_readable(&tools, now.files(), changes);
            let read = tokio::task::spawn_blocking(read).await;
            let changes = read.map_err(CommandError::unavailable)??;
            let by = caller.actor().clone();
            let kept = self.blobs.keep(&caller.cause, &changes).await?;
            let propose = EditCommand::ProposeDecided(NewEdit {
                description: Personal::of(by.person(), rollback.reason.clone()),
                author: by.clone(),
                scope,
                kind: ROLLBACK.to_owned(),
                base_revision: base,
                content_hash: content_hash(base, &changes),
                changes: kept.clone(),
                author_powers: None,
                asked_by: None,
            });
            self.edits.execute(&id, propose, &caller.cause).await?;
            let kind = RevisionKind::RolledBack { of: edit };
            let revise = WorkspaceCommand::Revise { base, kind, edit: id, by, changes: kept };
            let cause = cause_of(&caller.cause, id);
            let revised = self.workspace.execute(&Singleton, revise, &cause).await;
            // What became of it, the workspace knows: it is read back.
            let no = revised.err();
            match (self.tried_before(&caller.cause, id, rollback.target).await?, no) {
                (Tried::Done(done), _) => return Ok(done),
                (_, Some(CommandError::Rejected(no))) if no.ground == Ground::State => {}
                (_, Some(error)) => return Err(error),
                (_, None) => {}
            }
        }
        Err(CommandError::Conflict)
    }

    /// The edit of each attempt has an id of its own, the same when a request is repeated.
    fn id_of(cause: &Cause, attempt: usize) -> EditId {
        match attempt {
            0 => EditId(cause.command),
            attempt => EditId(cause.then(&format!("attempt {attempt}")).command),
        }
    }

    /// What this attempt came to. One that did not reach the workspace is marked as failed, so
    /// that nobody applies what it meant to do.
    async fn tried_before(
        &self,
        cause: &Cause,
        id: EditId,
        target: Target,
    ) -> Result<Tried, CommandError> {
        let Loaded { aggregate: made, version, .. } = self.edits.load(&id).await?;
        if version == 0 {
            return Ok(Tried::Never);
        }
        let Some((revision, position)) = self.past.revision_of(&self.journal, id).await? else {
            let reason = "the workspace moved before it was there".to_owned();
            self.mark_failed(cause, id, reason).await?;
            return Ok(Tried::InVain);
        };
        let mut newest = self.mark_applied(cause, id, revision, position).await?;
        let edit = match target {
            Target::Edit(of) => {
                newest = newest.max(self.mark_rolled_back(cause, of, id).await?);
                Some(of)
            }
            Target::Moment(moment) => {
                let until = made.base_revision();
                newest = newest.max(self.mark_later(cause, moment, until, id).await?);
                None
            }
        };
        let (base, _) = self.workspace_at(Moment::Revision(made.base_revision())).await?;
        let changes = self.changes_of(&made).await?;
        let Told { changes, files, diff } = Told::aside(base.files().clone(), changes).await?;
        let (id, conflicts, position) = (Some(id), Vec::new(), Some(newest));
        Ok(Tried::Done(RolledBack {
            id,
            edit,
            revision,
            changes,
            files,
            diff,
            conflicts,
            position,
        }))
    }

    /// The edits that went live after a moment, up to a revision, are taken back with it.
    async fn mark_later(
        &self,
        cause: &Cause,
        moment: Moment,
        until: u64,
        by: EditId,
    ) -> Result<u64, CommandError> {
        let (then, _) = self.workspace_at(moment).await?;
        let mut newest = 0;
        for revision in then.revision() + 1..=until {
            let Some(of) = self.past.edit_of(&self.journal, revision).await? else { continue };
            // Rollbacks are no edits that somebody watches.
            let edit = self.edits.load(&of).await?.aggregate;
            if OWN_KINDS.contains(&edit.kind()) {
                continue;
            }
            self.settle(cause, of).await?;
            let cause = cause.then(&of.to_string());
            newest = newest.max(self.mark_rolled_back(&cause, of, by).await?);
        }
        Ok(newest)
    }

    pub(crate) async fn mark_rolled_back(
        &self,
        cause: &Cause,
        id: EditId,
        by: EditId,
    ) -> Result<u64, CommandError> {
        let command = EditCommand::RollBack { by };
        Ok(self.edits.execute(&id, command, &cause.then("rolled_back")).await?.position)
    }

    async fn way_back(&self, rollback: &Rollback) -> Result<WayBack, CommandError> {
        let (now, _) = self.workspace_at(Moment::Now).await?;
        let id = match rollback.target {
            Target::Moment(moment) => {
                let (then, _) = self.workspace_at(moment).await?;
                if then.revision() == 0 {
                    let reason = "the bot had no workspace yet at that moment";
                    return Err(CommandError::invalid("to", reason));
                }
                let changes = difference(now.files(), then.files());
                return Ok(WayBack { scope: Scope::Features, now, changes, conflicts: vec![] });
            }
            Target::Edit(id) => id,
        };

        let loaded = self.edits.load(&id).await?;
        if loaded.version == 0 {
            return Err(invalid_edit(format!("there is no edit {id}"), Ground::Input));
        }
        let edit = loaded.aggregate;
        let (Some(Status::Applied), Some(revision)) = (edit.status(), edit.revision()) else {
            let is = edit.status().map_or("unknown", Status::word);
            let reason =
                format!("the edit is {is}; only an edit that is applied can be rolled back");
            return Err(invalid_edit(reason, Ground::State));
        };
        if revision <= 1 {
            let reason = "the starting workspace cannot be rolled back".to_owned();
            return Err(invalid_edit(reason, Ground::State));
        }
        let (before, _) = self.workspace_at(Moment::Revision(revision - 1)).await?;
        let (after, _) = self.workspace_at(Moment::Revision(revision)).await?;
        let there = now.clone();
        let put_together = move || {
            let wanted = difference(after.files(), before.files());
            (merge(after.files(), there.files(), &wanted), wanted)
        };
        let merged = tokio::task::spawn_blocking(put_together).await;
        let (merged, wanted) = merged.map_err(CommandError::unavailable)?;
        let (changes, conflicts) = match merged {
            Ok(changes) => (changes, vec![]),
            Err(conflicts) if rollback.force => {
                let differs = |it: &Change| now.file(&it.path) != it.content.as_deref();
                (wanted.into_iter().filter(differs).collect(), conflicts)
            }
            Err(conflicts) if rollback.preview => (vec![], conflicts),
            Err(conflicts) => {
                let reason = "later edits changed the same lines; force restores the older content";
                return Err(conflict(reason.to_owned(), &conflicts));
            }
        };
        Ok(WayBack { scope: edit.scope().unwrap_or(Scope::Features), now, changes, conflicts })
    }
}

fn invalid_edit(reason: String, ground: Ground) -> CommandError {
    let code = (ground == Ground::Input).then_some("INVALID_EDIT_ID");
    let field = (ground == Ground::Input).then(|| "edit_id".to_owned());
    CommandError::Rejected(Box::new(Refusal { ground, reason, code, field, details: None }))
}
