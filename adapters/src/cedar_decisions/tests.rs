//! The policies that ship decide as they should, and leaving out what cannot apply changes nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use cedar_policy::Authorizer;
use commands::ports::{Membership, Tenant};
use domain::kernel::{GuildId, OrganizationId};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::index::Said;
use super::*;

const ACME: OrganizationId = OrganizationId(Uuid::from_u128(1));
const GLOBEX: OrganizationId = OrganizationId(Uuid::from_u128(2));

#[tokio::test]
async fn whoever_holds_a_permission_has_it() {
    let decisions = over(shipped()).0;
    for kind in set::KINDS {
        for holds in [
            Permissions::all(),
            Permissions::default(),
            Permissions::of(&[Permission::ReadAudit]),
            Permissions::parse(["read:*", "erase:person"]).unwrap(),
        ] {
            let somebody = Principal::holding(kind, "x", holds.clone());
            let granted = decisions.granted(&somebody).await.unwrap();
            if kind == PrincipalKind::System {
                let all = Permission::ALL.iter().all(|it| granted.allow(*it));
                assert!(all, "the platform does its own work: {granted:?}");
            } else {
                assert_eq!(granted, holds, "{kind:?}");
            }
        }
    }
}

#[tokio::test]
async fn organizations_are_apart() {
    let decisions = over(shipped()).0;
    let (member, administrator, stranger) =
        (user(ACME, false), user(ACME, true), user(GLOBEX, true));
    let nobody = Principal::unknown(PrincipalKind::User, "unknown");
    for (who, action, owner, allowed) in [
        (&member, "read", Some(ACME), true),
        (&member, "write", Some(ACME), false),
        (&administrator, "write", Some(ACME), true),
        (&administrator, "delete", Some(ACME), true),
        (&administrator, "read", Some(GLOBEX), false),
        (&stranger, "read", Some(ACME), false),
        (&stranger, "write", Some(ACME), false),
        (&nobody, "read", Some(ACME), false),
        (&administrator, "read", None, false),
    ] {
        let decision = decisions.decide(&about(who, action, owner)).await.unwrap();
        assert_eq!((decision.allow, decision.errors.len()), (allowed, 0), "{action} {owner:?}");
        let foreign = owner.is_some_and(|it| who.tenant.as_ref().is_none_or(|own| own.id != it));
        let explicit = decision.reasons == ["other-organizations"];
        assert_eq!(explicit, foreign, "{:?}", decision.reasons);
    }
    let mut owner = Principal::holding(PrincipalKind::User, "o", Permissions::all());
    owner.roles.insert("owner".into());
    let decision = decisions.decide(&about(&owner, "read", Some(ACME))).await.unwrap();
    assert!(!decision.allow, "not even an owner of the platform");
}

#[tokio::test]
async fn what_somebody_says_of_facts_is_not_heard() {
    let more = "permit(principal is User, action == Action::\"write\", resource)\n\
        when { context.group_memberships.contains(\"editors\") };\n";
    let decisions = over(with(shipped(), more)).0;
    let mut ana = user(ACME, false);
    let mut question = about(&ana, "write", Some(ACME));
    let claims = json!({
        "group_memberships": ["editors"], "organization_id": GLOBEX.to_string(),
        "user_roles": ["owner"], "authenticated": true,
    });
    question.context = claims.as_object().unwrap().clone();
    assert!(!decisions.decide(&question).await.unwrap().allow);
    ana.groups.insert(Membership { id: "7".into(), name: "editors".into() });
    question.principal = ana;
    let decision = decisions.decide(&question).await.unwrap();
    assert_eq!(decision.reasons, ["more#1"]);
    question.context.insert("moon".into(), json!("full"));
    let decision = decisions.decide(&question).await.unwrap();
    assert!(!decision.allow && decision.errors.len() == 1, "unknown words are an error");
}

