//! One set of policies with their schema, ready to decide.

use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::{Entities, Entity, EntityTypeName, EntityUid, Policy, Request, Schema};
use commands::ports::{
    Membership, PLATFORM, PolicyText, Principal, PrincipalKind, Resource, Tenant,
};
use commands::self_editing::Files;
use domain::identity::{Permission, Permissions};
use domain::kernel::{GuildId, OrganizationId};
use domain::self_editing::POLICY_SCHEMA;
use serde_json::{Map, json};

use super::index::{Index, Key, Said};
use super::statements;
use super::subject::{Names, Subject, uid};

/// The kinds of principals that the platform knows.
pub(super) const KINDS: [PrincipalKind; 4] = [
    PrincipalKind::ApiKey,
    PrincipalKind::DiscordAccount,
    PrincipalKind::System,
    PrincipalKind::User,
];

/// The type of actions.
const ACTION: &str = "Action";

/// See the module.
pub(super) struct Set {
    names: Names,
    schema: Schema,
    actions: HashMap<String, Action>,
    types: HashMap<String, EntityTypeName>,
    index: Index,
    /// What it has words for: where the schema takes what the platform tells of principals.
    spoken: HashSet<(PrincipalKind, String, EntityTypeName)>,
    pub(super) texts: Vec<PolicyText>,
    pub(super) weighs_groups: bool,
    #[cfg(test)]
    pub(super) all: cedar_policy::PolicySet,
}

struct Action {
    /// The action alone, with the groups of actions it is in.
    entities: Entities,
    uid: EntityUid,
    keys: Vec<Key>,
}

impl Set {
    /// None without a schema and without policies.
    pub(super) fn of(files: &Files) -> Result<Option<Self>, String> {
        let read = statements::read(files);
        let read = read.map_err(|faults| {
            let told = faults.first().map(|it| format!("{}: {}", it.file, it.reason));
            told.unwrap_or_default()
        })?;
        let Some(schema) = files.get(POLICY_SCHEMA) else {
            if read.is_empty() {
                return Ok(None);
            }
            return Err(format!("policies need their schema, {POLICY_SCHEMA}"));
        };
        let (schema, _) = Schema::from_cedarschema_str(schema).map_err(|it| it.to_string())?;
        let entities = schema.action_entities().map_err(|it| it.to_string())?;
        let mut actions = HashMap::new();
        for entity in entities.iter().filter(|it| it.uid().type_name().to_string() == ACTION) {
            let uid = entity.uid();
            let ancestors: Vec<_> = entities.ancestors(&uid).into_iter().flatten().collect();
            let keys = Key::fitting(&uid, ancestors);
            let name = uid.id().unescaped().to_owned();
            let alone = Entities::from_entities([entity.clone()], None);
            let alone = alone.map_err(|error| error.to_string())?;
            actions.insert(name, Action { entities: alone, uid, keys });
        }
        let types = schema.entity_types().map(|it| (it.to_string(), it.clone())).collect();
        let policies: Vec<&Policy> = read.iter().map(|it| &it.policy).collect();
        #[cfg(test)]
        let all = {
            let all = cedar_policy::PolicySet::from_policies(policies.iter().copied().cloned());
            all.map_err(|it| it.to_string())?
        };
        let mut set = Self {
            names: Names::new()?,
            index: Index::of(policies.iter().copied())?,
            weighs_groups: read
                .iter()
                .any(|it| ["Group", "group_memberships"].iter().any(|word| it.bare.contains(word))),
            schema,
            actions,
            types,
            spoken: HashSet::new(),
            texts: Vec::new(),
            #[cfg(test)]
            all,
        };
        set.texts = read.into_iter().map(|it| it.text).collect();
        // An older schema has no word for it, and its policies go on deciding.
        set.names.tells_second_factor = set.takes(&sample(PrincipalKind::User))?;
        set.spoken = set.speaks_of()?;
        Ok(Some(set))
    }

    /// Whether the schema takes all that the platform tells of somebody.
    fn takes(&self, principal: &Principal) -> Result<bool, String> {
        let told = self.names.subject(principal)?.entity;
        Ok(Entities::from_entities([told], Some(&self.schema)).is_ok())
    }

    /// Tries every kind of request that the schema has, with all that the platform may tell.
    fn speaks_of(&self) -> Result<HashSet<(PrincipalKind, String, EntityTypeName)>, String> {
        let mut spoken = HashSet::new();
        let samples: Vec<_> = KINDS.iter().map(|kind| sample(*kind)).collect();
        let mut subjects = Vec::new();
        for sample in &samples {
            if self.takes(sample)? {
                subjects.push(self.names.subject(sample)?);
            }
        }
        for env in self.schema.request_envs() {
            let of_it = |it: &&Subject<'_>| it.uid.type_name() == env.principal();
            let Some(subject) = subjects.iter().find(of_it) else { continue };
            let action = env.action().id().unescaped();
            if self.actions.get(action).is_none_or(|it| it.uid != *env.action()) {
                continue;
            }
            let context = subject.context(&Map::new(), action)?;
            let resource = uid(env.resource(), "x");
            let (principal, named) = (subject.uid.clone(), env.action().clone());
            if Request::new(principal, named, resource, context, Some(&self.schema)).is_ok() {
                let kind = subject.principal.kind;
                spoken.insert((kind, action.to_owned(), env.resource().clone()));
            }
        }
        Ok(spoken)
    }

