//! How many requests a caller may make: token buckets, and the headers that tell of them.
//!
//! Signing in is counted by all processes together, so that nobody gets more tries by asking them in turn; that
//! is rare enough to ask the operational store each time. Everything else each process counts for itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use commands::describe;
use commands::ports::{Bucket, SharedLimits, Taken};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use poem::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;

use crate::error::ApiError;
use crate::request;
use crate::settings::{RateLimit, RateLimits};

/// After so many requests, buckets that are full again are forgotten.
const SWEEP_EVERY: u64 = 10_000;

type Buckets =
    RateLimiter<String, DefaultKeyedStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// Which bucket a request is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tier {
    Auth,
    Bulk,
    Default,
}

/// All buckets.
pub(crate) struct Limits {
    auth: Limiter,
    bulk: Limiter,
    default: Limiter,
    shared: Arc<dyn SharedLimits>,
}

struct Limiter {
    name: &'static str,
    limit: RateLimit,
    buckets: Arc<Buckets>,
    asked: AtomicU64,
}

impl Limits {
    /// None when there are no limits.
    pub(crate) fn new(settings: &RateLimits, shared: &Arc<dyn SharedLimits>) -> Option<Self> {
        settings.enabled.then(|| Self {
            auth: Limiter::new("auth", settings.auth),
            bulk: Limiter::new("bulk", settings.bulk),
            default: Limiter::new("default", settings.default),
            shared: shared.clone(),
        })
    }

    /// Takes a request out of its bucket; the headers are for the answer, whatever it is.
    pub(crate) async fn take(&self, tier: Tier, key: String) -> (HeaderMap, Result<(), ApiError>) {
        match tier {
            Tier::Auth => self.auth.take_shared(&*self.shared, key).await,
            Tier::Bulk => self.bulk.take(key),
            Tier::Default => self.default.take(key),
        }
    }
}

impl Limiter {
    fn new(name: &'static str, limit: RateLimit) -> Self {
        let quota = Quota::per_minute(limit.per_minute).allow_burst(limit.burst);
        let buckets = Arc::new(RateLimiter::keyed(quota).with_middleware());
        Self { name, limit, buckets, asked: AtomicU64::new(0) }
    }

    fn take(&self, key: String) -> (HeaderMap, Result<(), ApiError>) {
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.buckets.retain_recent();
        }
        match self.buckets.check_key(&key) {
            Ok(state) => (self.headers(state.remaining_burst_capacity()), Ok(())),
            Err(not_until) => self.refused(not_until.wait_time_from(DefaultClock::default().now())),
        }
    }

    /// From the bucket of all processes; when nobody can be asked, from this one's own.
    async fn take_shared(
        &self,
        shared: &dyn SharedLimits,
        key: String,
    ) -> (HeaderMap, Result<(), ApiError>) {
        let every = Duration::from_secs(60) / self.limit.per_minute.get();
        let bucket = Bucket { every, burst: self.limit.burst.get() };
        match shared.draw(self.name, &key, bucket).await {
            Ok(Taken::Left(left)) => (self.headers(left), Ok(())),
            Ok(Taken::Wait(wait)) => self.refused(wait),
            Err(error) => {
                tracing::warn!(error = %describe(&error), "this process counts requests for itself");
                self.take(key)
            }
        }
    }

    fn refused(&self, wait: Duration) -> (HeaderMap, Result<(), ApiError>) {
        let wait = whole_seconds(wait);
        let message = format!("too many requests; try again in {wait} s");
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, message)
            .with_header(header::RETRY_AFTER, wait);
        let details = json!({ "limit": self.name, "retry_after": wait });
        (self.headers(0), Err(ApiError { details: Box::new(details), ..error }))
    }

    /// The seeds' headers, and those of the IETF draft: a full bucket is the quota, the time it
    /// takes to fill is the window.
    fn headers(&self, remaining: u32) -> HeaderMap {
        let (burst, rate) = (self.limit.burst.get(), self.limit.per_minute.get());
        let remaining = remaining.min(burst);
        let fill = |tokens: u32| (u64::from(tokens) * 60).div_ceil(u64::from(rate));
        let (full_in, window) = (fill(burst - remaining), fill(burst));
        let reset = request::now().timestamp() + full_in.cast_signed();
        let draft = |text: String| HeaderValue::from_str(&text).ok();
        let name = self.name;
        let headers = [
            ("x-ratelimit-limit", Some(HeaderValue::from(burst))),
            ("x-ratelimit-remaining", Some(HeaderValue::from(remaining))),
            ("x-ratelimit-reset", Some(HeaderValue::from(reset))),
            ("ratelimit-policy", draft(format!("\"{name}\";q={burst};w={window}"))),
            ("ratelimit", draft(format!("\"{name}\";r={remaining};t={full_in}"))),
        ];
        let filled = headers.into_iter().filter_map(|(name, value)| Some((name, value?)));
        filled.map(|(name, value)| (HeaderName::from_static(name), value)).collect()
    }
}

/// Rounded up, and at least one.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}
