//! What Discord says back: a result, or a refusal in its own words and numbers.

use std::{net::SocketAddr, time::Duration};

use poem::{IntoResponse, Response, http::StatusCode};
use serde_json::{Value, json};

use super::super::validation::Fault;

pub(super) type Outcome = Result<Reply, Refusal>;

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
}

impl Reply {
    pub(super) fn of(body: Value) -> Self {
        Self { status: 200, body: Some(body) }
    }

    pub(super) fn created(body: Value) -> Self {
        Self { status: 201, body: Some(body) }
    }

    pub(super) fn nothing() -> Self {
        Self { status: 204, body: None }
    }

    pub(super) fn server_error() -> Self {
        Self {
            status: 500,
            body: Some(json!({ "message": "500: Internal Server Error", "code": 0 })),
        }
    }

    pub(super) fn unavailable() -> Self {
        Self { status: 503, body: None }
    }

    pub(super) fn gateway(address: SocketAddr) -> Self {
        Self::of(json!({ "url": format!("ws://{address}/gateway") }))
    }

    pub(super) fn bot_gateway(address: SocketAddr) -> Self {
        Self::of(json!({
            "url": format!("ws://{address}/gateway"),
            "shards": 1,
            "session_start_limit": {
                "max_concurrency": 1,
                "remaining": 1000,
                "reset_after": 0,
                "total": 1000,
            },
        }))
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self { status: refusal.status, body: Some(refusal.body) }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or_default();
        let mut response = Response::builder().status(status);
        if let Some(wait) = self.body.as_ref().and_then(|body| body.get("retry_after")) {
            let seconds = wait.as_f64().unwrap_or_default();
            response = response
                .header("Retry-After", format!("{:.0}", seconds.ceil()))
                .header("X-RateLimit-Limit", "5")
                .header("X-RateLimit-Remaining", "0")
                .header("X-RateLimit-Reset-After", format!("{seconds:.3}"))
                .header("X-RateLimit-Scope", "user");
        }
        match self.body {
            Some(body) => response.content_type("application/json").body(body.to_string()),
            None => response.finish(),
        }
    }
}

/// An error as Discord writes it: `code`, `message`, and for forms `errors` by field.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    body: Value,
}

impl Refusal {
    fn new(status: u16, code: u32, message: &str) -> Self {
        Self { status, body: json!({ "message": message, "code": code }) }
    }

    pub(super) fn already_answered() -> Self {
        Self::new(400, 40060, "Interaction has already been acknowledged.")
    }

    pub(super) fn empty_message() -> Self {
        Self::new(400, 50006, "Cannot send an empty message")
    }

    pub(super) fn invalid_webhook_token() -> Self {
        Self::new(401, 50027, "Invalid Webhook Token")
    }

    pub(super) fn missing_access() -> Self {
        Self::new(403, 50001, "Missing Access")
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, 0, "404: Not Found")
    }

    pub(super) fn not_your_message() -> Self {
        Self::new(403, 50005, "Cannot edit a message authored by another user")
    }

    pub(super) fn not_yours() -> Self {
        Self::new(403, 20012, "You are not authorized to perform this action on this application")
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, 0, "401: Unauthorized")
    }

    pub(super) fn unknown_channel() -> Self {
        Self::new(404, 10003, "Unknown Channel")
    }

    pub(super) fn unknown_guild() -> Self {
        Self::new(404, 10004, "Unknown Guild")
    }

    pub(super) fn unknown_interaction() -> Self {
        Self::new(404, 10062, "Unknown interaction")
    }

    pub(super) fn unknown_member() -> Self {
        Self::new(404, 10007, "Unknown Member")
    }

    pub(super) fn unknown_message() -> Self {
        Self::new(404, 10008, "Unknown Message")
    }

    pub(super) fn unknown_role() -> Self {
        Self::new(404, 10011, "Unknown Role")
    }

    pub(super) fn unknown_user() -> Self {
        Self::new(404, 10013, "Unknown User")
    }

    pub(super) fn unreadable() -> Self {
        Self::new(400, 50109, "The request body contains invalid JSON.")
    }

    pub(super) fn wrong_method() -> Self {
        Self::new(405, 0, "405: Method Not Allowed")
    }

    pub(super) fn rate_limited(wait: Duration) -> Self {
        let body = json!({
            "message": "You are being rate limited.",
            "retry_after": wait.as_secs_f64(),
            "global": false,
        });
        Self { status: 429, body }
    }

    /// One field of a form is not as it should be.
    pub(super) fn field(name: &str, code: &str, message: &str) -> Self {
        let error = json!({ "code": code, "message": message });
        Self::form(json!({ name: { "_errors": [error] } }))
    }

    /// What the document does not allow, each fault where it stands.
    pub(super) fn malformed(faults: &[Fault]) -> Self {
        let mut errors = json!({});
        for fault in faults {
            let mut place = &mut errors;
            for key in &fault.place {
                place = &mut place[key];
            }
            let error = json!({ "code": "SCHEMA_VIOLATION", "message": fault.reason });
            match &mut place["_errors"] {
                Value::Array(there) => there.push(error),
                empty => *empty = json!([error]),
            }
        }
        Self::form(errors)
    }

    fn form(errors: Value) -> Self {
        let mut refusal = Self::new(400, 50035, "Invalid Form Body");
        refusal.body["errors"] = errors;
        refusal
    }
}
