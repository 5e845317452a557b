//! What went wrong at a provider, in our words. Its own are left out: they may repeat the key, or
//! what was sent.

use std::time::Duration;

use commands::ports::ModelError;
use genai::Error;
use genai::webc::StreamTimeout;
use serde_json::Value;

/// Nobody waits longer than a day.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

pub(super) fn understood(error: &Error) -> ModelError {
    if let Some(status) = error.status() {
        return refused(status.as_u16(), wait(error));
    }
    match error {
        Error::WebStream { error, .. } => match error.downcast_ref::<Error>() {
            Some(inner) => understood(inner),
            None if error.is::<StreamTimeout>() => ModelError::TimedOut,
            None => ModelError::Unavailable(
                "it cannot be reached, or hung up; check ai.base_url".to_owned(),
            ),
        },
        Error::ChatResponse { body, .. } => reported(body),
        Error::JsonValueExt(_) | Error::SerdeJson(_) | Error::StreamParse { .. } => {
            ModelError::BadAnswer("it does not keep to the protocol".to_owned())
        }
        _ => ModelError::Unavailable("the request could not be sent".to_owned()),
    }
}

fn refused(status: u16, after: Option<Duration>) -> ModelError {
    match status {
        401 | 403 => ModelError::RefusedKey,
        408 | 504 => ModelError::TimedOut,
        429 => ModelError::RateLimited { after },
        300..400 => ModelError::Unavailable(format!(
            "it leads elsewhere with status {status}, where the key must not go; check ai.base_url"
        )),
        400..500 => ModelError::Unavailable(format!(
            "it refuses the request with status {status}; check ai.model and ai.base_url"
        )),
        _ => ModelError::Unavailable(format!("it answers with status {status}")),
    }
}

/// How long the provider asks to wait.
fn wait(error: &Error) -> Option<Duration> {
    let header = |name| error.headers()?.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = header("retry-after").or_else(|| Some(header("retry-after-ms")? / 1_000.0))?;
    let after = Duration::try_from_secs_f64(seconds.ceil()).ok()?;
    Some(after.min(LONGEST_WAIT))
}

/// An error in the middle of an answer.
fn reported(body: &Value) -> ModelError {
    let error = body.get("error").unwrap_or(body);
    let word = ["type", "code"].iter().find_map(|name| error.get(*name)?.as_str());
    match word.unwrap_or_default() {
        "authentication_error" | "invalid_api_key" | "permission_error" => ModelError::RefusedKey,
        "rate_limit_error" | "rate_limit_exceeded" => ModelError::RateLimited { after: None },
        _ => ModelError::Unavailable("it reported an error while it answered".to_owned()),
    }
}
