//! What the scripts of one server may use in a minute, so that one server cannot slow the others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::behaviors::Effort;
use domain::kernel::{ChannelId, GuildId};

/// See the module. Steps of scripts, and microseconds of them; counted in each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub operations: u64,
    pub took_us: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { operations: 20_000_000, took_us: 6_000_000 }
    }
}

/// Who bears what is used: a server, and where none is known the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    Channel(ChannelId),
    Guild(GuildId),
}

/// What each server has used.
#[derive(Default)]
pub struct Budgets {
    budget: Budget,
    used: Mutex<HashMap<Whose, Used>>,
}

struct Used {
    minute: i64,
    effort: Effort,
}

impl Budgets {
    pub fn new(budget: Budget) -> Self {
        Self { budget, used: Mutex::default() }
    }

    /// Whether something is left in this minute (since 1970).
    pub(super) fn has_left(&self, whose: Whose, minute: i64) -> bool {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let now = used.get(&whose).filter(|it| it.minute == minute);
        now.is_none_or(|Used { effort, .. }| {
            effort.operations < self.budget.operations && effort.took_us < self.budget.took_us
        })
    }

    pub(super) fn spend(&self, whose: Whose, minute: i64, effort: Effort) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, it| it.minute >= minute);
        let fresh = || Used { minute, effort: Effort::default() };
        let Used { effort: all, .. } = used.entry(whose).or_insert_with(fresh);
        all.operations += effort.operations;
        all.took_us += effort.took_us;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_used_his_minute_waits_for_the_next_and_others_do_not() {
        let budgets = Budgets::new(Budget { operations: 10, took_us: 1_000 });
        let (busy, quiet) = (Whose::Guild(GuildId(1)), Whose::Channel(ChannelId(1)));
        budgets.spend(busy, 5, Effort { operations: 9, took_us: 1 });
        assert!(budgets.has_left(busy, 5));
        budgets.spend(busy, 5, Effort { operations: 1, took_us: 1 });
        assert!(!budgets.has_left(busy, 5));
        assert!(budgets.has_left(quiet, 5) && budgets.has_left(busy, 6));
        budgets.spend(quiet, 5, Effort { operations: 10, took_us: 1 });
        assert!(!budgets.has_left(quiet, 5));
    }
}
