//! `/health`: whether the process lives, is ready, and is well. Bare, and open to everybody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use poem::{Endpoint, Request, Response};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use projections::{Generations, Status};

use crate::Tag;
use crate::metrics;
use crate::request;

/// How long a part may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks after the parts of the platform.
#[async_trait]
pub trait Health: Send + Sync {
    /// How each part is. Must answer soon, whatever hangs.
    async fn checks(&self) -> Checks;

    /// How each reactor stands; nothing when that cannot be read.
    async fn reactors(&self) -> BTreeMap<String, ReactorState> {
        BTreeMap::new()
    }
}

/// How a reactor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Object)]
pub struct ReactorState {
    /// The last commit that it is done with.
    pub position: u64,
    /// How many commits it is behind the log. What does not concern it counts for some seconds.
    pub lag: u64,
    /// Events that it could not deal with yet and tries again, up to 1000.
    pub parked: u64,
}

/// How one part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Condition {
    /// It works, but not as it should.
    Degraded,
    /// It is switched off, or not configured.
    Disabled,
    /// It works.
    Healthy,
    /// It does not work.
    Unhealthy,
}

/// How the parts are that only the program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    pub log: Condition,
    pub operational: Condition,
    pub vault: Condition,
    pub discord: Condition,
    pub ai_services: Condition,
}

/// How everything is.
struct Found {
    checks: Checks,
    views: Condition,
    status: Option<Status>,
    reactors: BTreeMap<String, ReactorState>,
}

impl Found {
    async fn by(health: &dyn Health, views: &Generations) -> Self {
        let (checks, status, reactors) = tokio::join!(
            tokio::time::timeout(PATIENCE, health.checks()),
            tokio::time::timeout(PATIENCE, views.status()),
            tokio::time::timeout(PATIENCE, health.reactors()),
        );
        let ill = Condition::Unhealthy;
        let checks = checks.unwrap_or(Checks {
            log: ill,
            operational: ill,
            vault: ill,
            discord: ill,
            ai_services: ill,
        });
        let status = status.ok().and_then(Result::ok).flatten();
        let views = match &status {
            // What is shown is not what happened.
            None | Some(Status { differs: true, .. }) => ill,
            Some(Status { alarm: Some(_), .. }) => Condition::Degraded,
            Some(status) if !status.failures.is_empty() => Condition::Degraded,
            Some(_) => Condition::Healthy,
        };
        Self { checks, views, status, reactors: reactors.unwrap_or_default() }
    }

    /// All in one word: nothing works without log and databases; the rest can be missed.
    fn word(&self) -> Condition {
        let Checks { log, discord, ai_services, .. } = self.checks;
        if [log, self.database()].contains(&Condition::Unhealthy) {
            return Condition::Unhealthy;
        }
        let ill = |it: &Condition| matches!(it, Condition::Degraded | Condition::Unhealthy);
        let all = [log, self.database(), discord, ai_services];
        if all.iter().any(ill) { Condition::Degraded } else { Condition::Healthy }
    }

    /// The worst of the three databases.
    fn database(&self) -> Condition {
        let all = [self.checks.operational, self.checks.vault, self.views];
        let has = |wanted| all.contains(&wanted);
        match () {
            () if has(Condition::Unhealthy) => Condition::Unhealthy,
            () if has(Condition::Degraded) => Condition::Degraded,
            () => Condition::Healthy,
        }
    }

    /// Which part nothing works without does not work, and why.
    fn trouble(&self) -> Option<(&'static str, String)> {
        let ill = |it: Condition| it == Condition::Unhealthy;
        // Only this alarm is in our own words; others quote a database, and are not for everybody.
        let differs = self.status.as_ref().filter(|it| it.differs);
        let alarm = differs.and_then(|it| it.alarm.clone());
        let unbuilt = || "the read models cannot be asked, or are not built yet".to_owned();
        if ill(self.checks.log) {
            return Some(("log", "the log does not answer".to_owned()));
        }
        for (name, condition) in
            [("operational", self.checks.operational), ("vault", self.checks.vault)]
        {
            if ill(condition) {
                return Some((name, format!("the {name} store does not answer")));
            }
        }
        ill(self.views).then(|| ("views", alarm.unwrap_or_else(unbuilt)))
    }

    /// How many commits each projection is behind.
    fn lags(&self) -> BTreeMap<String, u64> {
        let lags = self.status.iter().flat_map(|status| {
            let names = status.checkpoint.versions.keys();
            names.map(|name| (name.clone(), status.lag()))
        });
        lags.collect()
    }
}

