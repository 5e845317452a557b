//! Notes the use of keys, each at most once a minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use domain::kernel::ApiKeyId;

use crate::ports::KeyUses;
use crate::{CommandError, describe};

/// How exactly the last use is known.
const EVERY: TimeDelta = TimeDelta::minutes(1);

/// How many keys are remembered; then the table is emptied and fills again.
const MOST: usize = 10_000;

/// See the module.
#[derive(Clone)]
pub struct LastUses {
    kept: Arc<dyn KeyUses>,
    noted: Arc<Mutex<HashMap<ApiKeyId, DateTime<Utc>>>>,
}

impl LastUses {
    pub fn new(kept: Arc<dyn KeyUses>) -> Self {
        Self { kept, noted: Arc::default() }
    }

    /// The key was used; nobody is turned away because it could not be noted.
    pub(super) async fn note(&self, id: ApiKeyId, now: DateTime<Utc>) {
        {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            if noted.get(&id).is_some_and(|before| now - before < EVERY) {
                return;
            }
            if noted.len() >= MOST {
                noted.clear();
            }
            noted.insert(id, now);
        }
        if let Err(error) = self.kept.used(id, now).await {
            tracing::warn!(error = %describe(&error), "the use of an API key was not noted");
        }
    }

    /// When each of these was used last.
    pub(super) async fn of(
        &self,
        ids: &[ApiKeyId],
    ) -> Result<Vec<Option<DateTime<Utc>>>, CommandError> {
        self.kept.last_used(ids).await
    }
}
