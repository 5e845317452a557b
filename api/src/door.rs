//! What every request passes on its way in, and every answer on its way out.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use commands::identity::accounts::Accounts;
use commands::ports::IdempotencyKeys;
use domain::kernel::{Clock, Journal};
use futures_util::FutureExt;
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Body, Endpoint, IntoResponse, Request, Response};
use projections::Generations;
use uuid::Uuid;

use crate::accounts::cookies;
use crate::auth::{self, Authenticate, Credentials, sent_by_cookie};
use crate::consistency;
use crate::error::{self, ApiError};
use crate::idempotency::{self, Passing, Turn};
use crate::incoming::{self, is_json, much_to_read, rewrite};
use crate::leftover::Leftover;
use crate::limits::{Limits, Tier};
use crate::metrics::Traffic;
use crate::openapi::operations::{Operation, Operations, Template};
use crate::request::{self, Context};
use crate::services::Services;
use crate::settings::ApiSettings;
use crate::{conditional, cors, scim, views};

/// Stands before all endpoints.
pub(crate) struct Door<E> {
    inner: Arc<E>,
    accounts: Accounts,
    authenticate: Arc<dyn Authenticate>,
    clock: Arc<dyn Clock>,
    idempotency: Arc<dyn IdempotencyKeys>,
    journal: Journal,
    limits: Option<Limits>,
    operations: Operations,
    read_only: bool,
    settings: ApiSettings,
    traffic: Arc<Traffic>,
    views: Generations,
}

/// What is noticed on the way in, and told on the way out.
#[derive(Default)]
struct Seen {
    /// Kind and id of the caller, for the log.
    caller: Option<String>,
    /// The headers that tell of the limits.
    limits: HeaderMap,
}

/// What is known about a request that is inside.
struct Entry<'a> {
    template: &'a Template,
    operation: &'a Operation,
    credentials: Credentials,
}

