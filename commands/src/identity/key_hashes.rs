//! The hashes of secrets that were asked for lately, so that not every request asks the vault.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use domain::kernel::ApiKeyId;

/// How many are kept; then the table is emptied and fills again.
const MOST: usize = 10_000;

/// See the module. The hash of a key never changes, and whether the key is still good is asked
/// elsewhere each time; so nothing here can be out of date.
#[derive(Clone, Default)]
pub struct KeyHashes(Arc<RwLock<HashMap<ApiKeyId, [u8; 32]>>>);

impl KeyHashes {
    pub(super) fn get(&self, id: ApiKeyId) -> Option<[u8; 32]> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    pub(super) fn keep(&self, id: ApiKeyId, hash: [u8; 32]) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(id, hash);
    }
}
