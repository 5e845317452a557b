//! What the endpoints need from the rest of the platform.

use std::sync::Arc;

use commands::ports::IdempotencyKeys;
use domain::kernel::{Clock, Journal};
use tokio_util::sync::CancellationToken;

use crate::auth::Authenticate;
use crate::consistency::ViewPosition;
use crate::health::Health;
use crate::metrics::Traffic;

/// Use cases, read models and ports, put together by the program.
#[derive(Clone)]
pub struct Services {
    pub authenticate: Arc<dyn Authenticate>,
    pub clock: Arc<dyn Clock>,
    pub health: Arc<dyn Health>,
    pub idempotency: Arc<dyn IdempotencyKeys>,
    pub journal: Journal,
    /// Cancelled when the server shall stop.
    pub stop: CancellationToken,
    /// Counts requests, for the samples of the process.
    pub traffic: Arc<Traffic>,
    pub views: ViewPosition,
}