#[tokio::test]
async fn what_cannot_be_evaluated_is_denied() {
    // A forbid that Cedar itself would pass over.
    let more = "forbid(principal, action == Action::\"read\", resource)\n\
        when { 9223372036854775807 + 1 > 0 };\n";
    let decisions = over(with(shipped(), more)).0;
    let decision = decisions.decide(&about(&user(ACME, false), "read", Some(ACME))).await.unwrap();
    assert!(!decision.allow && decision.reasons.is_empty());
    assert!(decision.errors[0].contains("more#1"), "{:?}", decision.errors);
    for (resource, attributes) in [
        ("Moon", json!({})),
        ("Document", json!({ "colour": "red" })),
        ("Document", json!({ "organization": "acme" })),
    ] {
        let mut question = about(&user(ACME, false), "list", None);
        question.resource.kind = resource.to_owned();
        question.resource.attributes = attributes.as_object().unwrap().clone();
        let decision = decisions.decide(&question).await.unwrap();
        assert_eq!((decision.allow, decision.errors.len()), (false, 1), "{attributes}");
    }
}

#[tokio::test]
async fn an_older_workspace_locks_nobody_out() {
    let older = Files::from([
        (
            "policies/schema.cedarschema".to_owned(),
            "entity Role;\nentity User in [Role];\nentity ApiKey = { permissions: Set<String> };\n\
             entity Platform;\naction \"read:audit\" appliesTo { principal: [ApiKey, User],\n\
             resource: Platform, context: { permission: String } };\n"
                .to_owned(),
        ),
        ("policies/roles.cedar".to_owned(), "forbid(principal, action, resource);\n".to_owned()),
    ]);
    for files in [older.clone(), Files::new()] {
        let decisions = over(files).0;
        let key = Principal::holding(PrincipalKind::ApiKey, "k", Permissions::all());
        assert_eq!(decisions.granted(&key).await.unwrap(), Permissions::all());
        let decision = decisions.decide(&about(&user(ACME, false), "read", Some(ACME))).await;
        assert!(decision.unwrap().allow);
        let in_force = decisions.in_force().await.unwrap();
        assert_eq!(in_force.shipped.len(), Permission::ALL.len());
    }
    let found = GuardedPolicies::new(shipped()).check(&older);
    assert!(found[0].reason.contains("read:audit"), "and who edits it is told: {found:?}");
}

#[tokio::test]
async fn broken_policies_leave_mending_to_keys_that_may_everything() {
    let decisions = over(with(shipped(), "permit(principal, action resource);")).0;
    let granted =
        async |kind, holds| decisions.granted(&Principal::holding(kind, "x", holds)).await.unwrap();
    let key = granted(PrincipalKind::ApiKey, Permissions::all()).await;
    assert_eq!(key, Permissions::of(&MENDING));
    assert_eq!(granted(PrincipalKind::User, Permissions::all()).await, Permissions::default());
    let little = Permissions::of(&[Permission::ApproveSelfEdit]);
    assert_eq!(granted(PrincipalKind::ApiKey, little).await, Permissions::default());
    assert!(decisions.in_force().await.unwrap().broken.is_some());
}

#[test]
fn an_edit_that_locks_everybody_out_is_refused() {
    let guard = GuardedPolicies::new(shipped());
    assert_eq!(guard.check(&shipped()), []);
    let more = "\nforbid(principal, action == Action::\"approve:self-edit\", resource)\n\
        unless { principal has organization };";
    let found = guard.check(&with(shipped(), more));
    assert_eq!((found[0].file.as_str(), found[0].line), ("policies/more.cedar", Some(2)));
    assert!(found[0].reason.contains("approve:self-edit"), "{found:?}");
    let mut files = shipped();
    files.insert("policies/roles.cedar".into(), String::new());
    assert!(guard.check(&files)[0].reason.contains("no policy permits it"));
    let needs = |spared: &str| {
        let more = format!(
            "forbid(principal is User, action, resource) when {{ !principal.second_factor }}\n\
             unless {{ action == Action::\"{spared}\" }};"
        );
        guard.check(&with(shipped(), &more))
    };
    assert_eq!(needs("write:profile"), [], "an owner sets a second factor up, and mends");
    assert!(needs("read:profile")[0].reason.contains("write:profile"));
    let narrow = files["policies/schema.cedarschema"].replace("jwt_valid: Bool,", "");
    let files = Files::from([("policies/schema.cedarschema".to_owned(), narrow)]);
    assert!(guard.check(&files)[0].reason.contains("Facts"));
}

