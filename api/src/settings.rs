//! What can be set about the HTTP door.

use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

/// Everything about the HTTP door that is not a feature of the product.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiSettings {
    /// The largest body of a request, in bytes; a larger one is answered with 413.
    pub max_body_bytes: usize,
    /// The largest file that may be uploaded to be imported, in bytes.
    pub max_import_bytes: u64,
    /// How long a write waits until the read models show it, in milliseconds.
    pub read_your_writes_ms: u64,
    /// How long answers are kept under their idempotency keys, in hours.
    pub idempotency_hours: u64,
    /// How long a request that stops the server may take to end, in seconds.
    pub shutdown_grace_s: u64,
    /// Websites, as `https://example.com`, whose pages may call the API and open `/ws`.
    #[serde(deserialize_with = "list")]
    pub allowed_origins: Vec<String>,
    /// Take the caller's address from the last entry of `X-Forwarded-For`. Only right behind a
    /// proxy that sets it.
    pub trust_forwarded_for: bool,
    /// Where the rotated application logs are; without it `/logs` has none.
    #[serde(deserialize_with = "path")]
    pub log_directory: Option<PathBuf>,
    /// Where people land after an installation on Discord.
    pub dashboard_url: String,
    pub rate_limits: RateLimits,
    pub websocket: WebSocketSettings,
}

/// How many requests a caller may make.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// Without them everybody may ask as often as he likes.
    pub enabled: bool,
    /// Per credential, or per address without one.
    pub default: RateLimit,
    /// Signing in, per address.
    pub auth: RateLimit,
    /// Imports, exports and replays, per credential.
    pub bulk: RateLimit,
}

/// A bucket of requests that fills up again.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How many requests a minute are put back into the bucket.
    pub per_minute: NonZeroU32,
    /// How many requests the full bucket holds.
    pub burst: NonZeroU32,
}

/// What can be set about `/ws`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSocketSettings {
    /// How long a client may take to say who it is, in milliseconds.
    pub auth_timeout_ms: u64,
    /// How often a silent client is asked whether it is still there, in seconds.
    pub ping_s: u64,
    /// How many messages wait for a slow client before it is dropped.
    pub buffer: usize,
    /// How many clients there may be at once.
    pub max_connections: usize,
}

/// A list, or a text with commas between, as a variable has it.
fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        List(Vec<String>),
        Text(String),
    }
    let parts = match Given::deserialize(from)? {
        Given::List(list) => list,
        Given::Text(text) => text.split(',').map(ToOwned::to_owned).collect(),
    };
    let trimmed = parts.iter().map(|it| it.trim().to_owned());
    Ok(trimmed.filter(|it| !it.is_empty()).collect())
}

/// A path; none when it is empty.
fn path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(from)?;
    Ok((!path.as_os_str().is_empty()).then_some(path))
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            max_body_bytes: 8 * 1024 * 1024,
            max_import_bytes: 2 * 1024 * 1024 * 1024,
            read_your_writes_ms: 2_000,
            idempotency_hours: 24,
            shutdown_grace_s: 20,
            allowed_origins: Vec::new(),
            trust_forwarded_for: false,
            log_directory: None,
            dashboard_url: "/".to_owned(),
            rate_limits: RateLimits::default(),
            websocket: WebSocketSettings::default(),
        }
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            enabled: true,
            default: RateLimit::of(100, 200),
            auth: RateLimit::of(10, 10),
            bulk: RateLimit::of(5, 5),
        }
    }
}

impl RateLimit {
    /// So many a minute, so many at once; at least one of each.
    pub fn of(per_minute: u32, burst: u32) -> Self {
        let some = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self { per_minute: some(per_minute), burst: some(burst) }
    }
}

impl Default for WebSocketSettings {
    fn default() -> Self {
        Self { auth_timeout_ms: 10_000, ping_s: 30, buffer: 1_024, max_connections: 1_000 }
    }
}
