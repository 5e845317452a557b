//! Who is being worked for now, and which behaviors were seen to today.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use domain::kernel::{Actor, Ground};
use uuid::Uuid;

use crate::{CommandError, Refusal};

/// How many tasks are remembered.
const REMEMBERED: usize = 10_000;

/// See the module. Each process knows its own.
#[derive(Clone, Default)]
pub(super) struct Busy(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    callers: BTreeSet<String>,
    begun: BTreeSet<Uuid>,
}

/// Holds a caller's place until it is dropped.
pub(super) struct Place {
    busy: Busy,
    caller: String,
}

impl Busy {
    /// One suggestion at a time for each caller.
    pub(super) fn enter(&self, actor: &Actor) -> Result<Place, CommandError> {
        let caller = format!("{}:{}", actor.kind.as_ref(), actor.id);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.callers.insert(caller.clone()) {
            return Err(CommandError::Rejected(Box::new(Refusal {
                ground: Ground::State,
                reason: "another suggestion is being written for you; wait until it is done".into(),
                code: None,
                field: None,
                details: None,
            })));
        }
        Ok(Place { busy: self.clone(), caller })
    }

    /// Whether this task begins for the first time.
    pub(super) fn begins(&self, task: Uuid) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.begun.len() >= REMEMBERED {
            state.begun.clear();
        }
        state.begun.insert(task)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.busy.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.callers.remove(&self.caller);
    }
}
