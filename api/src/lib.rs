//! The HTTP front door.

mod answer;
mod auth;
mod cloud_event;
mod conditional;
mod consistency;
mod cors;
mod docs;
mod door;
mod envelope;
mod error;
mod health;
mod idempotency;
mod limits;
mod logs;
pub mod metrics;
mod openapi;
mod page;
mod request;
mod serve;
mod services;
mod settings;
mod ws;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use poem::endpoint::BoxEndpoint;
use poem::{EndpointExt, Response, Route, get};
use poem_openapi::Tags;

pub use auth::{Authenticate, Unauthenticated};
pub use consistency::ViewPosition;
pub use health::{Checks, Condition, Health};
pub use serve::serve;
pub use services::Services;
pub use settings::{ApiSettings, RateLimit, RateLimits, WebSocketSettings};

use openapi::operations::Operations;

/// What operations are about.
#[derive(Tags)]
#[oai(rename_all = "snake_case")]
enum Tag {
    /// How the process is.
    Health,
    /// What the process wrote about itself.
    Logs,
}

/// All operations of the API, one type per context.
type Apis = (health::HealthApi, logs::LogsApi);

/// Everything that is served: the API with its document, health, metrics and the WebSocket.
///
/// Must be called within a runtime: the WebSocket's feed starts at once.
pub fn routes(services: Services, settings: ApiSettings) -> BoxEndpoint<'static, Response> {
    metrics::install();
    let started = services.clock.now();
    let (document, page) = docs::written::<Apis>();
    let operations = Operations::of(&document);
    let Services { authenticate, health, journal, stop, traffic, views, .. } = services.clone();
    let apis: Apis = (
        health::HealthApi { health: health.clone(), started },
        logs::LogsApi { directory: settings.log_directory.clone() },
    );
    let buffer = settings.websocket.buffer;
    let feed = ws::Feed::start(journal, views.clone(), stop.clone(), buffer);
    let numbers = health::Numbers { health, started, views: views.clone() };
    let sockets = ws::Sockets {
        authenticate,
        feed,
        open: Arc::new(AtomicUsize::new(0)),
        settings: settings.clone(),
        stop,
        traffic,
        views,
    };
    let route = Route::new()
        .at("/docs", get(docs::page(page)))
        .at("/metrics", get(numbers))
        .at("/openapi.json", get(docs::json(&document)))
        .at("/ws", get(sockets))
        .nest("/", docs::service(apis));
    door::Door::new(route, operations, &services, settings).boxed()
}

/// The OpenAPI document, as `/openapi.json` shows it.
pub fn openapi_json() -> String {
    format!("{:#}", docs::written::<Apis>().0)
}
