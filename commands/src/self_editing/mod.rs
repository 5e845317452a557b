//! Use cases around the bot's changes of itself.

mod apply;
mod check_edits;
mod checks;
mod compensate;
mod diff;
mod disable;
mod finish_edits;
mod live;
mod merge;
mod mirror;
mod own_powers;
mod past;
mod patch;
mod policies;
mod powers;
mod proposal;
mod rehearse;
mod rollback;
mod suggest;
mod tell_of_alarms;
mod three_way;
mod tree;
mod watched;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;

use domain::behaviors::Power;
use domain::identity::Permission;
use domain::kernel::{
    Actor, ActorKind, Cause, EditId, Ground, Journal, Personal, Scope, Singleton,
};
use domain::lifecycle::{SelfEditingSettings, Settings};
use domain::self_editing::{
    Approval, Change, Check, Edit, EditCommand, NewEdit, RevisionKind, Status, Watch, Workspace,
    WorkspaceCommand,
};
use uuid::Uuid;

pub use check_edits::CheckEdits;
pub use compensate::{Compensations, Foreseen, Proposed, UndoEffects};
pub use disable::UnderWay;
pub use finish_edits::FinishEdits;
pub use live::Live;
pub use merge::{Conflict, Extent, FileExtent, Files, Told, changed, extent, unified_diff};
pub use mirror::{FillMirror, WORDS_OF};
pub use past::Past;
pub use rehearse::{Ending, MOST_REHEARSED, Rehearsals, RehearsedRange, Standing};
pub use rollback::{Rollback, RolledBack, Target};
pub use suggest::{Suggested, Suggesting, Suggestion};
pub use tell_of_alarms::TellOfAlarms;
pub use tree::{Moment, Tree};
pub use watched::{Telling, Watched};

use checks::Tools;
use proposal::{content_hash, require_readable, require_sound};

use crate::ports::{Access, Caller, Execute, Loaded, PolicyChecker, ScriptRunner};
use crate::{Blobs, CommandError, Refusal};

/// How long an edit is watched unless said otherwise.
pub const WATCH_FOR: TimeDelta = TimeDelta::minutes(10);

/// Who approves where the settings say that nobody has to.
const AUTO_APPROVE: &str = "auto_approve";

/// What the platform calls edits of its own.
const OWN_KINDS: [&str; 2] = [ROLLBACK, "seed"];

/// What it calls those that take something back.
const ROLLBACK: &str = "rollback";

/// The door to self-editing.
#[derive(Clone)]
pub struct SelfEditing {
    pub access: Arc<dyn Access>,
    pub blobs: Blobs,
    pub edits: Arc<dyn Execute<Edit>>,
    pub journal: Journal,
    pub past: Past,
    pub policies: Arc<dyn PolicyChecker>,
    pub scripts: Arc<dyn ScriptRunner>,
    pub settings: Arc<dyn Execute<Settings>>,
    /// What the AI suggests edits with.
    pub suggesting: Suggesting,
    /// How long an edit is watched after it went live.
    pub watch_for: TimeDelta,
    pub watches: Arc<dyn Execute<Watch>>,
    pub workspace: Arc<dyn Execute<Workspace>>,
}

/// An edit somebody would like to see.
#[derive(Debug, Clone)]
pub struct Proposal {
    pub scope: Scope,
    /// The finer type, in the author's words.
    pub kind: Option<String>,
    /// What it is good for, in the author's words.
    pub description: String,
    pub wanted: Wanted,
    /// The revision the author looked at; without one, the present.
    pub base_revision: Option<u64>,
}

/// What somebody wants changed.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// A unified diff against the base revision.
    Diff(String),
    /// Whole files; one without content is deleted.
    Files(Vec<Change>),
}

/// A word on an edit.
#[derive(Debug, Clone, Default)]
pub struct Word {
    pub comment: Option<String>,
    /// The content that was looked at.
    pub content_hash: Option<String>,
    /// Approve one's own edit, as the only administrator.
    pub force: bool,
}

impl SelfEditing {
    /// Propose an edit; its checks run at once. Answers its id and the newest position.
    pub async fn propose(
        &self,
        caller: &Caller,
        proposal: Proposal,
    ) -> Result<(EditId, u64), CommandError> {
        caller.require(Permission::ProposeSelfEdit)?;
        let author = (caller.actor(), Some(&caller.powers));
        self.propose_as(&caller.cause, author, proposal).await
    }

