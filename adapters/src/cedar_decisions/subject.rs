//! What the platform knows of somebody, in the words of the schema.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Context, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression as Value,
};
use commands::ports::{Principal, PrincipalKind};
use domain::identity::Permission;
use serde_json::Map;

use super::index::Key;

/// What facts are called in the context.
const FACTS: [&str; 7] = [
    "authenticated",
    "group_memberships",
    "jwt_valid",
    "organization_domain",
    "organization_id",
    "permission",
    "user_roles",
];

/// The types that the platform has facts about, read once.
pub(super) struct Names {
    api_key: EntityTypeName,
    discord_account: EntityTypeName,
    group: EntityTypeName,
    guild: EntityTypeName,
    organization: EntityTypeName,
    role: EntityTypeName,
    system: EntityTypeName,
    user: EntityTypeName,
    /// Whether the schema has a word for second factors of users.
    pub(super) tells_second_factor: bool,
}

/// Somebody as an entity.
pub(super) struct Subject<'a> {
    pub(super) principal: &'a Principal,
    pub(super) uid: EntityUid,
    pub(super) entity: Entity,
    pub(super) keys: Vec<Key>,
}

impl Names {
    pub(super) fn new() -> Result<Self, String> {
        let name = |text: &str| text.parse::<EntityTypeName>().map_err(|it| it.to_string());
        Ok(Self {
            api_key: name("ApiKey")?,
            discord_account: name("DiscordAccount")?,
            group: name("Group")?,
            guild: name("Guild")?,
            organization: name("Organization")?,
            role: name("Role")?,
            system: name("System")?,
            user: name("User")?,
            tells_second_factor: true,
        })
    }

    pub(super) fn of(&self, kind: PrincipalKind) -> &EntityTypeName {
        match kind {
            PrincipalKind::ApiKey => &self.api_key,
            PrincipalKind::DiscordAccount => &self.discord_account,
            PrincipalKind::System => &self.system,
            PrincipalKind::User => &self.user,
        }
    }

    pub(super) fn subject<'a>(&self, principal: &'a Principal) -> Result<Subject<'a>, String> {
        let kind = principal.kind;
        let uid = uid(self.of(kind), &principal.id);
        let mut parents = HashSet::new();
        let mut attributes = HashMap::new();
        if kind != PrincipalKind::System {
            let held = Permission::ALL.iter().filter(|it| principal.holds.allow(**it));
            let held = held.map(|it| Value::new_string(it.to_string()));
            attributes.insert("permissions".to_owned(), Value::new_set(held));
        }
        match kind {
            PrincipalKind::ApiKey | PrincipalKind::System => {}
            PrincipalKind::DiscordAccount => {
                parents.extend(principal.guild.map(|it| self::uid(&self.guild, &it.to_string())));
            }
            PrincipalKind::User => {
                parents.extend(principal.roles.iter().map(|it| self::uid(&self.role, it)));
                parents.extend(principal.groups.iter().map(|it| self::uid(&self.group, &it.id)));
                let runs = principal.tenant.as_ref().is_some_and(|it| it.runs);
                attributes.insert("runs_organization".to_owned(), Value::new_bool(runs));
                if self.tells_second_factor {
                    let second_factor = Value::new_bool(principal.second_factor);
                    attributes.insert("second_factor".to_owned(), second_factor);
                }
                if let Some(tenant) = &principal.tenant {
                    let organization = self::uid(&self.organization, &tenant.id.to_string());
                    let value = Value::new_entity_uid(organization.clone());
                    attributes.insert("organization".to_owned(), value);
                    parents.insert(organization);
                }
            }
        }
        let keys = Key::fitting(&uid, &parents);
        let entity =
            Entity::new(uid.clone(), attributes, parents).map_err(|error| error.to_string())?;
        Ok(Subject { principal, uid, entity, keys })
    }
}

impl Subject<'_> {
    /// The circumstances: what somebody says of them, but for what the platform knows.
    pub(super) fn context(
        &self,
        claims: &Map<String, serde_json::Value>,
        action: &str,
    ) -> Result<Context, String> {
        let facts = self.facts(action);
        if claims.keys().all(|it| FACTS.contains(&it.as_str())) {
            return Context::from_pairs(facts).map_err(|error| error.to_string());
        }
        let mut claims = claims.clone();
        claims.retain(|name, _| !FACTS.contains(&name.as_str()));
        let claims = Context::from_json_value(claims.into(), None);
        let claims = claims.map_err(|error| error.to_string())?;
        claims.merge(facts).map_err(|error| error.to_string())
    }

    fn facts(&self, action: &str) -> Vec<(String, Value)> {
        let Principal { roles, groups, tenant, authenticated, jwt_valid, .. } = self.principal;
        let groups = groups.iter().map(|it| Value::new_string(it.name.clone()));
        let roles = roles.iter().map(|it| Value::new_string(it.clone()));
        let mut facts = vec![
            ("authenticated".to_owned(), Value::new_bool(*authenticated)),
            ("group_memberships".to_owned(), Value::new_set(groups)),
            ("jwt_valid".to_owned(), Value::new_bool(*jwt_valid)),
            ("permission".to_owned(), Value::new_string(action.to_owned())),
            ("user_roles".to_owned(), Value::new_set(roles)),
        ];
        if let Some(tenant) = tenant {
            let id = Value::new_string(tenant.id.to_string());
            facts.push(("organization_id".to_owned(), id));
            let domain = tenant.domain.iter().map(|it| Value::new_string(it.clone()));
            facts.extend(domain.map(|it| ("organization_domain".to_owned(), it)));
        }
        facts
    }
}

pub(super) fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}
