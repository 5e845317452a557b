//! What every JSON answer is wrapped in.

use poem::http::StatusCode;
use poem_openapi::Object;
use poem_openapi::types::{ParseFromJSON, ToJSON};
use serde_json::{Value, json};

use crate::request;

/// It worked.
#[derive(Object)]
#[expect(clippy::struct_field_names, reason = "the wire says `success` in every answer")]
pub(crate) struct Success<T: ParseFromJSON + ToJSON> {
    /// Always true.
    success: bool,
    data: T,
    /// What was done, in words.
    #[oai(skip_serializing_if_is_none)]
    message: Option<String>,
    /// When this was answered: RFC 3339, UTC, with milliseconds.
    timestamp: String,
}

impl<T: ParseFromJSON + ToJSON> Success<T> {
    pub(crate) fn of(data: T, message: Option<String>) -> Self {
        Self { success: true, data, message, timestamp: request::shown(request::now()) }
    }
}

/// It did not work: the body that says so.
pub(crate) fn failure(code: &str, message: &str, details: Value) -> Vec<u8> {
    let body = json!({
        "success": false,
        "error": {
            "code": code,
            "message": message,
            "details": details,
            "request_id": request::id().to_string(),
        },
        "timestamp": request::shown(request::now()),
    });
    body.to_string().into_bytes()
}

/// The error code that goes with a status where nothing more exact is known.
pub(crate) fn code_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "UNAUTHORIZED",
        403 => "INSUFFICIENT_PERMISSIONS",
        404 => "NOT_FOUND",
        405 => "METHOD_NOT_ALLOWED",
        409 => "CONFLICT",
        412 => "PRECONDITION_FAILED",
        413 => "PAYLOAD_TOO_LARGE",
        415 => "UNSUPPORTED_MEDIA_TYPE",
        429 => "RATE_LIMIT_EXCEEDED",
        503 => "UNAVAILABLE",
        400..500 => "INVALID_REQUEST",
        _ => "INTERNAL_ERROR",
    }
}
