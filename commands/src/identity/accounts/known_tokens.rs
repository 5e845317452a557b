//! Access tokens whose signatures were verified lately, so that not every request verifies one again.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::ports::Claims;

/// How many are kept, and how long; whether one ran out is asked each time.
const MOST: u64 = 100_000;
const KEPT_FOR: Duration = Duration::from_mins(15);

/// See the module. A token is known by its hash, the text itself is not kept.
#[derive(Clone)]
pub struct KnownTokens(Cache<[u8; 32], Arc<Claims>>);

impl Default for KnownTokens {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(KEPT_FOR).build())
    }
}

impl KnownTokens {
    pub(super) fn get(&self, token: &str) -> Option<Arc<Claims>> {
        self.0.get(blake3::hash(token.as_bytes()).as_bytes())
    }

    pub(super) fn keep(&self, token: &str, claims: Claims) -> Arc<Claims> {
        let claims = Arc::new(claims);
        self.0.insert(*blake3::hash(token.as_bytes()).as_bytes(), claims.clone());
        claims
    }
}