impl<E> Door<E>
where
    E: Endpoint<Output = Response> + 'static,
{
    pub(crate) fn new(
        inner: E,
        operations: Operations,
        services: &Services,
        settings: ApiSettings,
    ) -> Self {
        Self {
            inner: Arc::new(inner),
            accounts: services.accounts.clone(),
            authenticate: services.authenticate.clone(),
            clock: services.clock.clone(),
            idempotency: services.idempotency.clone(),
            journal: services.journal.clone(),
            limits: Limits::new(&settings.rate_limits, &services.shared_limits),
            operations,
            read_only: services.read_only,
            settings,
            traffic: services.traffic.clone(),
            views: services.views.clone(),
        }
    }

    /// Answers, whatever happens inside.
    async fn answer(&self, mut request: Request) -> Response {
        let method = request.method().clone();
        let origin = request.header(header::ORIGIN).map(ToOwned::to_owned);
        let known_as = request.header(header::IF_NONE_MATCH).map(ToOwned::to_owned);
        let much = much_to_read(&request);
        // Who asks first whether to send has sent nothing that has to be read away.
        let asks = request.headers().contains_key(header::EXPECT);
        let leftover = (much && !asks).then(|| Leftover::of(&mut request));
        rewrite(&mut request);
        let directory = request.uri().path().starts_with("/scim/");
        let template = self.operations.find(request.uri().path());
        let route = template.map_or("other", |it| it.path);

        let visit = self.traffic.visit(method.clone(), route);
        let mut seen = Seen::default();
        let inside = AssertUnwindSafe(self.admit(request, template, &mut seen));
        let result = inside.catch_unwind().await.unwrap_or_else(|panic| {
            Err(ApiError::internal(&format!("panicked: {}", words(&*panic))))
        });
        let mut response = match result {
            Ok(response) => conditional::unchanged(&method, known_as.as_deref(), response),
            Err(error) => {
                if let Some(leftover) = leftover {
                    leftover.drain().await;
                }
                let error = if much { error.hanging_up() } else { error };
                if directory { scim::refused(error) } else { error.response() }
            }
        };
        let headers = response.headers_mut();
        headers.extend(seen.limits);
        if let Ok(id) = HeaderValue::from_str(&request::id().to_string()) {
            headers.insert("x-request-id", id);
        }
        conditional::finish(headers);
        cors::allow(&self.settings.allowed_origins, origin.as_deref(), headers);

        let status = response.status();
        let took = visit.ended(status);
        request::log(&method, route, status, took, seen.caller.as_deref());
        response
    }

    /// Lets a request in, or says why not.
    async fn admit(
        &self,
        mut request: Request,
        template: Option<&Template>,
        seen: &mut Seen,
    ) -> Result<Response, ApiError> {
        let path = request.uri().path();
        let counted = path.starts_with("/api/") || path.starts_with("/scim/") || path == "/ws";
        if request.method() == Method::OPTIONS
            && let Some(template) = template
        {
            let allowed = template.allowed();
            return Ok(cors::preflight(&allowed));
        }
        if !counted {
            return self.call(request, template).await;
        }
        let (headers, id) = (request.headers(), request::id());
        let (mut credentials, carried) =
            auth::credentials(headers, &*self.authenticate, id).await?;
        credentials.came_from(|| incoming::origin(&request, self.settings.trust_forwarded_for));
        seen.caller = credentials.credential();
        if let Some(limits) = &self.limits {
            let (tier, key) = self.bucket(&request, &credentials);
            let (headers, taken) = limits.take(tier, key).await;
            seen.limits = headers;
            taken?;
        }
        if let Some(session) = sent_by_cookie(&request, &credentials, carried) {
            let origins = &self.settings.allowed_origins;
            cookies::check(request.headers(), &self.accounts, session, origins)?;
        }
        let origin = incoming::origin(&request, self.settings.trust_forwarded_for);
        request.extensions_mut().insert(origin);
        request.extensions_mut().insert(credentials.clone());
        let operation = template.and_then(|it| it.operation(request.method()));
        let (Some(template), Some(operation)) = (template, operation) else {
            return match template {
                Some(template) => Err(wrong_method(Some(template))),
                None => self.call(request, None).await,
            };
        };

        if let Some(needed) = operation.permission {
            credentials.allow(needed)?;
        }
        if self.read_only && operation.writes() {
            let message = "this server shows the state of one moment, which is only read; ask the \
                           live server to change something";
            return Err(ApiError::new(StatusCode::CONFLICT, message));
        }
        let uri = request.uri();
        self.operations.check_target(template, operation, uri.path(), uri.query())?;
        let entry = Entry { template, operation, credentials };
        let response = if [Method::GET, Method::HEAD].contains(request.method()) {
            self.wait_for_wanted(&request).await?;
            self.call(request, Some(template)).await?
        } else {
            self.write(request, entry).await?
        };
        self.wait_for_written(&response).await;
        Ok(response)
    }

    /// A request that changes something is done once per idempotency key.
    async fn write(&self, mut request: Request, entry: Entry<'_>) -> Result<Response, ApiError> {
        let Entry { template, operation, credentials } = entry;
        let key = request.headers().get(idempotency::HEADER);
        let key = idempotency::key(key.filter(|_| request.method() == Method::POST))?;
        let body = if operation.streams() {
            // A file is too large to be looked at first: it is compared as it passes.
            Bytes::new()
        } else {
            self.check_body(&mut request, template, operation).await?
        };
        let (Some(key), Some(credential)) = (key, credentials.credential()) else {
            return self.call(request, Some(template)).await;
        };
        let target = request.uri().path_and_query().map_or("/", |it| it.as_str());
        let fingerprint = idempotency::fingerprint(request.method().as_str(), target, &body);
        let file = operation.streams();
        self.once(request, credential, key, &fingerprint, file).await
    }

    /// The body, held against the document; the request has it still.
    async fn check_body(
        &self,
        request: &mut Request,
        template: &Template,
        operation: &Operation,
    ) -> Result<Bytes, ApiError> {
        let body = self.read_body(request).await?;
        let json = request.content_type().is_some_and(is_json);
        if !json && !body.is_empty() {
            let message = "the body must be of the type application/json";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        let checked = self.operations.check_body(operation, &body);
        let instead = checked.map_err(|error| match template.path {
            // A configuration that is refused has an error code of its own.
            "/api/v1/config" => ApiError { code: "CONFIG_VALIDATION_ERROR", ..error },
            _ => error,
        })?;
        let body = instead.map_or(body, Bytes::from_static);
        if instead.is_some() {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        request.set_body(Body::from_bytes(body.clone()));
        Ok(body)
    }

    /// Does it in a task of its own, so that a caller who hangs up does not leave it half done.
    async fn once(
        &self,
        mut request: Request,
        credential: String,
        key: String,
        fingerprint: &str,
        file: bool,
    ) -> Result<Response, ApiError> {
        if let Some(Credentials::Known(caller)) = request.extensions_mut().get_mut() {
            // A repeat after a crash gives the same command, which the log knows when it was done.
            caller.cause.command = idempotency::command(&credential, &key, fingerprint);
        }
        let lasts = Duration::from_secs(self.settings.idempotency_hours * 3_600);
        let claim = idempotency::claim(&self.idempotency, credential, key, fingerprint, lasts);
        let turn = match claim.await? {
            Turn::Again(kept) => {
                return kept.again(&mut request, self.settings.max_import_bytes).await;
            }
            Turn::First(turn) => turn,
        };
        let Some(context) = request::context() else {
            return Err(ApiError::internal(&"there is no context"));
        };
        let inner = self.inner.clone();
        let file = file.then(|| Passing::of(&mut request));
        let done = context.around(async move {
            let work = AssertUnwindSafe(inner.call(request)).catch_unwind();
            match turn.during(work).await {
                Ok(answer) => {
                    let answer = answer.unwrap_or_else(|no| error::understood(no).response());
                    Ok(turn.answered(answer, file).await)
                }
                Err(panic) => {
                    turn.broken().await;
                    Err(ApiError::internal(&format!("panicked: {}", words(&*panic))))
                }
            }
        });
        tokio::spawn(done).await.unwrap_or_else(|error| Err(ApiError::internal(&error)))
    }

    async fn call(
        &self,
        request: Request,
        template: Option<&Template>,
    ) -> Result<Response, ApiError> {
        let answer = self.inner.call(request).await;
        answer.map_err(|refusal| {
            let error = error::understood(refusal);
            let wrong = error.status == StatusCode::METHOD_NOT_ALLOWED;
            if wrong { wrong_method(template) } else { error }
        })
    }

    /// The body, in memory, if it is not too large.
    async fn read_body(&self, request: &mut Request) -> Result<Bytes, ApiError> {
        let limit = self.settings.max_body_bytes;
        let too_large = || {
            let message = format!("the body is larger than {limit} bytes");
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
        };
        let declared = request.header(header::CONTENT_LENGTH).and_then(|it| it.parse::<u64>().ok());
        if declared.is_some_and(|it| it > limit as u64) {
            return Err(too_large());
        }
        let body = request.take_body();
        if body.is_empty() {
            return Ok(Bytes::new());
        }
        match body.into_bytes_limit(limit).await {
            Ok(bytes) => Ok(bytes),
            Err(poem::error::ReadBodyError::PayloadTooLarge) => Err(too_large()),
            Err(error) => Err(ApiError::new(StatusCode::BAD_REQUEST, error.to_string())),
        }
    }

    /// Which bucket this request is taken from.
    fn bucket(&self, request: &Request, credentials: &Credentials) -> (Tier, String) {
        let path = request.uri().path();
        let proxied = self.settings.trust_forwarded_for;
        let address = || format!("address:{}", incoming::origin(request, proxied).subscriber());
        if path.starts_with("/api/v1/auth/") {
            return (Tier::Auth, address());
        }
        let bulk = ["/api/v1/imports", "/api/v1/replays"].contains(&path);
        let bulk = bulk && request.method() == Method::POST || path == "/api/v1/audit/export";
        let tier = if bulk { Tier::Bulk } else { Tier::Default };
        (tier, credentials.credential().unwrap_or_else(address))
    }

    /// A read may ask to see a commit that it knows of.
    async fn wait_for_wanted(&self, request: &Request) -> Result<(), ApiError> {
        let Some(position) = consistency::wanted(request.headers().get("x-min-position"))? else {
            return Ok(());
        };
        if views::position(&self.views) >= position {
            return Ok(());
        }
        let head = self.journal.log().head().await?;
        if position > head {
            let message = format!("X-Min-Position: the log ends at {head}");
            return Err(ApiError::new(StatusCode::CONFLICT, message));
        }
        if self.views.wait_for(position, self.patience()).await {
            return Ok(());
        }
        let shown = views::position(&self.views);
        Err(ApiError::unavailable(&format!("the views show {shown}, {position} is wanted")))
    }

    /// A write answers once the read models show it; when that takes too long, all the same.
    async fn wait_for_written(&self, response: &Response) {
        let position = response.header("x-event-position").and_then(|it| it.parse().ok());
        if let Some(position) = position
            && !self.views.wait_for(position, self.patience()).await
        {
            let request_id = request::id();
            tracing::warn!(%request_id, position, "answered before the read models were there");
        }
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(self.settings.read_your_writes_ms)
    }
}

impl<E> Endpoint for Door<E>
where
    E: Endpoint<Output = Response> + 'static,
{
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let context = Context { id: Uuid::now_v7(), clock: self.clock.clone() };
        Ok(context.around(self.answer(request)).await.into_response())
    }
}

fn wrong_method(template: Option<&Template>) -> ApiError {
    let message = "this path does not take this method";
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message);
    // What is not in the document is only looked at.
    let allowed = template.map_or_else(|| "GET, HEAD".to_owned(), Template::allowed);
    match HeaderValue::from_str(&allowed) {
        Ok(allowed) => error.with_header(header::ALLOW, allowed),
        Err(_) => error,
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word")
}
