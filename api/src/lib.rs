//! The HTTP front door.

mod accounts;
mod alerts;
mod analytics;
mod answer;
mod audit;
mod auth;
mod conditional;
mod consistency;
mod conversation;
mod cors;
mod docs;
mod door;
mod envelope;
mod error;
mod explain;
mod feeling;
mod health;
mod history;
mod home;
mod idempotency;
mod identity;
mod imports;
mod incoming;
mod integrations;
mod leftover;
mod lifecycle;
mod limits;
mod logs;
pub mod metrics;
mod openapi;
mod page;
mod people;
mod policies;
mod replays;
mod request;
mod scim;
mod self_editing;
mod serve;
mod services;
mod settings;
mod views;
mod ws;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use chrono::{DateTime, Utc};
use poem::endpoint::BoxEndpoint;
use poem::{EndpointExt, Response, Route, get};
use poem_openapi::Tags;

pub use auth::{Authenticate, Unauthenticated};
pub use health::{Checks, Condition, Health, ReactorState};
pub use serve::serve;
pub use services::{About, Services};
pub use settings::{ApiSettings, RateLimit, RateLimits, WebSocketSettings};

use openapi::operations::Operations;

/// What operations are about.
#[derive(Tags)]
#[oai(rename_all = "snake_case")]
enum Tag {
    /// How much happens, and how well it goes.
    Analytics,
    /// Who did what, when and why.
    Audit,
    /// Talking with the bot.
    Conversation,
    /// What the bot did, and why.
    Explain,
    /// How the process is.
    Health,
    /// What was said on Discord.
    History,
    /// API keys, and people's data.
    Identity,
    /// The bot in tenants' projects.
    Integrations,
    /// The bot's life, and the configuration.
    Lifecycle,
    /// What the process wrote about itself.
    Logs,
    /// Who may do what: the rules of it, and their decisions.
    Policies,
    /// How the bot changes itself.
    SelfEditing,
    /// The read models.
    Views,
}

/// All operations of the API, one type per context.
type Apis = (
    accounts::AccountsApis,
    analytics::AnalyticsApi,
    (alerts::AlertsApi, audit::AuditApi),
    (conversation::ConversationApi, feeling::FeelingApi),
    explain::ExplainApi,
    health::HealthApi,
    history::HistoryApi,
    identity::IdentityApi,
    imports::ImportsApi,
    integrations::IntegrationsApi,
    lifecycle::LifecycleApi,
    logs::LogsApi,
    people::PeopleApis,
    policies::PoliciesApi,
    SelfEditingApis,
    views::ViewsApi,
);

/// A list holds no more than sixteen.
type SelfEditingApis = (
    self_editing::SelfEditingApi,
    self_editing::behaviors::BehaviorsApi,
    self_editing::compensations::CompensationsApi,
    self_editing::edits::EditsApi,
    self_editing::effects::EffectsApi,
    self_editing::rehearsals::RehearsalsApi,
    self_editing::rollback::RollbackApi,
    self_editing::suggest::SuggestApi,
    self_editing::workspace::WorkspaceApi,
);

/// Everything that is served: the API with its document, health, metrics and the WebSocket.
///
/// Must be called within a runtime: the WebSocket's feed starts at once.
pub fn routes(services: Services, settings: ApiSettings) -> BoxEndpoint<'static, Response> {
    metrics::install();
    let started = services.clock.now();
    let (document, page) = docs::written::<Apis>();
    let operations = Operations::of(&document);
    let apis = apis(services.clone(), &settings, started);
    let Services { authenticate, health, journal, stop, views, .. } = services.clone();
    let buffer = settings.websocket.buffer;
    let feed = ws::Feed::start(journal, views.clone(), stop.clone(), buffer);
    let numbers = health::Numbers { health, started, views: views.clone() };
    let patience = Duration::from_millis(settings.read_your_writes_ms);
    let seen = views::Views { generations: views.clone(), patience };
    let directory = scim::endpoint(services.people.clone(), services.read_only, seen);
    let sockets = ws::Sockets {
        authenticate,
        feed,
        open: Arc::new(AtomicUsize::new(0)),
        settings: settings.clone(),
        stop,
        views,
    };
    let public_keys = accounts::keys::PublicKeys(services.accounts.tokens.clone());
    let route = Route::new()
        .at("/.well-known/jwks.json", public_keys)
        .at("/docs", get(docs::page(page)))
        .at("/metrics", get(numbers))
        .at("/openapi.json", get(docs::json(&document)))
        .at("/scim/v2/*path", directory)
        .at("/ws", get(sockets))
        .nest("/", docs::service(apis));
    let route = home::Home::before(route, &services.about);
    door::Door::new(route, operations, &services, settings).boxed()
}

