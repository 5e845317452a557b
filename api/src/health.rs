//! `/health`: whether the process lives, is ready, and is well. Bare, and open to everybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use poem::{Endpoint, Request, Response};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};

use crate::Tag;
use crate::consistency::ViewPosition;
use crate::metrics;
use crate::request;

/// Looks after the parts of the platform.
#[async_trait]
pub trait Health: Send + Sync {
    /// How each part is. Must answer soon, whatever hangs.
    async fn checks(&self) -> Checks;
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

/// How all parts are.
#[derive(Debug, Clone)]
pub struct Checks {
    pub log: Condition,
    pub views: Condition,
    pub discord: Condition,
    pub ai_services: Condition,
    /// The log's newest commit, when it could be asked.
    pub head: Option<u64>,
    /// Commits that each projection is behind the log.
    pub projections: Vec<(String, u64)>,
}

/// The endpoint of `/metrics`.
pub(crate) struct Numbers {
    pub(crate) health: Arc<dyn Health>,
    pub(crate) started: DateTime<Utc>,
    pub(crate) views: ViewPosition,
}

impl Endpoint for Numbers {
    type Output = Response;

    async fn call(&self, _: Request) -> poem::Result<Response> {
        let checks = self.health.checks().await;
        let uptime = seconds(self.started, request::now());
        let text = metrics::render(checks.head, self.views.now(), &checks.projections, uptime);
        let answer = Response::builder().content_type("text/plain; version=0.0.4; charset=utf-8");
        Ok(answer.body(text))
    }
}

pub(crate) struct HealthApi {
    pub(crate) health: Arc<dyn Health>,
    pub(crate) started: DateTime<Utc>,
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
}

#[derive(Object)]
struct CheckWords {
    log: Condition,
    views: Condition,
    discord: Condition,
    ai_services: Condition,
}

/// One word.
#[derive(Object)]
struct Word {
    status: String,
}

#[derive(ApiResponse)]
enum HealthAnswer {
    /// What is needed works.
    #[oai(status = 200)]
    Well(Json<HealthReport>),
    /// The log or the read models do not work.
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
        let checks = self.health.checks().await;
        let status = checks.status();
        let now = request::now();
        let report = HealthReport {
            status,
            timestamp: request::shown(now),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime: seconds(self.started, now),
            checks: CheckWords {
                log: checks.log,
                views: checks.views,
                discord: checks.discord,
                ai_services: checks.ai_services,
            },
            projections: checks.projections.into_iter().collect(),
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
        Json(Word { status: "alive".to_owned() })
    }

    /// Whether requests can be answered
    #[oai(path = "/health/ready", method = "get", operation_id = "getReadiness")]
    async fn ready(&self) -> Readiness {
        let word = |status: &str| Json(Word { status: status.to_owned() });
        match self.health.checks().await.status() {
            Condition::Unhealthy => Readiness::NotReady(word("not_ready")),
            _ => Readiness::Ready(word("ready")),
        }
    }
}

impl Checks {
    /// All in one word: nothing works without log and views; the rest can be missed.
    pub fn status(&self) -> Condition {
        let needed = [self.log, self.views];
        if needed.contains(&Condition::Unhealthy) {
            return Condition::Unhealthy;
        }
        let all = [self.log, self.views, self.discord, self.ai_services];
        let ill = |it: &Condition| matches!(it, Condition::Degraded | Condition::Unhealthy);
        if all.iter().any(ill) { Condition::Degraded } else { Condition::Healthy }
    }
}

/// Whole seconds from one moment to another, never less than none.
pub(crate) fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> u64 {
    (to - from).num_seconds().max(0).cast_unsigned()
}
