//! An edit is one suggested change to what the bot runs, from proposal to rollback.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Approval, Check, EditError, KeptChange, NewEdit, Status};
use crate::kernel::{Actor, ActorKind, EditId, Personal, Scope, aggregate};

/// Where an edit stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Edit {
    author: Option<Actor>,
    #[serde(default)]
    author_powers: Option<BTreeSet<String>>,
    #[serde(default)]
    asked_by: Option<Actor>,
    approved_by: Option<Actor>,
    scope: Option<Scope>,
    kind: String,
    base_revision: u64,
    changes: Vec<KeptChange>,
    content_hash: String,
    status: Option<Status>,
    revision: Option<u64>,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum EditCommand {
    Approve(Approval),
    /// It went live.
    MarkApplied {
        revision: u64,
        position: u64,
    },
    MarkFailed {
        reason: String,
    },
    Propose(NewEdit),
    /// A rollback, like the starting workspace, is an edit of its own, decided when it is asked
    /// for.
    ProposeDecided(NewEdit),
    RecordChecks {
        checks: Vec<Check>,
    },
    Reject {
        by: Actor,
        reason: Personal<String>,
    },
    /// Another edit took it back.
    RollBack {
        by: EditId,
    },
}

/// What has happened to an edit. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum EditEvent {
    Applied {
        revision: u64,
        position: u64,
    },
    Approved {
        by: Actor,
        comment: Option<Personal<String>>,
        alone: bool,
    },
    ChecksFailed {
        checks: Vec<Check>,
    },
    ChecksPassed {
        checks: Vec<Check>,
    },
    Failed {
        reason: String,
    },
    Proposed {
        author: Actor,
        scope: Scope,
        kind: String,
        description: Personal<String>,
        base_revision: u64,
        changes: Vec<KeptChange>,
        content_hash: String,
        /// What its author may do himself, as names of powers of behaviors; none of old edits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        author_powers: Option<BTreeSet<String>>,
        /// Who had it written, when that is not its author; none of old edits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked_by: Option<Actor>,
    },
    Rejected {
        by: Actor,
        reason: Personal<String>,
    },
    RolledBack {
        by: EditId,
    },
}

impl EditEvent {
    /// The status after it.
    pub fn status(&self) -> Status {
        match self {
            Self::Applied { .. } => Status::Applied,
            Self::Approved { .. } => Status::Approved,
            Self::ChecksFailed { .. } | Self::Failed { .. } => Status::Failed,
            Self::ChecksPassed { .. } => Status::Checked,
            Self::Proposed { .. } => Status::Proposed,
            Self::Rejected { .. } => Status::Rejected,
            Self::RolledBack { .. } => Status::RolledBack,
        }
    }
}

impl Edit {
    pub fn status(&self) -> Option<Status> {
        self.status
    }

    pub fn author(&self) -> Option<&Actor> {
        self.author.as_ref()
    }

    /// What its author might do himself when he proposed it, if that was asked.
    pub fn author_powers(&self) -> Option<&BTreeSet<String>> {
        self.author_powers.as_ref()
    }

    /// Whether he wrote it or had it written: then a second person has to look at it.
    fn is_own(&self, by: &Actor) -> bool {
        [&self.author, &self.asked_by].into_iter().any(|it| it.as_ref() == Some(by))
    }

    /// Who approved it, once somebody has.
    pub fn approved_by(&self) -> Option<&Actor> {
        self.approved_by.as_ref()
    }

    pub fn scope(&self) -> Option<Scope> {
        self.scope
    }

