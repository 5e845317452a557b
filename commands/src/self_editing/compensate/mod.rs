//! Compensations: what the behaviors of an edit did is listed, and taken back where somebody
//! proposes that and somebody else approves it.

mod parts;
mod undo_effects;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::identity::Permission;
use domain::kernel::{BehaviorId, CompensationId, EditId, Ground, Personal};
use domain::self_editing::{Compensation, CompensationCommand, MAX_STEPS, Step};
use uuid::Uuid;

pub use undo_effects::UndoEffects;

use super::{FileExtent, Moment, SelfEditing, Target};
use crate::behaviors::{behavior_of, is_behavior};
use crate::ports::{Caller, Effect, Effects, Execute, Span, Sums, Which};
use crate::{CommandError, Refusal};

/// How much of what worked only in part is shown.
const TROUBLES: u64 = 5;

/// How many examples of what cannot be taken back a preview shows.
const EXAMPLES: u64 = 20;

/// See the module.
#[derive(Clone)]
pub struct Compensations {
    pub aggregates: Arc<dyn Execute<Compensation>>,
    effects: Arc<dyn Effects>,
    pub self_editing: Arc<SelfEditing>,
}

/// What a rollback leaves behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Foreseen {
    pub sums: Sums,
    /// Of what cannot be taken back, the newest.
    pub examples: Vec<Effect>,
}

/// A compensation that was proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposed {
    pub id: CompensationId,
    pub position: u64,
    /// How much more could be taken back, by another one.
    pub left: u64,
}

impl Compensations {
    pub fn new(
        aggregates: Arc<dyn Execute<Compensation>>,
        effects: Arc<dyn Effects>,
        self_editing: SelfEditing,
    ) -> Self {
        Self { aggregates, effects, self_editing: Arc::new(self_editing) }
    }

    /// What the behaviors of an edit did, the newest first; and how many effects there are.
    pub async fn of(
        &self,
        caller: &Caller,
        edit: EditId,
        (limit, offset): (u64, u64),
    ) -> Result<(Vec<Effect>, u64), CommandError> {
        caller.require(Permission::ReadSelfEdit)?;
        let spans = self.spans(edit).await?;
        self.effects.list(&spans, Which::All, limit, offset).await
    }

    /// Of what the behaviors of an edit did, the newest that worked only in part; and how much did.
    pub async fn troubles(
        &self,
        caller: &Caller,
        edit: EditId,
    ) -> Result<(Vec<Effect>, u64), CommandError> {
        caller.require(Permission::ReadSelfEdit)?;
        self.effects.list(&self.spans(edit).await?, Which::Troubled, TROUBLES, 0).await
    }

    /// How much the behaviors of an edit did.
    pub async fn sums(&self, caller: &Caller, edit: EditId) -> Result<Sums, CommandError> {
        caller.require(Permission::ReadSelfEdit)?;
        self.effects.sums(&self.spans(edit).await?).await
    }

    /// What a rollback that changes these files leaves behind.
    pub async fn foreseen(
        &self,
        caller: &Caller,
        target: Target,
        files: &[FileExtent],
    ) -> Result<Foreseen, CommandError> {
        caller.require(Permission::RollbackSelfEdit)?;
        let spans = match target {
            Target::Edit(edit) => self.spans(edit).await?,
            Target::Moment(moment) => {
                let (then, _) = self.self_editing.workspace_at(moment).await?;
                let (_, position) = self.self_editing.workspace_at(Moment::Now).await?;
                self.effects.shown(position).await;
                let files = files.iter().map(|it| (it.path.clone(), None));
                spans(then.revision() + 1, files)
            }
        };
        let sums = self.effects.sums(&spans).await?;
        let (examples, _) = self.effects.list(&spans, Which::Lasting, EXAMPLES, 0).await?;
        Ok(Foreseen { sums, examples })
    }

    /// Propose to take effects of an edit back: these actions, or the newest of all that can be.
    pub async fn propose(
        &self,
        caller: &Caller,
        edit: EditId,
        reason: String,
        actions: Option<Vec<(Uuid, u32)>>,
    ) -> Result<Proposed, CommandError> {
        caller.require(Permission::RollbackSelfEdit)?;
        if reason.trim().is_empty() || reason.chars().count() > 2_000 {
            return Err(CommandError::invalid("reason", "has 1 to 2000 characters"));
        }
        super::proposal::require_readable("reason", "reason", &reason)?;
        let id = CompensationId(caller.cause.command);
        let known = self.aggregates.load(&id).await?;
        if known.version > 0 {
            return Ok(Proposed { id, position: known.position, left: 0 });
        }
        let spans = self.spans(edit).await?;
        let (effects, left) = match actions {
            Some(actions) => (self.wanted(&spans, &actions).await?, 0),
            None => {
                let most = MAX_STEPS as u64;
                let (effects, all) = self.effects.list(&spans, Which::Undoable, most, 0).await?;
                (effects, all.saturating_sub(most))
            }
        };
        let by = caller.actor().clone();
        let reason = Personal::of(by.person(), reason);
        let steps = effects.into_iter().filter_map(step).collect();
        let propose = CompensationCommand::Propose { edit, by, reason, steps };
        let position = self.aggregates.execute(&id, propose, &caller.cause).await?.position;
        Ok(Proposed { id, position, left })
    }

