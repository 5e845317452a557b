//! The decisions that somebody asked for lately, each with why it was made.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use domain::kernel::Actor;
use uuid::Uuid;

use crate::ports::Decision;

/// How many are kept.
pub const KEPT: usize = 1_000;

/// How many errors of a decision are kept, and how many letters of each.
const MOST_ERRORS: usize = 10;
const LONGEST_ERROR: usize = 500;

/// One decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    pub at: DateTime<Utc>,
    /// Who asked, and in which request.
    pub by: Actor,
    pub request: Uuid,
    /// `User::"0193…"`; of somebody unknown no more than his type.
    pub principal: String,
    pub action: String,
    pub resource: String,
    pub decision: Decision,
}

/// See the module. It is the process's own, and begins anew with it: the log is for what was done, and asking
/// does nothing.
#[derive(Clone, Default)]
pub struct DecisionLog(Arc<Mutex<VecDeque<Decided>>>);

impl DecisionLog {
    /// What is long is cut: words of whoever asks stand in the errors.
    pub(super) fn keep(&self, mut decided: Decided) {
        decided.decision.errors.truncate(MOST_ERRORS);
        for error in &mut decided.decision.errors {
            if let Some((end, _)) = error.char_indices().nth(LONGEST_ERROR) {
                error.truncate(end);
                error.push('…');
            }
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(decided);
    }

    /// The newest first; only those that were denied, or allowed, if that is asked for.
    pub(super) fn newest(&self, allowed: Option<bool>, limit: usize) -> Vec<Decided> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |it: &&Decided| allowed.is_none_or(|allowed| it.decision.allow == allowed);
        kept.iter().rev().filter(wanted).take(limit).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept() {
        let log = DecisionLog::default();
        for number in 0..=KEPT {
            log.keep(decided(number, number % 2 == 0));
        }
        let newest = log.newest(None, 2);
        assert_eq!([&newest[0].action, &newest[1].action], ["1000", "999"]);
        let all = log.newest(None, usize::MAX);
        assert_eq!((all.len(), all.last().map(|it| it.action.as_str())), (KEPT, Some("1")));
        assert_eq!(log.newest(Some(false), 1)[0].action, "999");
    }

    #[test]
    fn what_is_long_is_cut() {
        let log = DecisionLog::default();
        let errors = vec!["é".repeat(1_000_000); 100];
        let decision = Decision { allow: false, reasons: vec![], errors, revision: 1 };
        log.keep(Decided { decision, ..decided(1, false) });
        let kept: usize = log.newest(None, 1)[0].decision.errors.iter().map(String::len).sum();
        assert!(kept < 11_000, "{kept}");
    }

    fn decided(number: usize, allow: bool) -> Decided {
        Decided {
            at: DateTime::UNIX_EPOCH,
            by: Actor::system("test"),
            request: Uuid::nil(),
            principal: String::new(),
            action: number.to_string(),
            resource: String::new(),
            decision: Decision { allow, reasons: vec![], errors: vec![], revision: 1 },
        }
    }
}