#[tokio::test]
async fn policies_of_before_second_factors_go_on_deciding() {
    let mut files =
        with(shipped(), "forbid(principal, action == Action::\"read:log\", resource);\n");
    let schema = files.get_mut("policies/schema.cedarschema").unwrap();
    *schema = schema.replace("Bool,\n  second_factor: Bool", "Bool");
    let (decisions, _) = over(files);
    let everything = Permissions::all();
    let owner = Principal { holds: everything, ..user(OrganizationId(Uuid::nil()), false) };
    let granted = decisions.granted(&owner).await.unwrap();
    assert!(!granted.allow(Permission::ReadLog) && granted.allow(Permission::ReadAudit));
    assert!(decisions.in_force().await.unwrap().shipped.is_empty(), "none of those that ship");
}

#[tokio::test]
async fn new_policies_decide_at_once_and_the_same_ones_are_kept() {
    let (decisions, source) = over(shipped());
    let key = Principal::holding(PrincipalKind::ApiKey, "k", Permissions::all());
    assert_eq!(decisions.granted(&key).await.unwrap(), Permissions::all());
    let reads = || source.reads.load(Ordering::SeqCst);
    let before = reads();
    assert_eq!(decisions.granted(&key).await.unwrap(), Permissions::all());
    assert_eq!(reads(), before, "nothing is read while nothing changes");

    let more = "forbid(principal, action == Action::\"read:log\", resource);\n";
    source.put(with(shipped(), more));
    let granted = decisions.granted(&key).await.unwrap();
    assert!(!granted.allow(Permission::ReadLog) && granted.allow(Permission::ReadAudit));
    assert!(!granted.cover(&Permissions::all()), "he hands on no more than he has");
    source.put(shipped());
    assert_eq!(decisions.granted(&key).await.unwrap(), Permissions::all());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The index is a sound over-approximation: decisions, reasons and errors are those of all policies.
    #[test]
    fn leaving_out_what_cannot_apply_changes_nothing(
        policies in prop::collection::vec(policy(), 1..40),
        who in 0..3_usize, groups in prop::collection::btree_set(0..3_u8, 0..3),
        action in 0..4_usize, place in prop::option::of(0..2_usize), id in 0..2_u8,
    ) {
        let files = with(shipped(), &policies.concat());
        let set = Set::of(&files).unwrap().unwrap();
        let mut principal = match who {
            0 => user(ACME, true),
            1 => Principal::holding(PrincipalKind::ApiKey, "u1", Permissions::all()),
            _ => Principal::holding(PrincipalKind::DiscordAccount, "u1", Permissions::default()),
        };
        principal.guild = Some(GuildId(1));
        if who == 0 {
            let group = |it: u8| Membership { id: format!("g{it}"), name: format!("g{it}") };
            principal.groups = groups.into_iter().map(group).collect();
        }
        let action = ["read", "write", "list", "delete"][action];
        let mut question = about(&principal, action, place.map(|it| [ACME, GLOBEX][it]));
        question.resource.id = format!("d{id}");

        let subject = set.subject(&principal).unwrap();
        let indexed = set.ask(&subject, action, &question.resource, &Map::new()).unwrap();
        let prepared = set.prepared(&subject, action, &question.resource, &Map::new()).unwrap();
        let (request, entities, _) = prepared;
        let whole = Authorizer::new().is_authorized(&request, &set.all, &entities);
        let mut all = Said::default();
        all.hear(&whole);
        // Cedar tells of what permits only where nothing forbids.
        prop_assert_eq!(indexed.allows(), all.allows());
        prop_assert_eq!(indexed.reasons(), all.reasons());
        prop_assert_eq!(&indexed.errors, &all.errors);
    }
}

