//! Which policies can apply to a request, by what their scopes say: the others are not evaluated.
//!
//! A policy whose scope does not hold is neither satisfied nor in error, whatever its conditions say, for
//! Cedar evaluates the scope first. So leaving it out changes nothing; every policy whose scope can hold
//! is in one of the sets that are looked at.

use std::collections::{BTreeSet, HashMap};

use cedar_policy::{
    ActionConstraint, Authorizer, Decision, Entities, EntityTypeName, EntityUid, Policy, PolicySet,
    PrincipalConstraint, Request, ResourceConstraint, Response,
};

/// What one part of a scope asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Any,
    /// A type.
    Is(EntityTypeName),
    /// An entity, or something that is in it.
    Of(EntityUid),
}

/// Policies by action, principal and resource.
#[derive(Default)]
pub(super) struct Index(HashMap<Key, HashMap<Key, HashMap<Key, PolicySet>>>);

/// What policies came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    permits: BTreeSet<String>,
    forbids: BTreeSet<String>,
    pub(super) errors: BTreeSet<String>,
}

impl Key {
    /// What fits an entity of this type with these ancestors.
    pub(super) fn fitting<'a>(
        uid: &EntityUid,
        ancestors: impl IntoIterator<Item = &'a EntityUid>,
    ) -> Vec<Self> {
        let own = [Self::Any, Self::Is(uid.type_name().clone()), Self::Of(uid.clone())];
        own.into_iter().chain(ancestors.into_iter().cloned().map(Self::Of)).collect()
    }
}

impl Index {
    pub(super) fn of<'a>(policies: impl IntoIterator<Item = &'a Policy>) -> Result<Self, String> {
        let mut index = Self::default();
        for policy in policies {
            let principal = match policy.principal_constraint() {
                PrincipalConstraint::Any => Key::Any,
                PrincipalConstraint::Is(kind) => Key::Is(kind),
                PrincipalConstraint::In(uid)
                | PrincipalConstraint::Eq(uid)
                | PrincipalConstraint::IsIn(_, uid) => Key::Of(uid),
            };
            let resource = match policy.resource_constraint() {
                ResourceConstraint::Any => Key::Any,
                ResourceConstraint::Is(kind) => Key::Is(kind),
                ResourceConstraint::In(uid)
                | ResourceConstraint::Eq(uid)
                | ResourceConstraint::IsIn(_, uid) => Key::Of(uid),
            };
            let actions: BTreeSet<_> = match policy.action_constraint() {
                ActionConstraint::Any => [None].into(),
                ActionConstraint::Eq(uid) => [Some(uid)].into(),
                ActionConstraint::In(uids) => uids.into_iter().map(Some).collect(),
            };
            for action in actions {
                let by_principal = index.0.entry(action.map_or(Key::Any, Key::Of)).or_default();
                let by_resource = by_principal.entry(principal.clone()).or_default();
                let set = by_resource.entry(resource.clone()).or_default();
                set.add(policy.clone()).map_err(|error| error.to_string())?;
            }
        }
        Ok(index)
    }

    /// Evaluates what can apply.
    pub(super) fn ask(
        &self,
        [action, principal, resource]: [&[Key]; 3],
        request: &Request,
        entities: &Entities,
    ) -> Said {
        let authorizer = Authorizer::new();
        let by_principal = action.iter().filter_map(|key| self.0.get(key));
        let by_resource =
            by_principal.flat_map(|it| principal.iter().filter_map(|key| it.get(key)));
        let sets = by_resource.flat_map(|it| resource.iter().filter_map(|key| it.get(key)));
        let mut said = Said::default();
        for set in sets {
            said.hear(&authorizer.is_authorized(request, set, entities));
        }
        said
    }
}

impl Said {
    /// Adds what some of the policies came to.
    pub(super) fn hear(&mut self, response: &Response) {
        // Reasons of a denial are those that forbid.
        let heard = match response.decision() {
            Decision::Allow => &mut self.permits,
            Decision::Deny => &mut self.forbids,
        };
        let diagnostics = response.diagnostics();
        heard.extend(diagnostics.reason().map(ToString::to_string));
        self.errors.extend(diagnostics.errors().map(ToString::to_string));
    }

    /// Whether it is allowed: what could not be evaluated might have forbidden it.
    pub(super) fn allows(&self) -> bool {
        !self.permits.is_empty() && self.forbids.is_empty() && self.errors.is_empty()
    }

    /// The policies that decided.
    pub(super) fn reasons(&self) -> Vec<String> {
        let reasons = if self.allows() { &self.permits } else { &self.forbids };
        reasons.iter().cloned().collect()
    }
}
