//! What is not known yet of a call.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Call;

/// A call, with those of its actions that are not settled, by their places.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) revision: u64,
    pub(super) actions: BTreeSet<u32>,
    /// Those that come back later.
    pub(super) reminders: BTreeSet<u32>,
    /// Actions that the AI provider answered.
    #[serde(default)]
    pub(super) answered: BTreeSet<u32>,
    /// Whether it is remembered only until nothing of it is open.
    #[serde(default)]
    pub(super) late: bool,
}

impl Open {
    /// A call that wants actions of these kinds.
    pub(super) fn wanting(call: &Call, kinds: &[String]) -> Self {
        // Nothing waits for what never comes.
        let lost = lost(call, kinds);
        let actions = (0u32..).zip(kinds).map(|(place, _)| place);
        let actions = actions.filter(|place| !lost.contains(place)).collect();
        let reminders = reminders(kinds).difference(&lost).copied().collect();
        Self { actions, reminders, ..Self::default() }
    }

    pub(super) fn waits(&self) -> bool {
        !self.actions.is_empty() || !self.reminders.is_empty()
    }
}

/// The reminders that never come: the call did not come from a channel.
pub(super) fn lost(call: &Call, kinds: &[String]) -> BTreeSet<u32> {
    if call.channel.is_none() { reminders(kinds) } else { BTreeSet::new() }
}

/// Which actions come back later, by their kinds.
fn reminders(kinds: &[String]) -> BTreeSet<u32> {
    (0u32..).zip(kinds).filter(|(_, kind)| *kind == "remind").map(|(place, _)| place).collect()
}