    /// Propose an edit that this author wrote, whoever asked for it. What it is good for is the
    /// words of who asked. What an AI may give behaviors is a rule of its own: it has no powers.
    async fn propose_as(
        &self,
        cause: &Cause,
        (author, powers): (&Actor, Option<&BTreeSet<Power>>),
        proposal: Proposal,
    ) -> Result<(EditId, u64), CommandError> {
        let id = EditId(cause.command);
        if self.edits.load(&id).await?.version > 0 {
            // The same request once more; the first time it was cut off.
            return Ok((id, self.advance(cause, id).await?));
        }
        let Proposal { scope, kind, description, wanted, base_revision } = proposal;
        self.require_open(scope).await?;
        if description.trim().is_empty() || description.chars().count() > 2_000 {
            return Err(CommandError::invalid("description", "has 1 to 2000 characters"));
        }
        require_readable("description", "description", &description)?;
        let kind = kind.unwrap_or_else(|| scope.as_ref().to_owned());
        if kind.is_empty() || kind.chars().count() > 64 {
            return Err(CommandError::invalid("type", "has 1 to 64 characters"));
        }
        if OWN_KINDS.contains(&kind.as_str()) {
            return Err(CommandError::invalid(
                "type",
                "is a word for edits of the platform itself",
            ));
        }

        let (base, base_position) = match base_revision {
            Some(revision) => self.workspace_at(Moment::Revision(revision)).await?,
            None => self.workspace_at(Moment::Now).await?,
        };
        if base_revision.is_some_and(|wanted| wanted != base.revision()) {
            let reason =
                format!("there is no such revision yet; the newest is {}", base.revision());
            return Err(CommandError::invalid("base_revision", reason));
        }
        tracing::debug!(position = base_position, "an edit is based on this commit");
        let (field, changes) = match wanted {
            Wanted::Diff(diff) => ("diff", diff::changes_of_diff(base.files(), &diff)?),
            Wanted::Files(changes) => ("files", changes),
        };
        require_sound(&base, &changes, field)?;
        let content_hash = content_hash(base.revision(), &changes);
        let changes = self.blobs.keep(cause, &changes).await?;

        let command = EditCommand::Propose(NewEdit {
            description: Personal::of(cause.actor.person(), description),
            author: author.clone(),
            scope,
            kind,
            base_revision: base.revision(),
            content_hash,
            changes,
            author_powers: powers.map(|all| all.iter().map(ToString::to_string).collect()),
            asked_by: (cause.actor != *author).then(|| cause.actor.clone()),
        });
        let proposed = self.edits.execute(&id, command, cause).await?;
        let position = self.advance(cause, id).await?;
        Ok((id, position.max(proposed.position)))
    }

    /// Run the checks of an edit that was not checked yet.
    pub async fn check(&self, caller: &Caller, id: EditId) -> Result<u64, CommandError> {
        caller.require(Permission::ProposeSelfEdit)?;
        self.existing(id).await?;
        self.advance(&caller.cause, id).await
    }

    /// Approve an edit, so that it can be applied.
    pub async fn approve(
        &self,
        caller: &Caller,
        id: EditId,
        word: Word,
    ) -> Result<u64, CommandError> {
        caller.require(Permission::ApproveSelfEdit)?;
        let by = caller.actor().clone();
        let alone = word.force && self.access.is_only_administrator(&by).await?;
        let comment = word.comment.map(|text| Personal::of(by.person(), text));
        let approval = Approval { by, comment, content_hash: word.content_hash, alone };
        let command = EditCommand::Approve(approval);
        Ok(self.edits.execute(&id, command, &caller.cause).await?.position)
    }

    /// Reject an edit, for good.
    pub async fn reject(
        &self,
        caller: &Caller,
        id: EditId,
        reason: String,
    ) -> Result<u64, CommandError> {
        caller.require(Permission::ApproveSelfEdit)?;
        let by = caller.actor().clone();
        let reason = Personal::of(by.person(), reason);
        let command = EditCommand::Reject { by, reason };
        Ok(self.edits.execute(&id, command, &caller.cause).await?.position)
    }

