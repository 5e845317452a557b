//! A compensation takes back what the behaviors of an edit did outside, step by step, once somebody
//! else has approved it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::CompensationError;
use crate::kernel::{Actor, ActorKind, BehaviorId, EditId, Outcome, Personal, Undo, aggregate};

/// How many steps one has at most.
pub const MAX_STEPS: usize = 1_000;

/// How far it has come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Compensation {
    edit: Option<EditId>,
    by: Option<Actor>,
    steps: Vec<Step>,
    decided: Option<Decided>,
    settled: BTreeSet<u32>,
}

/// What was said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Decided {
    Approved,
    Rejected,
}

/// One thing to take back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Whose action it was.
    pub behavior: BehaviorId,
    pub call: Uuid,
    /// Its place among the actions of the call.
    pub action: u32,
    pub undo: Undo,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum CompensationCommand {
    Approve {
        by: Actor,
        /// Approve one's own, as the only administrator.
        alone: bool,
    },
    Propose {
        edit: EditId,
        by: Actor,
        reason: Personal<String>,
        steps: Vec<Step>,
    },
    Reject {
        by: Actor,
        reason: Personal<String>,
    },
    /// Record what became of a step.
    Settle {
        step: u32,
        outcome: Outcome,
    },
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CompensationEvent {
    Approved {
        by: Actor,
        alone: bool,
    },
    Proposed {
        edit: EditId,
        by: Actor,
        reason: Personal<String>,
        /// In the order in which they are done.
        steps: Vec<Step>,
    },
    Rejected {
        by: Actor,
        reason: Personal<String>,
    },
    StepSettled {
        /// From 0.
        step: u32,
        outcome: Outcome,
    },
}

impl Compensation {
    pub fn edit(&self) -> Option<EditId> {
        self.edit
    }

    /// What is to be done next; none before it is approved, and when all is done.
    pub fn next(&self) -> Option<(u32, &Step)> {
        if self.decided != Some(Decided::Approved) {
            return None;
        }
        (0u32..).zip(&self.steps).find(|(place, _)| !self.settled.contains(place))
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(
        &self,
        command: CompensationCommand,
    ) -> Result<Vec<CompensationEvent>, CompensationError> {
        use {CompensationCommand as Do, CompensationError as No, CompensationEvent as Did};

        let event = match (command, self.decided) {
            (Do::Propose { .. }, _) if self.edit.is_some() => return Ok(vec![]),
            (Do::Propose { steps, .. }, _) if steps.is_empty() => return Err(No::Empty),
            (Do::Propose { steps, .. }, _) if steps.len() > MAX_STEPS => return Err(No::TooMany),
            (Do::Propose { edit, by, reason, steps }, _) => {
                Did::Proposed { edit, by, reason, steps }
            }
            _ if self.edit.is_none() => return Err(No::Unknown),

            (Do::Approve { by, .. }, _) if by.kind == ActorKind::Ai => return Err(No::ByAi),
            (Do::Approve { .. }, Some(Decided::Approved)) => return Ok(vec![]),
            (Do::Approve { .. }, Some(Decided::Rejected)) => return Err(No::Rejected),
            (Do::Approve { by, alone }, None) => {
                let own = self.by.as_ref() == Some(&by);
                if own && !alone {
                    return Err(No::Own);
                }
                Did::Approved { by, alone: own }
            }

            (Do::Reject { .. }, Some(Decided::Approved)) => return Err(No::Approved),
            (Do::Reject { .. }, Some(Decided::Rejected)) => return Ok(vec![]),
            (Do::Reject { by, reason }, None) => Did::Rejected { by, reason },

            (Do::Settle { step, .. }, _) if step as usize >= self.steps.len() => {
                return Err(No::Unknown);
            }
            (Do::Settle { step, .. }, _) if self.settled.contains(&step) => return Ok(vec![]),
            (Do::Settle { step, outcome }, Some(Decided::Approved)) => {
                Did::StepSettled { step, outcome }
            }
            (Do::Settle { .. }, _) => return Err(No::NotApproved),
        };
        Ok(vec![event])
    }

    /// The memory. Never fails: what happened, happened.
    fn evolve(&mut self, event: &CompensationEvent) {
        match event {
            CompensationEvent::Approved { .. } => self.decided = Some(Decided::Approved),
            CompensationEvent::Proposed { edit, by, steps, .. } => {
                self.edit = Some(*edit);
                self.by = Some(by.clone());
                self.steps.clone_from(steps);
            }
            CompensationEvent::Rejected { .. } => self.decided = Some(Decided::Rejected),
            CompensationEvent::StepSettled { step, .. } => {
                self.settled.insert(*step);
            }
        }
    }
}

aggregate!(Compensation: "compensation", CompensationCommand -> CompensationEvent | CompensationError);

#[cfg(test)]
mod tests {
    use super::{CompensationCommand as Do, CompensationError as No, CompensationEvent as Did, *};
    use crate::kernel::testing::given;
    use crate::kernel::{ChannelId, MessageId, Person};

    #[test]
    fn nobody_approves_his_own_unless_he_is_alone() {
        let approve = |name: &str, alone| Do::Approve { by: Actor::api_key(name), alone };
        given::<Compensation>([proposed()]).when(approve("ana", false)).then_expect_error(No::Own);
        given::<Compensation>([proposed()])
            .when(approve("ana", true))
            .then_expect_events(vec![approved("ana", true)]);
        given::<Compensation>([proposed()])
            .when(approve("ben", true))
            .then_expect_events(vec![approved("ben", false)]);
        let ai = Actor { kind: ActorKind::Ai, id: "model".into() };
        given::<Compensation>([proposed()])
            .when(Do::Approve { by: ai, alone: false })
            .then_expect_error(No::ByAi);
        given::<Compensation>([]).when(approve("ben", false)).then_expect_error(No::Unknown);
    }

    #[test]
    fn it_is_decided_once() {
        let reject = || Do::Reject { by: Actor::api_key("ben"), reason: text() };
        let rejected = Did::Rejected { by: Actor::api_key("ben"), reason: text() };
        let approve = || Do::Approve { by: Actor::api_key("ben"), alone: false };
        given::<Compensation>([proposed()])
            .when(reject())
            .then_expect_events(vec![rejected.clone()]);
        given::<Compensation>([proposed(), rejected])
            .when(approve())
            .then_expect_error(No::Rejected);
        given::<Compensation>([proposed(), approved("ben", false)])
            .when(reject())
            .then_expect_error(No::Approved);
    }

    #[test]
    fn a_step_is_settled_once_and_only_when_it_is_approved() {
        let outcome = || Outcome::Delivered { outside_id: String::new() };
        let settle = |step| Do::Settle { step, outcome: outcome() };
        let settled = |step| Did::StepSettled { step, outcome: outcome() };
        given::<Compensation>([proposed()]).when(settle(0)).then_expect_error(No::NotApproved);
        let approved = || approved("ben", false);
        given::<Compensation>([proposed(), approved()])
            .when(settle(1))
            .then_expect_events(vec![settled(1)]);
        given::<Compensation>([proposed(), approved(), settled(1)])
            .when(settle(1))
            .then_expect_events(vec![]);
        given::<Compensation>([proposed(), approved()])
            .when(settle(2))
            .then_expect_error(No::Unknown);
    }

    #[test]
    fn it_has_some_steps_and_not_too_many() {
        let propose = |steps| Do::Propose {
            edit: EditId(Uuid::from_u128(1)),
            by: Actor::api_key("ana"),
            reason: text(),
            steps,
        };
        given::<Compensation>([]).when(propose(vec![])).then_expect_error(No::Empty);
        let many = (0..=1_000).map(step).collect();
        given::<Compensation>([]).when(propose(many)).then_expect_error(No::TooMany);
    }

    #[test]
    fn the_next_step_is_the_first_that_is_open() {
        let mut it = Compensation::default();
        it.evolve(&proposed());
        assert_eq!(it.next(), None);
        it.evolve(&approved("ben", false));
        assert_eq!(it.next().map(|(place, _)| place), Some(0));
        for place in [0, 1] {
            let outcome = Outcome::Failed { reason: "no".into() };
            it.evolve(&Did::StepSettled { step: place, outcome });
        }
        assert_eq!(it.next(), None);
    }

    fn step(action: u32) -> Step {
        Step {
            behavior: "greet".parse().unwrap(),
            call: Uuid::from_u128(9),
            action,
            undo: Undo::DeleteMessage {
                channel: ChannelId(3),
                message: MessageId(4),
                also: vec![],
            },
        }
    }

    fn text() -> Personal<String> {
        Personal::of(Person::operator(), "sorry".into())
    }

    fn proposed() -> Did {
        Did::Proposed {
            edit: EditId(Uuid::from_u128(1)),
            by: Actor::api_key("ana"),
            reason: text(),
            steps: vec![step(0), step(1)],
        }
    }

    fn approved(name: &str, alone: bool) -> Did {
        Did::Approved { by: Actor::api_key(name), alone }
    }
}