/// A policy with some scope and some condition, which may hold, not hold, or fail.
fn policy() -> impl Strategy<Value = String> {
    let effect = prop::sample::select(vec!["permit", "permit", "permit", "forbid"]);
    let principal = prop::sample::select(vec![
        "principal",
        "principal is User",
        "principal is ApiKey",
        "principal == User::\"u1\"",
        "principal == ApiKey::\"u1\"",
        "principal in Group::\"g0\"",
        "principal in Group::\"g1\"",
        "principal is User in Group::\"g2\"",
        "principal in Role::\"user\"",
        "principal in Guild::\"1\"",
    ]);
    let action = prop::sample::select(vec![
        "action",
        "action == Action::\"read\"",
        "action in Action::\"look\"",
        "action in [Action::\"write\", Action::\"change\"]",
        "action in [Action::\"read\", Action::\"look\"]",
    ]);
    let resource = prop::sample::select(vec![
        "resource",
        "resource is Document",
        "resource is Resource",
        "resource == Document::\"d0\"",
        "resource in Document::\"d1\"",
    ]);
    let condition = prop::sample::select(vec![
        "",
        " when { context.authenticated }",
        " when { resource has organization }",
        " when { 9223372036854775807 + 1 > 0 }",
        " unless { context.jwt_valid }",
    ]);
    (effect, principal, action, resource, condition).prop_map(
        |(effect, principal, action, resource, condition)| {
            format!("{effect}({principal}, {action}, {resource}){condition};\n")
        },
    )
}

/// Files in memory.
struct Source {
    files: std::sync::Mutex<Files>,
    news: AtomicU64,
    reads: AtomicU64,
}

impl Source {
    fn put(&self, files: Files) {
        *self.files.lock().unwrap() = files;
        self.news.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl PolicySource for Source {
    fn news(&self) -> u64 {
        self.news.load(Ordering::SeqCst)
    }

    async fn policies(&self) -> Result<(u64, Files), CommandError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        Ok((1, self.files.lock().unwrap().clone()))
    }
}

fn over(files: Files) -> (CedarDecisions, Arc<Source>) {
    let files = std::sync::Mutex::new(files);
    let source = Source { files, news: AtomicU64::new(0), reads: AtomicU64::new(0) };
    let source = Arc::new(source);
    (CedarDecisions::new(source.clone(), shipped()), source)
}

fn shipped() -> Files {
    macro_rules! file {
        ($name:literal) => {
            (
                concat!("policies/", $name).to_owned(),
                include_str!(concat!("../../../app/workspace/policies/", $name)).to_owned(),
            )
        };
    }
    Files::from([
        file!("groups.cedar"),
        file!("organizations.cedar"),
        file!("roles.cedar"),
        file!("schema.cedarschema"),
    ])
}

fn with(mut files: Files, more: &str) -> Files {
    files.insert("policies/more.cedar".to_owned(), more.to_owned());
    files
}

fn user(organization: OrganizationId, runs: bool) -> Principal {
    let mut user = Principal::holding(PrincipalKind::User, "u1", Permissions::default());
    user.roles.insert("user".into());
    user.tenant = Some(Tenant { id: organization, domain: None, runs });
    user
}

fn about(who: &Principal, action: &str, organization: Option<OrganizationId>) -> Question {
    let organization = organization.map(|it| {
        let entity: Value = json!({ "type": "Organization", "id": it.to_string() });
        ("organization".to_owned(), entity)
    });
    let (kind, id) = ("Document".to_owned(), "d".to_owned());
    let resource = Resource { kind, id, attributes: organization.into_iter().collect() };
    let (principal, action) = (who.clone(), action.to_owned());
    Question { principal, action, resource, context: Map::new() }
}