    /// Lay the starting workspace, when there is none.
    pub async fn seed(&self, cause: &Cause, files: Vec<Change>) -> Result<(), CommandError> {
        if self.workspace.load(&Singleton).await?.version > 0 {
            return Ok(());
        }
        let id = EditId(Uuid::new_v5(&Uuid::NAMESPACE_OID, b"palimpsest starting workspace"));
        let by = cause.actor.clone();
        let kept = self.blobs.keep(cause, &files).await?;
        let command = EditCommand::ProposeDecided(NewEdit {
            description: Personal::of(by.person(), "The starting workspace.".to_owned()),
            author: by.clone(),
            scope: Scope::Features,
            kind: "seed".to_owned(),
            base_revision: 0,
            content_hash: content_hash(0, &files),
            changes: kept.clone(),
            author_powers: None,
            asked_by: None,
        });
        self.edits.execute(&id, command, cause).await?;
        let kind = RevisionKind::Seeded;
        let revise = WorkspaceCommand::Revise { base: 0, kind, edit: id, by, changes: kept };
        match self.workspace.execute(&Singleton, revise, &cause_of(cause, id)).await {
            Ok(revised) => self.mark_applied(cause, id, 1, revised.position).await.map(|_| ()),
            // Another process was faster.
            Err(CommandError::Rejected(no)) if no.ground == Ground::State => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes an edit as far as it goes by itself: the checks, and where the settings say so,
    /// approval and application. Bears repeating.
    pub(crate) async fn advance(&self, cause: &Cause, id: EditId) -> Result<u64, CommandError> {
        let mut loaded = self.edits.load(&id).await?;
        if loaded.aggregate.status() == Some(Status::Proposed) {
            let edit = &loaded.aggregate;
            let (base, _) = self.workspace_at(Moment::Revision(edit.base_revision())).await?;
            let (now, _) = self.workspace_at(Moment::Now).await?;
            let changes = self.changes_of(edit).await?;
            let checks = self.checked(base, now, edit.clone(), changes).await?;
            let command = EditCommand::RecordChecks { checks };
            self.edits.execute(&id, command, &cause.then("checks")).await?;
            loaded = self.edits.load(&id).await?;
        }
        let edit = &loaded.aggregate;
        let settings = self.settings.load(&Singleton).await?.aggregate.self_editing;
        if closed(&settings, edit.scope().unwrap_or(Scope::Features)).is_some() {
            return Ok(loaded.position);
        }
        let by = Actor::system(AUTO_APPROVE);
        let cause = Cause { actor: by.clone(), ..cause.then(AUTO_APPROVE) };
        // What an AI wrote is looked at by a person, whatever the settings say.
        let automatic = edit.author().is_none_or(|author| author.kind != ActorKind::Ai)
            && edit.scope().is_some_and(|scope| settings.auto_approve_scopes.contains(&scope));
        if automatic && edit.status() == Some(Status::Checked) {
            let approval =
                Approval { by: by.clone(), comment: None, content_hash: None, alone: false };
            self.edits.execute(&id, EditCommand::Approve(approval), &cause).await?;
        } else if edit.status() != Some(Status::Approved) || edit.approved_by() != Some(&by) {
            return Ok(loaded.position);
        }
        self.go_live(&cause, &by, id).await
    }

    /// The checks run scripts, which takes a thread for a moment.
    async fn checked(
        &self,
        base: Tree,
        now: Tree,
        edit: Edit,
        changes: Vec<Change>,
    ) -> Result<Vec<Check>, CommandError> {
        let tools = self.tools();
        let run = move || checks::run(&tools, base.files(), now.files(), &edit, &changes);
        tokio::task::spawn_blocking(run).await.map_err(CommandError::unavailable)
    }

    fn tools(&self) -> Tools {
        Tools { policies: self.policies.clone(), scripts: self.scripts.clone() }
    }

    async fn existing(&self, id: EditId) -> Result<Loaded<Edit>, CommandError> {
        let loaded = self.edits.load(&id).await?;
        if loaded.version == 0 {
            return Err(CommandError::NotFound(format!("edit {id}")));
        }
        Ok(loaded)
    }

    /// Refuses when self-editing is off, or closed for this scope.
    async fn require_open(&self, scope: Scope) -> Result<(), CommandError> {
        let settings = self.settings.load(&Singleton).await?.aggregate.self_editing;
        let Some(reason) = closed(&settings, scope) else { return Ok(()) };
        Err(CommandError::Rejected(Box::new(Refusal {
            ground: Ground::Input,
            reason,
            code: Some("SELF_EDITING_DISABLED"),
            field: None,
            details: None,
        })))
    }
}

/// Why no edit of this scope goes on, if so.
fn closed(settings: &SelfEditingSettings, scope: Scope) -> Option<String> {
    if !settings.enabled {
        let reason = "self-editing is off; switch it on with POST /self-editing/enable";
        return Some(reason.to_owned());
    }
    let open: Vec<_> = settings.scope.iter().map(AsRef::as_ref).collect();
    let (word, open) = (scope.as_ref(), open.join(", "));
    let is_closed = !settings.scope.contains(&scope);
    is_closed.then(|| format!("edits of scope {word} are closed; open are: {open}"))
}

/// One commit of the workspace per edit, however often it is tried.
fn cause_of(cause: &Cause, id: EditId) -> Cause {
    Cause { command: Uuid::new_v5(&id.0, b"apply"), ..cause.clone() }
}

/// A refusal that shows the hunks that meet.
fn conflict(reason: String, conflicts: &[Conflict]) -> CommandError {
    CommandError::Rejected(Box::new(Refusal {
        ground: Ground::State,
        reason,
        code: Some("CONFLICT"),
        field: None,
        details: Some(serde_json::json!({ "conflicts": conflicts })),
    }))
}
