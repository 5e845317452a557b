//! `/authorize` and `/policies`: asking the policies, reading them, and changing them.

use std::collections::HashMap;

use commands::identity::policies::{Asked, Decided, Named, Policies};
use commands::ports::{Decision, InForce, PolicyText, Resource};
use domain::kernel::EditId;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Enum, Object, OpenApi};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Tag;
use crate::answer::{Accepted, Found, Result};
use crate::audit::ActorView;
use crate::auth::{May, needs};
use crate::conditional::IfMatch;
use crate::error::ApiError;
use crate::metrics;
use crate::page::default_limit;
use crate::request;
use crate::self_editing::edits::EditsApi;
use crate::self_editing::{EditFinding, EditView};

pub(crate) struct PoliciesApi {
    pub(crate) edits: EditsApi,
    pub(crate) policies: Policies,
}

/// May this one do this to that?
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct AuthorizeRequest {
    principal: EntityName,
    action: EntityName,
    resource: ResourceName,
    /// What is said of the circumstances; what the server knows wins over it.
    context: Option<HashMap<String, Any<Value>>>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct EntityName {
    /// `User`, `ApiKey`, `DiscordAccount` or `System`; of an action `Action`.
    #[oai(rename = "type", validator(min_length = 1, max_length = 100))]
    kind: String,
    /// A user may be named by his address.
    #[oai(validator(min_length = 1, max_length = 320))]
    id: String,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ResourceName {
    /// `Document`, `Resource`, `Platform`, or what the schema has besides.
    #[oai(rename = "type", validator(min_length = 1, max_length = 100))]
    kind: String,
    #[oai(validator(min_length = 1, max_length = 320))]
    id: String,
    /// Whose it is: `organization`, by id or mail domain, and `owner`, by id or address.
    attributes: Option<HashMap<String, Any<Value>>>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct AuthorizeBatch {
    #[oai(validator(min_items = 1, max_items = 100))]
    requests: Vec<AuthorizeRequest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "Decision")]
enum DecisionWord {
    Allow,
    Deny,
}

/// What the policies say.
#[derive(Object)]
struct AuthorizeAnswer {
    decision: DecisionWord,
    /// The ids of the policies that decided; none where nothing allows it.
    reasons: Vec<String>,
    /// What could not be evaluated; then it is denied.
    errors: Vec<String>,
    /// The revision of the workspace whose policies decided.
    policies_revision: u64,
}

/// In the order of the requests.
#[derive(Object)]
struct AuthorizeAnswers {
    decisions: Vec<AuthorizeAnswer>,
}

/// A decision that somebody asked for.
#[derive(Object)]
struct PastDecision {
    at: String,
    asked_by: ActorView,
    request_id: Uuid,
    /// `User::"<id>"`; of somebody unknown no more than his type.
    principal: String,
    action: String,
    resource: String,
    decision: DecisionWord,
    reasons: Vec<String>,
    errors: Vec<String>,
    policies_revision: u64,
}

#[derive(Object)]
struct PastDecisions {
    decisions: Vec<PastDecision>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum PolicyEffect {
    Forbid,
    Permit,
}

/// A policy as it is written.
#[derive(Object)]
struct PolicyView {
    /// Its annotation `@id`, or its file and its number there: `roles#2`.
    id: String,
    effect: PolicyEffect,
    file: String,
    line: u32,
    policy: String,
}

/// The policies in force.
#[derive(Object)]
struct PolicyList {
    /// The revision of the workspace they are of.
    revision: u64,
    policies: Vec<PolicyView>,
    /// Actions that the workspace's schema has no words for: the policies that ship decide on them.
    decided_by_shipped: Vec<String>,
    /// Why they cannot be used; then everything is denied but mending them.
    broken: Option<String>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewPolicy {
    /// One policy in Cedar. Its annotation `@id`, if it has one, is the id of the path.
    #[oai(validator(min_length = 1, max_length = 65536))]
    policy: String,
    /// What the change is good for.
    #[oai(validator(min_length = 1, max_length = 2000))]
    description: Option<String>,
}

/// What to try beside the policies in force.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct PolicyTrial {
    /// Policies in Cedar. One with the id of one in force is tried in its place.
    #[oai(validator(min_length = 1, max_length = 262144))]
    policy: Option<String>,
    /// A schema, as Cedar writes it, in place of the one in force.
    #[oai(validator(min_length = 1, max_length = 262144))]
    schema: Option<String>,
}

#[derive(Object)]
struct PolicyVerdict {
    valid: bool,
    findings: Vec<EditFinding>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Policies")]
impl PoliciesApi {
    /// Ask the policies for a decision
    ///
    /// Answers without the envelope. An error is a denial.
    #[oai(path = "/authorize", method = "post", operation_id = "authorize")]
    async fn authorize(
        &self,
        may: May<needs::AuthorizeRequest>,
        body: Json<AuthorizeRequest>,
    ) -> Result<Json<AuthorizeAnswer>> {
        let decisions = self.policies.authorize(&may.caller, vec![body.0.asked()]).await?;
        let decision = decisions.into_iter().next();
        let decision = decision.ok_or_else(|| ApiError::internal(&"a question has no answer"))?;
        Ok(Json(AuthorizeAnswer::of(decision)))
    }

    /// Ask the policies for up to a hundred decisions
    ///
    /// Answers without the envelope, in the order of the requests.
    #[oai(path = "/authorize/batch", method = "post", operation_id = "authorizeBatch")]
    async fn authorize_batch(
        &self,
        may: May<needs::AuthorizeRequest>,
        body: Json<AuthorizeBatch>,
    ) -> Result<Json<AuthorizeAnswers>> {
        let asked = body.0.requests.into_iter().map(AuthorizeRequest::asked).collect();
        let decisions = self.policies.authorize(&may.caller, asked).await?;
        let decisions = decisions.into_iter().map(AuthorizeAnswer::of).collect();
        Ok(Json(AuthorizeAnswers { decisions }))
    }

    /// List the policies in force
    #[oai(path = "/policies", method = "get", operation_id = "listPolicies")]
    async fn list(&self, may: May<needs::ReadSelfEdit>) -> Result<Found<PolicyList>> {
        let InForce { revision, policies, shipped, broken } =
            self.policies.in_force(&may.caller).await?;
        let policies = policies.into_iter().map(PolicyView::of).collect();
        let decided_by_shipped = shipped.into_iter().collect();
        let list = PolicyList { revision, policies, decided_by_shipped, broken };
        Ok(Found::of(list).version(revision))
    }

    /// The newest decisions that somebody asked for
    ///
    /// Of this process, since it started; the newest thousand are kept.
    #[oai(path = "/policies/decisions", method = "get", operation_id = "listDecisions")]
    #[expect(clippy::unused_async, reason = "the framework asks for it")]
    async fn decisions(
        &self,
        may: May<needs::ReadAudit>,
        /// Only those that came out so.
        decision: Query<Option<DecisionWord>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
    ) -> Result<Found<PastDecisions>> {
        let allowed = decision.0.map(|it| it == DecisionWord::Allow);
        let limit = usize::try_from(limit.0).unwrap_or(usize::MAX);
        let decided = self.policies.decided(&may.caller, allowed, limit)?;
        let decisions = decided.into_iter().map(PastDecision::of).collect();
        Ok(Found::of(PastDecisions { decisions }))
    }

    /// Say what would be wrong with a policy or a schema
    #[oai(path = "/policies/validate", method = "post", operation_id = "validatePolicy")]
    async fn validate(
        &self,
        may: May<needs::ReadSelfEdit>,
        body: Json<PolicyTrial>,
    ) -> Result<Found<PolicyVerdict>> {
        let PolicyTrial { policy, schema } = body.0;
        if policy.is_none() && schema.is_none() {
            return Err(ApiError::field("policy", "give a policy, a schema, or both"));
        }
        let findings = self.policies.validate(&may.caller, policy, schema).await?;
        let findings: Vec<_> = findings.into_iter().map(EditFinding::of).collect();
        Ok(Found::of(PolicyVerdict { valid: findings.is_empty(), findings }))
    }

    /// Look at a policy
    #[oai(path = "/policies/:policy_id", method = "get", operation_id = "getPolicy")]
    async fn get(
        &self,
        may: May<needs::ReadSelfEdit>,
        #[oai(validator(min_length = 1, max_length = 128))] policy_id: Path<String>,
    ) -> Result<Found<PolicyView>> {
        let InForce { revision, policies, .. } = self.policies.in_force(&may.caller).await?;
        let policy = policies.into_iter().find(|it| it.id == policy_id.0);
        let policy = policy.ok_or_else(|| ApiError::not_found("policy"))?;
        Ok(Found::of(PolicyView::of(policy)).version(revision))
    }

    /// Propose a policy, or another text for one
    ///
    /// It is an edit of the workspace, of scope security, and decides once that is approved and
    /// applied. What does not fit the schema, or would lock out whoever could take it back, is
    /// refused.
    #[oai(path = "/policies/:policy_id", method = "put", operation_id = "putPolicy")]
    async fn put(
        &self,
        may: May<needs::ProposeSelfEdit>,
        if_match: IfMatch,
        #[oai(validator(min_length = 1, max_length = 128))] policy_id: Path<String>,
        body: Json<NewPolicy>,
    ) -> Result<Accepted<EditView>> {
        let NewPolicy { policy, description } = body.0;
        let revision = self.looked_at(&if_match).await?;
        let put = self.policies.put(&may.caller, &policy_id.0, &policy, description, revision);
        let (edit, position) = put.await?;
        self.proposed(edit, position).await
    }

    /// Propose that a policy be gone
    ///
    /// As an edit, like a change of it.
    #[oai(path = "/policies/:policy_id", method = "delete", operation_id = "deletePolicy")]
    async fn delete(
        &self,
        may: May<needs::ProposeSelfEdit>,
        if_match: IfMatch,
        #[oai(validator(min_length = 1, max_length = 128))] policy_id: Path<String>,
    ) -> Result<Accepted<EditView>> {
        let revision = self.looked_at(&if_match).await?;
        let (edit, position) = self.policies.delete(&may.caller, &policy_id.0, revision).await?;
        self.proposed(edit, position).await
    }
}

impl PoliciesApi {
    /// The revision that the caller insists on.
    async fn looked_at(&self, if_match: &IfMatch) -> Result<Option<u64>> {
        if_match.of(self.policies.revision().await?)
    }

    async fn proposed(&self, edit: EditId, position: u64) -> Result<Accepted<EditView>> {
        let (view, _) = self.edits.told(edit).await?;
        let said = "the change is proposed as an edit; it decides once that is applied";
        let path = format!("/api/v1/self-editing/edits/{edit}");
        Ok(Accepted::at(position, view).saying(said).location(path))
    }
}

impl AuthorizeRequest {
    fn asked(self) -> Asked {
        let Self { principal, action, resource, context } = self;
        let named = |EntityName { kind, id }| Named { kind, id };
        let ResourceName { kind, id, attributes } = resource;
        Asked {
            principal: named(principal),
            action: named(action),
            resource: Resource { kind, id, attributes: plain(attributes) },
            context: plain(context),
        }
    }
}

fn plain(object: Option<HashMap<String, Any<Value>>>) -> Map<String, Value> {
    let entries = object.into_iter().flatten();
    entries.map(|(name, Any(value))| (name, value)).collect()
}

impl From<bool> for DecisionWord {
    fn from(allow: bool) -> Self {
        if allow { Self::Allow } else { Self::Deny }
    }
}

impl AuthorizeAnswer {
    fn of(Decision { allow, reasons, errors, revision }: Decision) -> Self {
        metrics::decided(allow, !errors.is_empty());
        Self { decision: allow.into(), reasons, errors, policies_revision: revision }
    }
}

impl PastDecision {
    fn of(decided: Decided) -> Self {
        let Decided { at, by, request, principal, action, resource, decision } = decided;
        let Decision { allow, reasons, errors, revision } = decision;
        Self {
            at: request::shown(at),
            asked_by: ActorView::of(&by, &HashMap::new()),
            request_id: request,
            principal,
            action,
            resource,
            decision: allow.into(),
            reasons,
            errors,
            policies_revision: revision,
        }
    }
}

impl PolicyView {
    fn of(policy: PolicyText) -> Self {
        let PolicyText { id, file, line, permits, text, .. } = policy;
        let effect = if permits { PolicyEffect::Permit } else { PolicyEffect::Forbid };
        Self { id, effect, file, line, policy: text }
    }
}