/// Hands every context what it needs.
fn apis(services: Services, settings: &ApiSettings, started: DateTime<Utc>) -> Apis {
    let Services {
        about,
        accounts,
        alerts,
        compensations,
        conversations,
        data_dir,
        explain,
        health,
        identity,
        imports,
        integrations,
        journal,
        lifecycle,
        people,
        providers,
        policies,
        rehearsals,
        second_factors,
        self_editing,
        stop,
        views: generations,
        ..
    } = services;
    let patience = Duration::from_millis(settings.read_your_writes_ms);
    let views = views::Views { generations: generations.clone(), patience };
    let edits = self_editing::edits::EditsApi {
        compensations: compensations.clone(),
        rehearsals,
        self_editing: self_editing.clone(),
        views: views.clone(),
    };
    let replays = replays::Replays::new(generations.clone(), journal.clone(), data_dir, stop);
    (
        accounts::apis(
            &accounts,
            &people,
            &second_factors,
            &providers,
            &settings.dashboard_url,
            &views,
        ),
        analytics::AnalyticsApi { lifecycle: lifecycle.clone(), views: views.clone() },
        (
            alerts::AlertsApi { alerts, views: views.clone() },
            audit::AuditApi { journal, views: views.clone() },
        ),
        (
            conversation::ConversationApi { conversations, views: views.clone() },
            feeling::FeelingApi,
        ),
        explain::ExplainApi { explain: explain.clone() },
        health::HealthApi { health, started, views: generations.clone() },
        history::HistoryApi { views: views.clone() },
        identity::IdentityApi { identity, views: views.clone() },
        imports::ImportsApi { imports, most: settings.max_import_bytes },
        integrations::IntegrationsApi {
            integrations,
            lifecycle: lifecycle.clone(),
            views: views.clone(),
            dashboard: settings.dashboard_url.clone(),
        },
        lifecycle::LifecycleApi {
            lifecycle: lifecycle.clone(),
            views: views.clone(),
            about: Arc::new(about),
            started,
        },
        logs::LogsApi { directory: settings.log_directory.clone() },
        people::apis(&people, &views),
        policies::PoliciesApi { edits: edits.clone(), policies },
        (
            self_editing::SelfEditingApi {
                lifecycle,
                self_editing: self_editing.clone(),
                views: views.clone(),
            },
            self_editing::behaviors::BehaviorsApi { explain, views: views.clone() },
            self_editing::compensations::CompensationsApi {
                compensations: compensations.clone(),
                views,
            },
            edits.clone(),
            self_editing::effects::EffectsApi { compensations: compensations.clone() },
            self_editing::rehearsals::RehearsalsApi { edits: edits.clone() },
            self_editing::rollback::RollbackApi {
                compensations,
                self_editing: self_editing.clone(),
            },
            self_editing::suggest::SuggestApi { edits },
            self_editing::workspace::WorkspaceApi { self_editing },
        ),
        views::ViewsApi { generations, replays },
    )
}

/// The OpenAPI document, as `/openapi.json` shows it.
pub fn openapi_json() -> String {
    format!("{:#}", docs::written::<Apis>().0)
}
