//! The failed sign-ins of the last minutes, by account and by address.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use domain::identity::SignInEvent;
use domain::kernel::{Event, Origin, Personal, Recorded, SignInId, UserId};

/// How long a failure counts.
pub(super) const WINDOW: TimeDelta = TimeDelta::minutes(10);

/// How many are too many.
pub(super) const MANY: usize = 10;

/// How many are remembered: when there are more, the oldest go, and those are old anyway.
const MOST: usize = 50_000;

/// One failure.
struct Failure {
    /// Its place in the log: the same event counts once, however often it comes.
    place: (u64, u32),
    at: DateTime<Utc>,
    user: Option<UserId>,
    /// Account and address, as a MAC.
    pair: SignInId,
    address: Option<String>,
}

/// See the module.
#[derive(Default)]
pub(super) struct RecentFailures {
    newest_last: VecDeque<Failure>,
    seen: HashSet<(u64, u32)>,
    of_user: HashMap<UserId, usize>,
    /// How often each account was tried from an address.
    from_address: HashMap<String, HashMap<SignInId, usize>>,
}

impl RecentFailures {
    /// Counts an event if it is a failure.
    pub(super) fn count(&mut self, recorded: &Recorded) {
        let Event::SignIn(pair, SignInEvent::Failed { user, .. }) = &recorded.event else { return };
        let place = (recorded.position, recorded.index);
        if !self.seen.insert(place) {
            return;
        }
        let origin = recorded.origin.as_deref().and_then(Personal::clear);
        let address = origin.map(Origin::subscriber);
        if let Some(user) = user {
            *self.of_user.entry(*user).or_default() += 1;
        }
        if let Some(address) = &address {
            let pairs = self.from_address.entry(address.clone()).or_default();
            *pairs.entry(pair.clone()).or_default() += 1;
        }
        let (at, pair) = (recorded.recorded_at, pair.clone());
        self.newest_last.push_back(Failure { place, at, user: *user, pair, address });
        self.forget(recorded.recorded_at - WINDOW);
    }

    /// How often this account was tried in vain, from anywhere.
    pub(super) fn of_user(&self, user: UserId) -> usize {
        self.of_user.get(&user).copied().unwrap_or_default()
    }

    /// How many accounts were tried in vain from this address.
    pub(super) fn accounts_from(&self, address: &str) -> usize {
        self.from_address.get(address).map_or(0, HashMap::len)
    }

    fn forget(&mut self, before: DateTime<Utc>) {
        let old = |it: &Failure| it.at < before;
        while self.newest_last.len() > MOST || self.newest_last.front().is_some_and(old) {
            let Some(gone) = self.newest_last.pop_front() else { return };
            self.seen.remove(&gone.place);
            if let Some(user) = gone.user {
                less(&mut self.of_user, &user);
            }
            if let Some(address) = gone.address
                && let Some(pairs) = self.from_address.get_mut(&address)
            {
                less(pairs, &gone.pair);
                if pairs.is_empty() {
                    self.from_address.remove(&address);
                }
            }
        }
    }
}

/// One less of these; none is none.
fn less<K: Eq + std::hash::Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::identity::Method;
    use domain::kernel::{Actor, Person, Source};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn failures_count_once_each_and_for_ten_minutes() {
        let mut recent = RecentFailures::default();
        for position in 1..=9 {
            recent.count(&failure(position, "a", position));
            recent.count(&failure(position, "a", position));
        }
        assert_eq!((recent.of_user(ana()), recent.accounts_from("192.0.2.1")), (9, 1));
        recent.count(&failure(10, "b", 10));
        assert_eq!((recent.of_user(ana()), recent.accounts_from("192.0.2.1")), (10, 2));
        recent.count(&failure(11, "c", 606));
        assert_eq!(recent.of_user(ana()), 6, "those of the seconds 6 to 10, and the newest");
        recent.count(&failure(12, "c", 9_000));
        assert_eq!((recent.of_user(ana()), recent.accounts_from("192.0.2.1")), (1, 1));
        assert_eq!((recent.seen.len(), recent.from_address.len()), (1, 1));
    }

    fn ana() -> UserId {
        UserId(Uuid::from_u128(1))
    }

    fn failure(position: u64, pair: &str, second: u64) -> Recorded {
        let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(second.cast_signed());
        let (user, method) = (Some(ana()), Method::Password);
        let failed = SignInEvent::Failed { user, method, failures: 1, at };
        let event = Event::SignIn(pair.parse().unwrap(), failed);
        let origin = Origin { ip_address: "192.0.2.1".to_owned(), user_agent: None };
        Recorded {
            id: Uuid::nil(),
            position,
            index: 0,
            recorded_at: at,
            occurred_at: at,
            stream: event.stream(),
            version: 1,
            actor: Actor::system("tests"),
            command: Uuid::nil(),
            correlation: Uuid::nil(),
            causation: None,
            source: Source::Api,
            origin: Some(Arc::new(Personal::of(Person::operator(), origin))),
            event,
        }
    }
}