    /// The finer type, in the author's words.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    pub fn base_revision(&self) -> u64 {
        self.base_revision
    }

    /// What it does to files, relative to its base revision.
    pub fn changes(&self) -> &[KeptChange] {
        &self.changes
    }

    /// Names what it does; an approval may be bound to it.
    pub fn content_hash(&self) -> &str {
        &self.content_hash
    }

    /// The revision of the workspace that it made.
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: EditCommand) -> Result<Vec<EditEvent>, EditError> {
        use {EditCommand as Do, EditError as No, EditEvent as Did, Status as Is};

        let too_early = |needed, wanted| {
            self.status.map_or(No::Unknown, |status| No::TooEarly {
                is: status.word(),
                needed,
                wanted,
            })
        };
        let event = match (command, self.status) {
            (Do::Propose(new), None) => new.proposed(),
            (Do::Propose(_), Some(_)) => return Err(No::Exists),

            (Do::RecordChecks { checks }, Some(Is::Proposed)) => {
                if checks.iter().all(|check| check.passed) {
                    Did::ChecksPassed { checks }
                } else {
                    Did::ChecksFailed { checks }
                }
            }
            (Do::RecordChecks { .. }, _) => return Ok(vec![]),

            (Do::Approve(it), _) if it.by.kind == ActorKind::Ai => return Err(No::ByAi),
            (Do::Approve(Approval { content_hash: Some(hash), .. }), Some(_))
                if hash != self.content_hash =>
            {
                return Err(No::OtherContent);
            }
            (Do::Approve(_), Some(Is::Approved)) => return Ok(vec![]),
            (Do::Approve(approval), Some(Is::Checked)) => {
                let Approval { by, comment, alone, .. } = approval;
                let own = self.is_own(&by);
                if own && !alone {
                    return Err(No::OwnEdit);
                }
                Did::Approved { by, comment, alone: own && alone }
            }
            (Do::Approve(approval), Some(_)) if self.is_own(&approval.by) && !approval.alone => {
                return Err(No::OwnEdit);
            }
            (Do::Approve(_), _) => return Err(too_early("checked", "approved")),

            (Do::Reject { by, reason }, Some(Is::Checked | Is::Proposed | Is::Approved)) => {
                Did::Rejected { by, reason }
            }
            (Do::Reject { .. }, Some(Is::Rejected)) => return Ok(vec![]),
            (Do::Reject { .. }, _) => return Err(too_early("checked", "rejected")),

            // The workspace has it; who said something else meanwhile was late.
            (
                Do::MarkApplied { revision, position },
                Some(Is::Approved | Is::Failed | Is::Rejected),
            ) => Did::Applied { revision, position },
            (Do::MarkApplied { .. }, Some(Is::Applied | Is::RolledBack)) => return Ok(vec![]),
            (Do::MarkApplied { .. }, _) => return Err(too_early("approved", "applied")),

            (Do::MarkFailed { reason }, Some(Is::Approved)) => Did::Failed { reason },
            (Do::MarkFailed { .. }, Some(Is::Failed)) => return Ok(vec![]),
            (Do::MarkFailed { .. }, _) => return Err(too_early("approved", "failed")),

            (Do::ProposeDecided(new), None) => {
                let by = new.author.clone();
                return Ok(vec![new.proposed(), Did::Approved { by, comment: None, alone: true }]);
            }
            (Do::ProposeDecided(_), Some(_)) => return Ok(vec![]),

            (Do::RollBack { by }, Some(Is::Applied)) => Did::RolledBack { by },
            (Do::RollBack { .. }, Some(Is::RolledBack)) => return Ok(vec![]),
            (Do::RollBack { .. }, _) => return Err(too_early("applied", "rolled back")),
        };
        Ok(vec![event])
    }

    /// The memory. Never fails: what happened, happened.
    fn evolve(&mut self, event: &EditEvent) {
        self.status = Some(event.status());
        match event {
            EditEvent::Proposed {
                author,
                scope,
                kind,
                base_revision,
                changes,
                content_hash,
                author_powers,
                asked_by,
                ..
            } => {
                self.asked_by.clone_from(asked_by);
                self.author_powers.clone_from(author_powers);
                self.author = Some(author.clone());
                self.scope = Some(*scope);
                self.kind.clone_from(kind);
                self.base_revision = *base_revision;
                self.changes.clone_from(changes);
                self.content_hash.clone_from(content_hash);
            }
            EditEvent::Applied { revision, .. } => self.revision = Some(*revision),
            EditEvent::Approved { by, .. } => self.approved_by = Some(by.clone()),
            EditEvent::ChecksFailed { .. }
            | EditEvent::ChecksPassed { .. }
            | EditEvent::Failed { .. }
            | EditEvent::Rejected { .. }
            | EditEvent::RolledBack { .. } => {}
        }
    }
}

aggregate!(Edit: "edit", EditCommand -> EditEvent | EditError);

