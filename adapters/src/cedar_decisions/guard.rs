//! Checks policies before they are in force: that they can be used, and that they lock nobody out for good.

use commands::ports::{PolicyChecker, Principal, PrincipalKind, Question, Resource};
use commands::self_editing::Files;
use domain::identity::{Permission, Permissions};
use domain::self_editing::{Finding, POLICY_SCHEMA};
use serde_json::Map;

use super::set::Set;
use super::{Live, MENDING, Shipped, decided, on_large_stack, statements};
use crate::CedarPolicies;

/// See the module.
pub struct GuardedPolicies(Shipped);

impl GuardedPolicies {
    /// Beside the policies that ship.
    pub fn new(shipped: Files) -> Self {
        Self(Shipped::new(shipped))
    }

    /// What the platform could not say in the words of the schema.
    fn unheard(&self, set: &Set) -> Vec<Finding> {
        let deaf = set.deaf_to();
        let known = |action: &&String| {
            let permission = Permission::ALL.iter().any(|it| it.as_str() == *action);
            permission || self.0.set().is_ok_and(|it| it.knows(action))
        };
        let deaf: Vec<_> = deaf.iter().filter(known).cloned().collect();
        if deaf.is_empty() {
            return Vec::new();
        }
        let reason = format!(
            "the platform could not tell what it knows of who asks for: {}. Leave the principals and \
             Facts as the schema that ships has them, and make what you add optional, as `name?: Type`",
            deaf.join(", ")
        );
        vec![Finding { file: POLICY_SCHEMA.to_owned(), line: None, reason }]
    }

    /// An owner, and a key that may do everything, go on being able to mend the policies: an owner without a
    /// second factor at least by setting one up.
    fn lock_out(&self, live: &Live) -> Vec<Finding> {
        let mut owner = Principal::holding(PrincipalKind::User, "(an owner)", Permissions::all());
        owner.roles.insert("owner".to_owned());
        owner.jwt_valid = true;
        let ask = |second_factor: bool, permission: Permission| {
            let question = Question {
                principal: Principal { second_factor, ..owner.clone() },
                action: permission.to_string(),
                resource: Resource::platform(),
                context: Map::new(),
            };
            decided(live, &self.0, &question)
        };
        let mends = MENDING.iter().all(|it| ask(false, *it).allow);
        let first = (!mends).then_some((false, Permission::WriteProfile));
        for (second_factor, permission) in MENDING.map(|it| (true, it)).into_iter().chain(first) {
            let decision = ask(second_factor, permission);
            if decision.allow {
                continue;
            }
            let why = decision.reasons.iter().chain(&decision.errors).next().cloned();
            let file = match live {
                Live::Set(set) => {
                    let by = set.texts.iter().find(|it| Some(&it.id) == why.as_ref());
                    by.map(|it| (it.file.clone(), Some(it.line)))
                }
                Live::None | Live::Broken(_) => None,
            };
            let (file, line) = file.unwrap_or_else(|| (POLICY_SCHEMA.to_owned(), None));
            let why = why.unwrap_or_else(|| "no policy permits it".to_owned());
            let reason = format!(
                "an owner could not do {permission} any more ({why}), so nobody could take this back"
            );
            return vec![Finding { file, line, reason }];
        }
        Vec::new()
    }
}

impl PolicyChecker for GuardedPolicies {
    fn check(&self, files: &Files) -> Vec<Finding> {
        let found = CedarPolicies.check(files);
        if !found.is_empty() {
            return found;
        }
        let checked = on_large_stack(|| {
            if let Err(faults) = statements::read(files) {
                return faults;
            }
            let live = Live::of(files);
            match &live {
                Live::None => Vec::new(),
                Live::Broken(reason) => {
                    let (file, reason) = (POLICY_SCHEMA.to_owned(), reason.clone());
                    vec![Finding { file, line: None, reason }]
                }
                Live::Set(set) => {
                    let mut found = self.unheard(set);
                    found.extend(self.lock_out(&live));
                    found
                }
            }
        });
        checked.unwrap_or_else(|| {
            let reason = "the policies could not be read".to_owned();
            vec![Finding { file: POLICY_SCHEMA.to_owned(), line: None, reason }]
        })
    }
}
