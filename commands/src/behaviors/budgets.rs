//! What the scripts of one server may use in a minute, so that one server cannot slow the others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::behaviors::Effort;
use domain::kernel::GuildId;

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

/// What each server has used.
#[derive(Default)]
pub struct Budgets {
    budget: Budget,
    used: Mutex<HashMap<GuildId, Used>>,
}

struct Used {
    minute: i64,
    effort: Effort,
}

impl Budgets {
    pub fn new(budget: Budget) -> Self {
        Self { budget, used: Mutex::default() }
    }

    /// Whether a server has something left in this minute (since 1970).
    pub fn has_left(&self, guild: Option<GuildId>, minute: i64) -> bool {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let now = guild.and_then(|guild| used.get(&guild)).filter(|it| it.minute == minute);
        now.is_none_or(|Used { effort, .. }| {
            effort.operations < self.budget.operations && effort.took_us < self.budget.took_us
        })
    }

    pub fn spend(&self, guild: Option<GuildId>, minute: i64, effort: Effort) {
        let Some(guild) = guild else { return };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, it| it.minute >= minute);
        let fresh = || Used { minute, effort: Effort::default() };
        let Used { effort: all, .. } = used.entry(guild).or_insert_with(fresh);
        all.operations += effort.operations;
        all.took_us += effort.took_us;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_has_used_its_minute_waits_for_the_next_and_others_do_not() {
        let budgets = Budgets::new(Budget { operations: 10, took_us: 1_000 });
        let (busy, quiet) = (Some(GuildId(1)), Some(GuildId(2)));
        budgets.spend(busy, 5, Effort { operations: 9, took_us: 1 });
        assert!(budgets.has_left(busy, 5));
        budgets.spend(busy, 5, Effort { operations: 1, took_us: 1 });
        assert!(!budgets.has_left(busy, 5));
        assert!(
            budgets.has_left(quiet, 5) && budgets.has_left(busy, 6) && budgets.has_left(None, 5)
        );
    }
}