    /// Whether it can say anything about this.
    pub(super) fn speaks(&self, kind: PrincipalKind, action: &str, resource: &str) -> bool {
        let Some(resource) = self.types.get(resource) else { return false };
        self.spoken.contains(&(kind, action.to_owned(), resource.clone()))
    }

    /// Whether its schema has an action of this name.
    pub(super) fn knows(&self, action: &str) -> bool {
        self.actions.contains_key(action)
    }

    /// What its schema declares for somebody the platform knows, and yet takes not what that tells.
    pub(super) fn deaf_to(&self) -> BTreeSet<String> {
        let known = |kind: &&PrincipalKind, env: &cedar_policy::RequestEnv| {
            self.names.of(**kind) == env.principal()
        };
        let mut found = BTreeSet::new();
        for env in self.schema.request_envs() {
            let Some(kind) = KINDS.iter().find(|kind| known(kind, &env)) else { continue };
            let action = env.action().id().unescaped();
            if !self.speaks(*kind, action, &env.resource().to_string()) {
                found.insert(action.to_owned());
            }
        }
        found
    }

    /// The permissions that it has nothing to say about, for some kind of principal.
    pub(super) fn silent_on(&self) -> BTreeSet<String> {
        let all = Permission::ALL.iter().map(|it| it.as_str());
        let silent = all.filter(|it| KINDS.iter().any(|kind| !self.speaks(*kind, it, PLATFORM)));
        silent.map(ToOwned::to_owned).collect()
    }

    pub(super) fn subject<'a>(&self, principal: &'a Principal) -> Result<Subject<'a>, String> {
        self.names.subject(principal)
    }

    /// Decides; an error is one of the question.
    pub(super) fn ask(
        &self,
        subject: &Subject<'_>,
        action: &str,
        resource: &Resource,
        claims: &Map<String, serde_json::Value>,
    ) -> Result<Said, String> {
        let (request, entities, keys) = self.prepared(subject, action, resource, claims)?;
        let action = self.actions.get(action).map(|it| it.keys.as_slice()).unwrap_or_default();
        Ok(self.index.ask([action, &subject.keys, &keys], &request, &entities))
    }

    /// A question in Cedar's terms, held against the schema.
    pub(super) fn prepared(
        &self,
        subject: &Subject<'_>,
        action: &str,
        resource: &Resource,
        claims: &Map<String, serde_json::Value>,
    ) -> Result<(Request, Entities, Vec<Key>), String> {
        let no_action = || format!("the policies know no action {action:?}");
        let Action { entities: acting, uid: named, .. } =
            self.actions.get(action).ok_or_else(no_action)?;
        let Resource { kind, id, attributes } = resource;
        let no_type = || format!("the policies know no resource of the type {kind:?}");
        let target = uid(self.types.get(kind).ok_or_else(no_type)?, id);
        let context = subject.context(claims, action)?;
        let request = Request::new(
            subject.uid.clone(),
            named.clone(),
            target.clone(),
            context,
            Some(&self.schema),
        );
        let request = request.map_err(|error| error.to_string())?;

        let mut entities = vec![subject.entity.clone()];
        // What somebody claims of the principal himself is not heard.
        if target != subject.uid && !attributes.is_empty() {
            let told = json!({
                "uid": { "type": kind, "id": id },
                "attrs": attributes,
                "parents": [],
            });
            let told = Entity::from_json_value(told, Some(&self.schema));
            entities.push(told.map_err(|error| told_whole(&error))?);
        } else if target != subject.uid {
            entities.push(Entity::new_no_attrs(target.clone(), HashSet::new()));
        }
        // Closed over already, the action costs nothing here.
        let entities = acting.clone().add_entities(entities, None).map_err(|it| it.to_string())?;
        let keys = Key::fitting(&target, []);
        Ok((request, entities, keys))
    }
}

/// An error with what led to it, which says what is wrong.
fn told_whole(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(deeper) = source {
        told = format!("{told}: {deeper}");
        source = deeper.source();
    }
    told
}

/// Somebody of whom everything is known that can be.
fn sample(kind: PrincipalKind) -> Principal {
    let mut sample = Principal::holding(kind, "x", Permissions::all());
    if kind == PrincipalKind::User {
        sample.roles.insert("x".to_owned());
        sample.groups.insert(Membership { id: "x".to_owned(), name: "x".to_owned() });
    }
    // Whoever it is: the context has to take these.
    let id = OrganizationId(uuid::Uuid::nil());
    sample.tenant = Some(Tenant { id, domain: Some("x".to_owned()), runs: true });
    sample.guild = Some(GuildId(1));
    sample
}
