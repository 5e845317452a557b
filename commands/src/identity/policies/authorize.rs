//! Questions that others ask the policies.

use domain::identity::{ApiKey, Permission};
use domain::kernel::{ApiKeyId, OrganizationId, UserId};
use serde_json::{Map, Value, json};

use super::{Decided, Policies};
use crate::CommandError;
use crate::identity::accounts::Email;
use crate::ports::{Caller, Decision, Principal, PrincipalKind, Question, Resource};

/// How many questions are asked at once.
pub const MOST_QUESTIONS: usize = 100;

/// A question as it is asked: nothing of it is known to be true.
#[derive(Debug, Clone)]
pub struct Asked {
    pub principal: Named,
    pub action: Named,
    pub resource: Resource,
    pub context: Map<String, Value>,
}

/// Something by its type and its id.
#[derive(Debug, Clone)]
pub struct Named {
    pub kind: String,
    pub id: String,
}

impl Policies {
    /// Decides some questions, in their order. What the platform knows of the principals wins over what is said of
    /// them. Of somebody whom the caller may not see it knows nothing, just as of somebody who does not exist.
    pub async fn authorize(
        &self,
        caller: &Caller,
        asked: Vec<Asked>,
    ) -> Result<Vec<Decision>, CommandError> {
        caller.require(Permission::AuthorizeRequest)?;
        if asked.is_empty() || asked.len() > MOST_QUESTIONS {
            let reason = format!("has 1 to {MOST_QUESTIONS} questions");
            return Err(CommandError::invalid("requests", reason));
        }
        let mut decisions = Vec::with_capacity(asked.len());
        for asked in asked {
            decisions.push(self.decide(caller, asked).await?);
        }
        Ok(decisions)
    }

    async fn decide(&self, caller: &Caller, asked: Asked) -> Result<Decision, CommandError> {
        let Asked { principal, action, mut resource, context } = asked;
        let (found, known) = self.principal(caller, &principal, &context).await?;
        self.resolve(caller, &mut resource.attributes).await?;
        let decision = match &found {
            None => deny(format!(
                "the policies know no principal of the type {:?}: it is one of ApiKey, DiscordAccount, \
                 System and User",
                principal.kind
            )),
            Some(_) if action.kind != "Action" => {
                deny(format!("the type of an action is Action, not {:?}", action.kind))
            }
            Some(found) => {
                let question = Question {
                    principal: found.clone(),
                    action: action.id.clone(),
                    resource: resource.clone(),
                    context,
                };
                self.accounts.authority.decisions.decide(&question).await?
            }
        };
        let kind = found.as_ref().map_or("?", |it| it.kind.as_ref());
        tracing::debug!(
            principal = kind,
            allow = decision.allow,
            reasons = ?decision.reasons,
            "a question was decided"
        );
        let principal = match found.as_ref().filter(|_| known) {
            Some(found) => format!("{kind}::{:?}", found.id),
            None => format!("{kind} (unknown)"),
        };
        self.log.keep(Decided {
            at: self.accounts.journal.clock().now(),
            by: caller.actor().clone(),
            request: caller.cause.correlation,
            principal,
            action: action.id,
            resource: format!("{}::{:?}", resource.kind, resource.id),
            decision: decision.clone(),
        });
        Ok(decision)
    }

    /// Who is meant, and whether anything is known of him; none when there is no such type.
    async fn principal(
        &self,
        caller: &Caller,
        Named { kind, id }: &Named,
        context: &Map<String, Value>,
    ) -> Result<(Option<Principal>, bool), CommandError> {
        let Ok(kind) = kind.parse::<PrincipalKind>() else { return Ok((None, false)) };
        let known = match kind {
            PrincipalKind::ApiKey => self.api_key(caller, id).await?,
            PrincipalKind::User => self.user(caller, id, context).await?,
            PrincipalKind::DiscordAccount | PrincipalKind::System => None,
        };
        let is_known = known.is_some();
        // No policy names somebody whom nobody may know of: so his id is none.
        let unknown = || match kind {
            PrincipalKind::User | PrincipalKind::ApiKey => format!("unknown:{id}"),
            PrincipalKind::DiscordAccount | PrincipalKind::System => id.clone(),
        };
        Ok((Some(known.unwrap_or_else(|| Principal::unknown(kind, unknown()))), is_known))
    }

    async fn api_key(&self, caller: &Caller, id: &str) -> Result<Option<Principal>, CommandError> {
        let Ok(key) = id.parse::<ApiKeyId>() else { return Ok(None) };
        let own = caller.actor() == &domain::kernel::Actor::api_key(key.to_string());
        if !own && !caller.permissions.allow(Permission::ManageApiKey) {
            return Ok(None);
        }
        let loaded: ApiKey = self.api_keys.load(&key).await?.aggregate;
        let holds = loaded.permissions(self.accounts.journal.clock().now());
        Ok(holds
            .map(|holds| Principal::holding(PrincipalKind::ApiKey, key.to_string(), holds.clone())))
    }

    async fn user(
        &self,
        caller: &Caller,
        id: &str,
        context: &Map<String, Value>,
    ) -> Result<Option<Principal>, CommandError> {
        let Some(id) = self.user_id(id).await? else { return Ok(None) };
        let user = self.accounts.users.load(&id).await?.aggregate;
        let own = caller.session.as_ref().is_some_and(|it| it.user == id);
        let organization = caller.session.as_ref().and_then(|it| it.organization);
        let near = organization.is_some() && organization == user.organization();
        let seen = own || near || caller.permissions.allow(Permission::ReadUser);
        if !seen || !user.is_active() {
            return Ok(None);
        }
        let mut principal = self.accounts.whole_principal(id, &user).await?;
        // Whether somebody else is signed in where the question comes from, only that place knows.
        let said = |name: &str| context.get(name) == Some(&json!(true));
        principal.authenticated = own || said("authenticated");
        principal.jwt_valid = own || said("jwt_valid");
        Ok(Some(principal))
    }

    /// The user with this id, or with this address.
    async fn user_id(&self, text: &str) -> Result<Option<UserId>, CommandError> {
        if let Ok(id) = text.parse::<UserId>() {
            return Ok(Some(id));
        }
        let Ok(email) = Email::parse(text) else { return Ok(None) };
        self.accounts.reserve.user("email", email.as_str()).await
    }

    /// `organization` may be an id or a mail domain, `owner` an id or an address: they become entities.
    async fn resolve(
        &self,
        caller: &Caller,
        attributes: &mut Map<String, Value>,
    ) -> Result<(), CommandError> {
        if let Some(Value::String(text)) = attributes.get("organization") {
            let id = match text.parse::<OrganizationId>() {
                Ok(id) => Some(id),
                Err(_) => Email::parse(&format!("x@{text}")).ok().and_then(|it| it.organization()),
            };
            let id = id.map_or_else(|| text.clone(), |id| id.to_string());
            attributes.insert("organization".into(), json!({ "type": "Organization", "id": id }));
        }
        if let Some(Value::String(text)) = attributes.get("owner") {
            let named = Named { kind: "User".to_owned(), id: text.clone() };
            let (owner, known) = self.principal(caller, &named, &Map::new()).await?;
            let id = owner.filter(|_| known).map_or_else(|| text.clone(), |it| it.id);
            attributes.insert("owner".into(), json!({ "type": "User", "id": id }));
        }
        Ok(())
    }
}

fn deny(error: String) -> Decision {
    Decision { allow: false, reasons: Vec::new(), errors: vec![error], revision: 0 }
}
