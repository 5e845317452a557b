//! How every "no" looks over HTTP: one form, one vocabulary.

use commands::{CommandError, Refusal};
use domain::kernel::{Ground, LogError};
use poem::error::{
    MethodNotAllowedError, NotFoundError, ReadBodyError, ResponseError, WebSocketError,
};
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{Body, IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::error::{
    ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError,
};
use poem_openapi::registry::{MetaResponses, Registry};
use serde_json::{Value, json};

use crate::envelope;
use crate::request;

/// Every endpoint's error. The OpenAPI document learns of it from [`openapi`](crate::openapi).
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) details: Box<Value>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Fault {
    pub(crate) field: String,
    pub(crate) reason: String,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let code = envelope::code_of(status);
        let details = Box::new(json!({}));
        Self { status, code, message: message.into(), details, headers: Vec::new() }
    }

    /// The request can never be right, because of these fields.
    pub(crate) fn invalid(faults: Vec<Fault>) -> Self {
        let message = match faults.as_slice() {
            [] => "the request is not valid".to_owned(),
            [Fault { field, reason }] => format!("{field}: {reason}"),
            [Fault { field, reason }, more @ ..] => {
                format!("{field}: {reason} (and {} more)", more.len())
            }
        };
        let details = Box::new(json!({ "fields": faults }));
        Self { details, ..Self::new(StatusCode::BAD_REQUEST, message) }
    }

    /// One field is wrong.
    pub(crate) fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::invalid(vec![Fault { field: field.into(), reason: reason.into() }])
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{what} not found"))
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Ends the connection: what is left of the request cannot be told from the next one.
    pub(crate) fn hanging_up(self) -> Self {
        self.with_header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// The answer itself; made within the request's context.
    pub(crate) fn response(self) -> Response {
        let Self { status, code, message, details, headers } = self;
        let body = Body::from_vec(envelope::failure(code, &message, *details));
        let mut response = (status, body).into_response();
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response.headers_mut().extend(headers);
        response
    }

    /// What went wrong on our side: the log learns why, the caller only that.
    pub(crate) fn internal(why: &dyn std::fmt::Display) -> Self {
        tracing::error!(request_id = %request::id(), error = %why, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong on our side")
    }

    /// Something we need is down: the log learns why, the caller only that.
    pub(crate) fn unavailable(why: &dyn std::fmt::Display) -> Self {
        tracing::warn!(request_id = %request::id(), error = %why, "something is not available");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "this is not available right now")
            .with_header(header::RETRY_AFTER, 1)
    }
}

impl ResponseError for ApiError {
    fn status(&self) -> StatusCode {
        self.status
    }
}

impl ApiResponse for ApiError {
    fn meta() -> MetaResponses {
        MetaResponses { responses: Vec::new() }
    }

    fn register(_: &mut Registry) {}
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        let said = |status| Self::new(status, error.to_string());
        match &error {
            CommandError::Conflict => said(StatusCode::CONFLICT),
            CommandError::Forbidden { needed } => Self {
                details: Box::new(json!({ "needed": needed.as_str() })),
                ..said(StatusCode::FORBIDDEN)
            },
            CommandError::Moved { wanted, at } => Self {
                details: Box::new(json!({ "wanted": wanted, "at": at })),
                ..said(StatusCode::PRECONDITION_FAILED)
            },
            CommandError::NotFound(_) => said(StatusCode::NOT_FOUND),
            CommandError::Rejected(refusal) => refused(refusal),
            CommandError::Unavailable(source) => Self::unavailable(source),
        }
    }
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        CommandError::from(error).into()
    }
}

/// What a rule said. Its own code wins over what its ground implies, and so does that code's
/// status.
fn refused(refusal: &Refusal) -> ApiError {
    let status = match refusal.ground {
        Ground::Input => StatusCode::BAD_REQUEST,
        Ground::Missing => StatusCode::NOT_FOUND,
        Ground::Person => StatusCode::FORBIDDEN,
        Ground::State => StatusCode::CONFLICT,
    };
    let status = match refusal.code {
        Some("CONFIG_VALIDATION_ERROR" | "INVALID_EDIT_ID" | "SELF_EDITING_DISABLED") => {
            StatusCode::BAD_REQUEST
        }
        Some("PAYLOAD_TOO_LARGE") => StatusCode::PAYLOAD_TOO_LARGE,
        Some("BOT_OFFLINE" | "UNAVAILABLE") => StatusCode::SERVICE_UNAVAILABLE,
        Some("RATE_LIMIT_EXCEEDED") => StatusCode::TOO_MANY_REQUESTS,
        Some("INVALID_CREDENTIALS" | "INVALID_TOKEN") => StatusCode::UNAUTHORIZED,
        _ => status,
    };
    let mut details = refusal.details.clone().unwrap_or_else(|| json!({}));
    if let (Some(field), Value::Object(details)) = (&refusal.field, &mut details) {
        details.insert("fields".into(), json!([{ "field": field, "reason": refusal.reason }]));
    }
    let error = ApiError::new(status, &refusal.reason);
    let error = match details["retry_after"].as_u64() {
        Some(wait) => error.with_header(header::RETRY_AFTER, wait),
        None => error,
    };
    ApiError { code: refusal.code.unwrap_or(error.code), details: Box::new(details), ..error }
}

/// Whatever ended a request early, in our words.
pub(crate) fn understood(error: poem::Error) -> ApiError {
    let error = match error.downcast::<ApiError>() {
        Ok(ours) => return ours,
        Err(error) => error,
    };
    if let Some(ParseParamError { name, reason }) = error.downcast_ref() {
        return ApiError::field(*name, plain(reason));
    }
    if let Some(ParsePathError { reason, .. }) = error.downcast_ref() {
        return ApiError::field("path", plain(reason));
    }
    if let Some(ParseRequestPayloadError { reason }) = error.downcast_ref() {
        let reason = plain(reason);
        let named = reason.strip_prefix("field `").and_then(|it| it.split_once("` "));
        return match named {
            Some((field, reason)) => ApiError::field(field, reason),
            None => ApiError::field("body", reason),
        };
    }
    if let Some(error) = error.downcast_ref::<ContentTypeError>() {
        return ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error.to_string());
    }
    if let Some(ReadBodyError::PayloadTooLarge) = error.downcast_ref() {
        return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
    }
    if error.is::<NotFoundError>() {
        return ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this path");
    }
    if error.is::<MethodNotAllowedError>() {
        let message = "this path does not take this method";
        return ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message);
    }
    if error.is::<WebSocketError>() {
        let message = "this path speaks the WebSocket protocol, version 13";
        return ApiError::new(StatusCode::BAD_REQUEST, message);
    }
    let status = error.status();
    if status.is_client_error() {
        return ApiError::new(status, error.to_string());
    }
    ApiError::internal(&error)
}

/// The framework's words without the names of its types.
fn plain(reason: &str) -> String {
    let end = reason.find(" (occurred while parsing").unwrap_or(reason.len());
    let reason = &reason[..end];
    let reason = match reason.split_once("\": ") {
        Some((head, rest)) if head.starts_with("failed to parse") => rest,
        _ => reason,
    };
    reason.trim_end_matches('.').to_owned()
}
