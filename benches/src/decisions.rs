//! Decisions: a thousand policies, a hundred thousand users, each with what is known of him put together
//! for the question; and what somebody may, from memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::CedarDecisions;
use anyhow::{Result, ensure};
use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{
    Decisions, Membership, PolicySource, Principal, PrincipalKind, Question, Resource, Tenant,
};
use commands::self_editing::Files;
use domain::identity::built_in;
use domain::kernel::OrganizationId;
use palimpsest::policies::shipped_policies;
use serde_json::{Map, json};
use uuid::Uuid;

use crate::figure::{Figure, Unit};
use crate::measure::Bench;
use crate::table::{Goal, Row};

const POLICIES: usize = 1_000;
const USERS: usize = 100_000;
const ORGANIZATIONS: usize = 1_000;
const GROUPS: usize = 200;

/// Of the issue.
const AT_MOST_US: f64 = 200.0;

pub(crate) async fn show(bench: Bench) -> Result<Vec<Row>> {
    let decisions = over(policies());
    let ours = asked(&decisions, bench.span).await?;
    let most = Goal::AtMost(AT_MOST_US);
    let mut rows = vec![
        Row::new("a decision, 1,000 policies, 100,000 users", ours),
        Row::new("… its p99", p99(ours)).reaching(most),
    ];
    let few = asked(&over(shipped_policies()), bench.span).await?;
    rows.push(Row::new("… the policies that ship alone", few));

    let somebody = user(7);
    decisions.granted(&somebody).await?;
    let end = Instant::now() + bench.span;
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let started = Instant::now();
        let granted = decisions.granted(&somebody).await?;
        latencies.push(started.elapsed());
        ensure!(granted.iter().next().is_some(), "he may do something");
    }
    let cached = Figure::time_of(latencies);
    rows.push(
        Row::new("what somebody may, from memory: p99", p99(cached)).reaching(Goal::AtMost(20.0)),
    );
    let started = Instant::now();
    decisions.granted(&user(8)).await?;
    let first = Figure::time_of(vec![started.elapsed()]);
    rows.push(Row::new("what somebody may, the first time", first));
    Ok(rows)
}

async fn asked(decisions: &CedarDecisions, span: Duration) -> Result<Figure> {
    decisions.decide(&question(0)).await?;
    let end = Instant::now() + span;
    let (mut latencies, mut allowed) = (Vec::new(), 0);
    for number in 1.. {
        if Instant::now() >= end {
            break;
        }
        // Somebody else each time; the facts are there, as they are from the streams in memory.
        let question = question(number);
        let started = Instant::now();
        let decision = decisions.decide(&question).await?;
        latencies.push(started.elapsed());
        ensure!(decision.errors.is_empty(), "{:?}", decision.errors);
        allowed += usize::from(decision.allow);
    }
    ensure!(allowed > 0 && allowed < latencies.len(), "some are allowed, some denied");
    Ok(Figure::time_of(latencies))
}

/// Policies as a large installation might have them: of groups, of organizations, of single documents, and some
/// that forbid.
fn policies() -> Files {
    let mut all = String::new();
    let ships = 8;
    for number in 0..POLICIES - ships {
        let (group, tenant) = (number % GROUPS, organization(number % ORGANIZATIONS));
        all.push_str(&match number % 5 {
            0 => format!(
                "permit(principal in Group::\"g{group}\", action == Action::\"write\", resource is \
                 Document)\nwhen {{ resource has organization && principal in resource.organization }};\n"
            ),
            1 => format!(
                "permit(principal in Organization::\"{tenant}\", action == Action::\"share\", resource \
                 is Document)\nunless {{ context.user_roles.contains(\"guest\") }};\n"
            ),
            2 => format!(
                "permit(principal is User, action == Action::\"read\", resource == \
                 Document::\"d{number}\");\n"
            ),
            3 => format!(
                "forbid(principal in Group::\"g{group}\", action == Action::\"delete\", resource)\n\
                 unless {{ context.jwt_valid }};\n"
            ),
            _ => format!(
                "permit(principal in Group::\"g{group}\", action == Action::\"read:log\", resource is \
                 Platform);\n"
            ),
        });
    }
    let mut files = shipped_policies();
    files.insert("policies/many.cedar".to_owned(), all);
    files
}

fn question(number: usize) -> Question {
    // A stride that shares no factor with the number of users.
    let who = user(number * 7_919 % USERS);
    let own = who.tenant.as_ref().map(|it| it.id);
    let foreign = number.is_multiple_of(3).then(|| organization((number + 1) % ORGANIZATIONS));
    let action = ["read", "write", "share", "delete"][number % 4];
    let organization = foreign.or(own).map(|it| {
        let entity = json!({ "type": "Organization", "id": it.to_string() });
        ("organization".to_owned(), entity)
    });
    let attributes = organization.into_iter().collect();
    let resource =
        Resource { kind: "Document".to_owned(), id: format!("d{}", number % 5_000), attributes };
    Question { principal: who, action: action.to_owned(), resource, context: Map::new() }
}

fn user(number: usize) -> Principal {
    let role = "user".to_owned();
    let holds = role.parse().ok().and_then(|role| built_in(&role)).unwrap_or_default();
    let mut user = Principal::holding(PrincipalKind::User, format!("u{number}"), holds);
    user.jwt_valid = true;
    user.roles.insert(role);
    user.groups = (0..5)
        .map(|nth| format!("g{}", (number * 31 + nth * 37) % GROUPS))
        .map(|id| Membership { name: id.clone(), id })
        .collect();
    let id = organization(number % ORGANIZATIONS);
    user.tenant = Some(Tenant { id, domain: Some("acme.example".to_owned()), runs: number == 0 });
    user
}

fn organization(number: usize) -> OrganizationId {
    OrganizationId(Uuid::from_u128(number as u128))
}

/// Policies in memory, which never change.
struct Still(Files);

#[async_trait]
impl PolicySource for Still {
    fn news(&self) -> u64 {
        0
    }

    async fn policies(&self) -> Result<(u64, Files), CommandError> {
        Ok((1, self.0.clone()))
    }
}

fn over(files: Files) -> CedarDecisions {
    CedarDecisions::new(Arc::new(Still(files)), shipped_policies())
}

fn p99(figure: Figure) -> Figure {
    let value = figure.p99_us.unwrap_or(f64::NAN);
    Figure { value, unit: Unit::Microseconds, p50_us: None, p99_us: None }
}
