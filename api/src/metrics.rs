//! `/metrics`, as Prometheus reads it, and the counts behind the samples of the process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use poem::http::{Method, StatusCode};

use crate::health::ReactorState;

const DECISIONS: &str = "palimpsest_authorize_decisions_total";
const REQUESTS: &str = "palimpsest_http_requests_total";
const DURATION: &str = "palimpsest_http_request_duration_seconds";
const IN_FLIGHT: &str = "palimpsest_http_requests_in_flight";
const HEAD: &str = "palimpsest_log_head";
const POSITION: &str = "palimpsest_views_position";
const LAG: &str = "palimpsest_projection_lag";
const REACTOR_LAG: &str = "palimpsest_reactor_lag";
const PARKED: &str = "palimpsest_reactor_parked";
const UPTIME: &str = "palimpsest_uptime_seconds";

/// The upper ends of the buckets, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Makes this process count; call it before anything else does. Again is harmless.
pub fn install() -> &'static PrometheusHandle {
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        let durations = Matcher::Suffix("_seconds".to_owned());
        let builder = match builder.set_buckets_for_metric(durations, &BUCKETS) {
            Ok(builder) => builder,
            Err(_) => PrometheusBuilder::new(), // Only an empty list is refused.
        };
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics was there first; /metrics stays empty");
        }
        metrics::describe_counter!(DECISIONS, "Decisions that somebody asked for.");
        metrics::describe_counter!(REQUESTS, "Requests answered.");
        metrics::describe_histogram!(DURATION, "How long answers took.");
        metrics::describe_gauge!(IN_FLIGHT, "Requests that are being answered.");
        metrics::describe_gauge!(HEAD, "The newest commit of the log.");
        metrics::describe_gauge!(POSITION, "The last commit that the read models show.");
        metrics::describe_gauge!(LAG, "Commits that a projection is behind the log.");
        metrics::describe_gauge!(REACTOR_LAG, "Commits that a reactor is behind the log.");
        metrics::describe_gauge!(PARKED, "Events that a reactor tries again.");
        metrics::describe_gauge!(UPTIME, "Seconds since the process started.");
        handle
    })
}

/// Counts a decision that somebody asked for.
pub(crate) fn decided(allow: bool, failed: bool) {
    let decision = if allow { "allow" } else { "deny" };
    let failed = if failed { "true" } else { "false" };
    metrics::counter!(DECISIONS, "decision" => decision, "error" => failed).increment(1);
}

/// Requests since the last look, for the sample of the process.
#[derive(Debug, Default)]
pub struct Traffic {
    requests: AtomicU64,
    errors: AtomicU64,
    micros: AtomicU64,
    connections: AtomicU64,
}

/// What [`Traffic::take`] found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tally {
    pub requests: u64,
    /// Of those, the ones that failed on our side.
    pub errors: u64,
    /// The mean time to answer, in milliseconds; 0 without requests.
    pub response_ms: f64,
    /// Open connections of every kind, now.
    pub connections: u64,
}

impl Traffic {
    /// What was counted since the last time; starts again from nothing.
    pub fn take(&self) -> Tally {
        let requests = self.requests.swap(0, Ordering::Relaxed);
        let errors = self.errors.swap(0, Ordering::Relaxed);
        let micros = self.micros.swap(0, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "a mean need not be exact")]
        let response_ms = if requests == 0 { 0.0 } else { micros as f64 / requests as f64 / 1e3 };
        Tally { requests, errors, response_ms, connections: self.connections() }
    }

    /// Open connections.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts a request that is being answered.
    pub(crate) fn visit(self: &Arc<Self>, method: Method, route: &'static str) -> Visit {
        metrics::gauge!(IN_FLIGHT).increment(1.0);
        Visit { traffic: self.clone(), method, route, started: Instant::now(), ended: false }
    }

    /// Counts an answer.
    fn answered(&self, method: &Method, route: &'static str, status: StatusCode, took: Duration) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.errors.fetch_add(u64::from(status.is_server_error()), Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);

        let method = word(method);
        let status = status.as_u16().to_string();
        let requests =
            metrics::counter!(REQUESTS, "method" => method, "route" => route, "status" => status);
        requests.increment(1);
        metrics::histogram!(DURATION, "method" => method, "route" => route).record(took);
    }
}

/// A request that is being answered; dropped before its end, its sender has hung up.
pub(crate) struct Visit {
    traffic: Arc<Traffic>,
    method: Method,
    route: &'static str,
    started: Instant,
    ended: bool,
}

impl Visit {
    /// It was answered with this; answers how long that took.
    pub(crate) fn ended(mut self, status: StatusCode) -> Duration {
        self.ended = true;
        let took = self.started.elapsed();
        self.traffic.answered(&self.method, self.route, status, took);
        took
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        metrics::gauge!(IN_FLIGHT).decrement(1.0);
        if !self.ended {
            // Nobody is left to be told; proxies call it so.
            let status = StatusCode::from_u16(499).unwrap_or(StatusCode::REQUEST_TIMEOUT);
            let took = self.started.elapsed();
            self.traffic.answered(&self.method, self.route, status, took);
        }
    }
}

/// A method as a label; odd ones share one.
fn word(method: &Method) -> &'static str {
    match method.as_str() {
        "DELETE" => "DELETE",
        "GET" => "GET",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "POST" => "POST",
        "PUT" => "PUT",
        _ => "OTHER",
    }
}

/// The text of `/metrics`; head of the log and position of the read models as of now.
pub(crate) fn render(
    standing: Option<(u64, u64)>,
    lags: &BTreeMap<String, u64>,
    reactors: &BTreeMap<String, ReactorState>,
    uptime: u64,
) -> String {
    let handle = install();
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    let number = |it: u64| it as f64;
    if let Some((head, position)) = standing {
        metrics::gauge!(HEAD).set(number(head));
        metrics::gauge!(POSITION).set(number(position));
    }
    metrics::gauge!(UPTIME).set(number(uptime));
    for (projection, lag) in lags {
        metrics::gauge!(LAG, "projection" => projection.clone()).set(number(*lag));
    }
    for (reactor, state) in reactors {
        metrics::gauge!(REACTOR_LAG, "reactor" => reactor.clone()).set(number(state.lag));
        metrics::gauge!(PARKED, "reactor" => reactor.clone()).set(number(state.parked));
    }
    handle.run_upkeep();
    handle.render()
}