/// The endpoint of `/metrics`.
pub(crate) struct Numbers {
    pub(crate) health: Arc<dyn Health>,
    pub(crate) started: DateTime<Utc>,
    pub(crate) views: Generations,
}

impl Endpoint for Numbers {
    type Output = Response;

    async fn call(&self, _: Request) -> poem::Result<Response> {
        let found = Found::by(&*self.health, &self.views).await;
        let uptime = seconds(self.started, request::now());
        let standing = found.status.as_ref().map(|it| (it.head, it.checkpoint.position));
        let text = metrics::render(standing, &found.lags(), &found.reactors, uptime);
        let answer = Response::builder().content_type("text/plain; version=0.0.4; charset=utf-8");
        Ok(answer.body(text))
    }
}

pub(crate) struct HealthApi {
    pub(crate) health: Arc<dyn Health>,
    pub(crate) started: DateTime<Utc>,
    pub(crate) views: Generations,
}

/// How the process and what it needs are.
#[derive(Object)]
struct HealthReport {
    status: Condition,
    timestamp: String,
    version: String,
    /// Seconds since the process started.
    uptime: u64,
    checks: CheckWords,
    /// How many commits each projection is behind the log.
    projections: BTreeMap<String, u64>,
    /// How each reactor stands.
    reactors: BTreeMap<String, ReactorState>,
}

#[derive(Object)]
struct CheckWords {
    log: Condition,
    /// The worst of `views`, `operational` and `vault`.
    database: Condition,
    views: Condition,
    operational: Condition,
    vault: Condition,
    discord: Condition,
    /// `disabled` while no provider is configured; the local answerer needs none.
    ai_services: Condition,
}

/// One word; and what keeps the process from being ready.
#[derive(Object)]
struct Word {
    status: String,
    /// Which part does not work: `log`, `operational`, `vault` or `views`.
    #[oai(skip_serializing_if_is_none)]
    component: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    reason: Option<String>,
}

impl Word {
    fn just(status: &str) -> Self {
        Self { status: status.to_owned(), component: None, reason: None }
    }
}

#[derive(ApiResponse)]
enum HealthAnswer {
    /// What is needed works.
    #[oai(status = 200)]
    Well(Json<HealthReport>),
    /// The log or a database does not work.
    #[oai(status = 503)]
    Ill(Json<HealthReport>),
}

#[derive(ApiResponse)]
enum Readiness {
    /// Requests can be answered.
    #[oai(status = 200)]
    Ready(Json<Word>),
    /// Not yet, or not any more.
    #[oai(status = 503)]
    NotReady(Json<Word>),
}

#[OpenApi(tag = "Tag::Health")]
impl HealthApi {
    /// How the platform and its parts are
    #[oai(path = "/health", method = "get", operation_id = "getHealth")]
    async fn health(&self) -> HealthAnswer {
        let found = Found::by(&*self.health, &self.views).await;
        let (status, projections) = (found.word(), found.lags());
        let now = request::now();
        let report = HealthReport {
            status,
            timestamp: request::shown(now),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime: seconds(self.started, now),
            checks: CheckWords {
                log: found.checks.log,
                database: found.database(),
                operational: found.checks.operational,
                vault: found.checks.vault,
                views: found.views,
                discord: found.checks.discord,
                ai_services: found.checks.ai_services,
            },
            projections,
            reactors: found.reactors,
        };
        match status {
            Condition::Unhealthy => HealthAnswer::Ill(Json(report)),
            _ => HealthAnswer::Well(Json(report)),
        }
    }

    /// Whether the process lives
    #[oai(path = "/health/live", method = "get", operation_id = "getLiveness")]
    #[expect(clippy::unused_async, reason = "every operation is asynchronous")]
    async fn live(&self) -> Json<Word> {
        Json(Word::just("alive"))
    }

    /// Whether requests can be answered
    #[oai(path = "/health/ready", method = "get", operation_id = "getReadiness")]
    async fn ready(&self) -> Readiness {
        let Some((component, reason)) = Found::by(&*self.health, &self.views).await.trouble()
        else {
            return Readiness::Ready(Json(Word::just("ready")));
        };
        let (component, reason) = (Some(component.to_owned()), Some(reason));
        Readiness::NotReady(Json(Word { component, reason, ..Word::just("not_ready") }))
    }
}

/// Whole seconds from one moment to another, never less than none.
pub(crate) fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> u64 {
    (to - from).num_seconds().max(0).cast_unsigned()
}
