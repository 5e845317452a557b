//! Every request gets an id; its answer, its log lines and all events that come of it carry it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::kernel::Clock;
use poem::http::{Method, StatusCode};
use uuid::Uuid;

tokio::task_local! {
    static CONTEXT: Context;
}

/// What is known wherever a request is answered.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) id: Uuid,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Context {
    /// Answers within this context.
    pub(crate) async fn around<F: Future>(self, answer: F) -> F::Output {
        CONTEXT.scope(self, answer).await
    }
}

/// The id of the request that is being answered.
pub(crate) fn id() -> Uuid {
    CONTEXT.try_with(|it| it.id).unwrap_or_default()
}

/// The context, to go on elsewhere.
pub(crate) fn context() -> Option<Context> {
    CONTEXT.try_with(Clone::clone).ok()
}

/// The present, as the clock of the platform tells it.
pub(crate) fn now() -> DateTime<Utc> {
    CONTEXT.try_with(|it| it.clock.now()).unwrap_or_default()
}

/// A time as every answer writes it.
pub(crate) fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Writes and failures are worth a line; what was read well is not.
pub(crate) fn log(
    method: &Method,
    route: &str,
    status: StatusCode,
    took: Duration,
    caller: Option<&str>,
) {
    let (request_id, status, duration_ms) = (id(), status.as_u16(), took.as_millis());
    if status < 400 && (method == Method::GET || method == Method::HEAD) {
        tracing::debug!(%request_id, caller, %method, route, status, duration_ms, "answered");
    } else {
        tracing::info!(%request_id, caller, %method, route, status, duration_ms, "answered");
    }
}
