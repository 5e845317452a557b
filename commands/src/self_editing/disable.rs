//! Switching self-editing off, in an emergency with what is under way.

use std::collections::BTreeSet;

use domain::identity::{Permission, Permissions};
use domain::kernel::{EditId, Event, Ground, Personal, Scope, Singleton};
use domain::lifecycle::{SettingsCommand, SettingsPatch};
use domain::self_editing::{
    EditCommand, EditEvent, NewEdit, RevisionKind, Status, WorkspaceCommand,
};

use super::apply::ATTEMPTS;
use super::proposal::content_hash;
use super::{ROLLBACK, Rollback, SelfEditing, Target, cause_of};
use crate::CommandError;
use crate::ports::Caller;

/// How many commits are read at once.
const PAGE: usize = 1_000;

/// The edits that were under way as of a commit; what came after it is read from the log.
#[derive(Debug, Clone, Default)]
pub struct UnderWay {
    pub edits: Vec<EditId>,
    pub position: u64,
}

impl SelfEditing {
    /// Switch self-editing off. In an emergency every edit that is under way is rejected as well,
    /// and those that are watched are taken back.
    pub async fn disable(
        &self,
        caller: &Caller,
        reason: String,
        emergency: Option<UnderWay>,
    ) -> Result<u64, CommandError> {
        caller.require(Permission::ManageSelfEditing)?;
        if emergency.is_some() {
            caller.require_fresh(self.journal.clock().now())?;
        }
        let patch = SettingsPatch { self_editing_enabled: Some(false), ..SettingsPatch::default() };
        let by = caller.actor().clone();
        let off = SettingsCommand::Change { patch, by, reason: Some(reason.clone()) };
        let mut position = self.settings.execute(&Singleton, off, &caller.cause).await?.position;
        let Some(UnderWay { mut edits, position: mut read }) = emergency else {
            return Ok(position);
        };

        // One thing that cannot be done does not keep the others from being done.
        let mut failed = None;
        match self.move_on(caller, &reason).await {
            Ok(moved) => position = position.max(moved),
            Err(error) => failed = Some(error),
        }
        loop {
            let (events, last) = self.journal.read_all(read, PAGE).await?;
            if last == read {
                break;
            }
            edits.extend(events.into_iter().filter_map(|it| match it.event {
                Event::Edit(id, EditEvent::Proposed { .. }) => Some(id),
                _ => None,
            }));
            read = last;
        }
        for id in edits {
            match self.stop(caller, id, &reason).await {
                Ok(stopped) => position = position.max(stopped),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        // What went live lately may be the emergency itself: it is taken back, the newest first.
        let since = self.journal.clock().now() - self.watch_for;
        for live in self.live_since(since).await?.into_iter().rev() {
            match self.undo(caller, live.edit, &reason).await {
                Ok(undone) => position = position.max(undone),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(position), Err)
    }

    /// A revision that changes nothing, so that no edit goes live behind the emergency's back.
    ///
    /// The switch is in one stream and the workspace in another, and no commit spans both. But an
    /// edit goes live by reading the workspace, then the switch, then writing on the revision that
    /// it read; and the emergency has switched off before it writes this one. So where the edit's
    /// commit comes first, it is in the workspace that the emergency takes back from right after.
    /// Where it read an earlier revision than this one and comes later, the workspace refuses it:
    /// it has moved. And where it read this one or a later, it sees that it is off. Where there is
    /// no workspace yet, nothing can be taken back to either.
    ///
    /// Switching off without an emergency takes nothing back: what goes live while it is switched
    /// off might as well have gone live before.
    async fn move_on(&self, caller: &Caller, reason: &str) -> Result<u64, CommandError> {
        let cause = caller.cause.then("emergency");
        let (id, by) = (EditId(cause.command), caller.actor().clone());
        let base = self.workspace.load(&Singleton).await?.aggregate.revision();
        if base == 0 {
            return Ok(0);
        }
        let propose = EditCommand::ProposeDecided(NewEdit {
            description: Personal::of(by.person(), reason.to_owned()),
            author: by.clone(),
            scope: Scope::Features,
            kind: ROLLBACK.to_owned(),
            base_revision: base,
            content_hash: content_hash(base, &[]),
            changes: Vec::new(),
            author_powers: None,
            asked_by: None,
        });
        self.edits.execute(&id, propose, &cause).await?;
        for _ in 0..ATTEMPTS {
            if let Some((revision, position)) = self.past.revision_of(&self.journal, id).await? {
                return self.mark_applied(&cause, id, revision, position).await;
            }
            let base = self.workspace.load(&Singleton).await?.aggregate.revision();
            let (kind, by) = (RevisionKind::RolledBack { of: None }, by.clone());
            let revise = WorkspaceCommand::Revise { base, kind, edit: id, by, changes: Vec::new() };
            match self.workspace.execute(&Singleton, revise, &cause_of(&cause, id)).await {
                Ok(_) => {}
                Err(CommandError::Rejected(no)) if no.ground == Ground::State => {}
                Err(error) => return Err(error),
            }
        }
        Err(CommandError::Conflict)
    }

    /// Takes an edit back unless that was done already.
    async fn undo(&self, caller: &Caller, id: EditId, reason: &str) -> Result<u64, CommandError> {
        // It is in the workspace, also where a process died before the edit said so.
        let settled = self.settle(&caller.cause, id).await?.unwrap_or_default();
        if self.edits.load(&id).await?.aggregate.status() != Some(Status::Applied) {
            return Ok(settled);
        }
        let cause = caller.cause.then(&format!("undo {id}"));
        let caller = Caller::new(cause, Permissions::all(), BTreeSet::new());
        let target = Target::Edit(id);
        let reason = reason.to_owned();
        let rollback = Rollback { target, reason, force: false, preview: false };
        Ok(self.roll_back(&caller, rollback).await?.position.unwrap_or(settled))
    }

    /// Rejects an edit unless it has ended already; one that is live has.
    async fn stop(&self, caller: &Caller, id: EditId, reason: &str) -> Result<u64, CommandError> {
        if let Some(position) = self.settle(&caller.cause, id).await? {
            return Ok(position);
        }
        let by = caller.actor().clone();
        let reason = Personal::of(by.person(), reason.to_owned());
        let command = EditCommand::Reject { by, reason };
        match self.edits.execute(&id, command, &caller.cause.then(&id.to_string())).await {
            Ok(rejected) => Ok(rejected.position),
            Err(CommandError::Rejected(no)) if no.ground == Ground::State => Ok(0),
            Err(error) => Err(error),
        }
    }
}