#[cfg(test)]
mod tests {
    use super::{EditCommand as Do, EditError as No, EditEvent as Did, *};
    use crate::kernel::Person;
    use crate::kernel::testing::given;

    #[test]
    fn a_second_person_approves_a_checked_edit() {
        given::<Edit>([proposed(), passed()])
            .when(approve("ben"))
            .then_expect_events(vec![approved("ben")]);
    }

    #[test]
    fn authors_cannot_approve_their_own_edits() {
        given::<Edit>([proposed(), passed()]).when(approve("ana")).then_expect_error(No::OwnEdit);
        given::<Edit>([proposed()]).when(approve("ana")).then_expect_error(No::OwnEdit);
        let ai = Approval { by: Actor::ai("a/b"), comment: None, content_hash: None, alone: true };
        given::<Edit>([proposed(), passed()]).when(Do::Approve(ai)).then_expect_error(No::ByAi);
    }

    #[test]
    fn the_only_administrator_may_say_so() {
        let alone = Approval { by: who("ana"), comment: None, content_hash: None, alone: true };
        given::<Edit>([proposed(), passed()])
            .when(Do::Approve(alone))
            .then_expect_events(vec![Did::Approved { by: who("ana"), comment: None, alone: true }]);
    }

    #[test]
    fn an_approval_holds_for_the_content_that_was_looked_at() {
        let other = Some("other".to_owned());
        let approval =
            Approval { by: who("ben"), comment: None, content_hash: other, alone: false };
        for before in [vec![proposed(), passed()], vec![proposed(), passed(), approved("cem")]] {
            given::<Edit>(before)
                .when(Do::Approve(approval.clone()))
                .then_expect_error(No::OtherContent);
        }
    }

    #[test]
    fn a_failed_check_stops_an_edit() {
        let checks = vec![Check { name: "syntax".into(), passed: false, findings: vec![] }];
        given::<Edit>([proposed(), Did::ChecksFailed { checks }])
            .when(approve("ben"))
            .then_expect_error(No::TooEarly {
                is: "failed",
                needed: "checked",
                wanted: "approved",
            });
    }

    #[test]
    fn what_is_live_is_applied_whatever_was_said_meanwhile() {
        let rejected =
            Did::Rejected { by: who("cem"), reason: Personal::of(Person::operator(), "no".into()) };
        let failed = Did::Failed { reason: "a conflict".into() };
        for late in [rejected, failed] {
            given::<Edit>([proposed(), passed(), approved("ben"), late])
                .when(Do::MarkApplied { revision: 2, position: 9 })
                .then_expect_events(vec![Did::Applied { revision: 2, position: 9 }]);
        }
        given::<Edit>([proposed(), passed()])
            .when(Do::MarkApplied { revision: 2, position: 9 })
            .then_expect_error(No::TooEarly {
                is: "checked",
                needed: "approved",
                wanted: "applied",
            });
    }

    #[test]
    fn only_what_is_live_can_be_rolled_back() {
        let by = EditId(uuid::Uuid::from_u128(2));
        given::<Edit>([proposed(), passed()]).when(Do::RollBack { by }).then_expect_error(
            No::TooEarly { is: "checked", needed: "applied", wanted: "rolled back" },
        );
        given::<Edit>([]).when(Do::RollBack { by }).then_expect_error(No::Unknown);
    }

    fn who(name: &str) -> Actor {
        Actor::api_key(name)
    }

    fn approve(name: &str) -> Do {
        Do::Approve(Approval { by: who(name), comment: None, content_hash: None, alone: false })
    }

    fn approved(name: &str) -> Did {
        Did::Approved { by: who(name), comment: None, alone: false }
    }

    fn passed() -> Did {
        Did::ChecksPassed { checks: vec![] }
    }

    fn proposed() -> Did {
        Did::Proposed {
            author: who("ana"),
            scope: Scope::Features,
            kind: "greeting".into(),
            description: Personal::of(Person::operator(), "Wave back".into()),
            base_revision: 1,
            changes: vec![KeptChange {
                path: "settings/a.toml".into(),
                content: Some(crate::self_editing::Content::Text("x = 1".into())),
            }],
            content_hash: "hash".into(),
            author_powers: None,
            asked_by: None,
        }
    }
}