    /// Approve a compensation, so that it is carried out.
    pub async fn approve(
        &self,
        caller: &Caller,
        id: CompensationId,
        force: bool,
    ) -> Result<u64, CommandError> {
        caller.require(Permission::ApproveSelfEdit)?;
        let by = caller.actor().clone();
        let alone = force && self.self_editing.access.is_only_administrator(&by).await?;
        let approve = CompensationCommand::Approve { by, alone };
        Ok(self.aggregates.execute(&id, approve, &caller.cause).await?.position)
    }

    /// Reject a compensation, for good.
    pub async fn reject(
        &self,
        caller: &Caller,
        id: CompensationId,
        reason: String,
    ) -> Result<u64, CommandError> {
        caller.require(Permission::ApproveSelfEdit)?;
        let by = caller.actor().clone();
        let reason = Personal::of(by.person(), reason);
        let reject = CompensationCommand::Reject { by, reason };
        Ok(self.aggregates.execute(&id, reject, &caller.cause).await?.position)
    }

    /// Where the effects of an edit are: of each behavior that it changed, from the revision that
    /// made it live up to the next one that changed the same file, be it a rollback or another
    /// edit; of all behaviors where it changed settings, which any of them may read.
    async fn spans(&self, edit: EditId) -> Result<Vec<Span>, CommandError> {
        let loaded = self.self_editing.existing(edit).await?;
        let Some(revision) = loaded.aggregate.revision() else { return Ok(Vec::new()) };
        let (_, now) = self.self_editing.workspace_at(Moment::Now).await?;
        self.effects.shown(loaded.position.max(now)).await;
        Ok(spans(revision, self.effects.changed_in(revision).await?))
    }

    /// The effects that somebody named, each of them one that can be taken back.
    async fn wanted(
        &self,
        spans: &[Span],
        actions: &[(Uuid, u32)],
    ) -> Result<Vec<Effect>, CommandError> {
        if actions.len() > MAX_STEPS {
            let reason = format!("at most {MAX_STEPS} at once; propose several compensations");
            return Err(CommandError::invalid("actions", reason));
        }
        let calls: BTreeSet<Uuid> = actions.iter().map(|(call, _)| *call).collect();
        let found = self.effects.of_calls(spans, calls.into_iter().collect()).await?;
        for (place, (call, action)) in actions.iter().enumerate() {
            let field = format!("actions[{place}]");
            let effect = found.iter().find(|it| it.call == *call && it.action == *action);
            let Some(effect) = effect else {
                let reason = "is no effect of this edit; GET …/effects lists them";
                return Err(CommandError::invalid(&field, reason));
            };
            if let Err(why) = &effect.undo {
                return Err(CommandError::Rejected(Box::new(Refusal {
                    ground: Ground::State,
                    reason: format!("{field} cannot be taken back: {why}"),
                    code: None,
                    field: Some(field),
                    details: None,
                })));
            }
        }
        let named: BTreeSet<_> = actions.iter().copied().collect();
        Ok(found.into_iter().filter(|it| named.contains(&(it.call, it.action))).collect())
    }
}

fn step(effect: Effect) -> Option<Step> {
    let Effect { behavior, call, action, undo, .. } = effect;
    Some(Step { behavior, call, action, undo: undo.ok()? })
}

/// See [`Compensations::spans`]; tests of behaviors, prompts and policies do nothing by themselves.
fn spans(from: u64, files: impl IntoIterator<Item = (String, Option<u64>)>) -> Vec<Span> {
    let span = |(path, before): (String, Option<u64>)| {
        if path.starts_with("settings/") {
            return Some(Span { behavior: None, from, before });
        }
        let behavior: Option<BehaviorId> = behavior_of(&path).filter(|_| is_behavior(&path));
        Some(Span { behavior: Some(behavior?), from, before })
    };
    files.into_iter().filter_map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_behind_what_its_behaviors_did_until_they_changed_again() {
        let files = [
            ("behaviors/greet.rhai", Some(7)),
            ("behaviors/greet.test.rhai", Some(6)),
            ("prompts/greeting.md", None),
            ("settings/bot.toml", None),
        ];
        let found = spans(5, files.map(|(path, next)| (path.to_owned(), next)));
        let greet = Some("greet".parse().unwrap());
        let expected = [
            Span { behavior: greet, from: 5, before: Some(7) },
            Span { behavior: None, from: 5, before: None },
        ];
        assert_eq!(found, expected);
    }
}
