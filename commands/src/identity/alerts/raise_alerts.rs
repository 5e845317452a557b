//! When sign-ins fail in numbers, come from a new place, or a token is used twice, raise an alert.
//!
//! What it needs to know lies where it can be made again. Failures of the last minutes are in memory, and
//! after a start are read from the end of the log. Earlier places of a person are in the read models, which
//! are asked once they show the sign-in. The id of an alert follows from what it is about (for numbers, from
//! account or address and ten minutes of the clock; else from the event), so whoever sees an event again
//! raises the same alert, which changes nothing.

use std::sync::Arc;

use async_trait::async_trait;
use domain::identity::{
    Alert, AlertCommand, AlertKind, Ending, Session, SessionEvent, SignInEvent,
};
use domain::kernel::{
    AlertId, Cause, Event, Journal, Origin, Person, Personal, Recorded, SessionId, UserId,
};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::place::{Place, impossible};
use super::recent_failures::{MANY, RecentFailures, WINDOW};
use crate::ports::{Execute, Places, SignInHistory, Vault};
use crate::{CommandError, Reactor, Setback};

/// How many commits are read at once after a start, and how far back at most.
const PAGE: u64 = 1_000;
const FURTHEST: u64 = 100_000;

/// See the module.
pub struct RaiseAlerts {
    pub alerts: Arc<dyn Execute<Alert>>,
    pub history: Arc<dyn SignInHistory>,
    pub journal: Journal,
    pub places: Arc<dyn Places>,
    pub sessions: Arc<dyn Execute<Session>>,
    pub vault: Arc<dyn Vault>,
    failures: Mutex<Option<RecentFailures>>,
}

/// What is to be raised.
struct News {
    id: AlertId,
    kind: AlertKind,
    user: Option<UserId>,
    details: String,
}

#[async_trait]
impl Reactor for RaiseAlerts {
    fn name(&self) -> &'static str {
        "raise_alerts"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        matches!(
            &recorded.event,
            Event::SignIn(_, SignInEvent::Failed { .. })
                | Event::Session(
                    _,
                    SessionEvent::Started { .. }
                        | SessionEvent::Ended { reason: Ending::Reused, .. }
                )
        )
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        let news = match &recorded.event {
            Event::SignIn(_, SignInEvent::Failed { user, .. }) => {
                self.failed(recorded, *user).await?
            }
            Event::Session(id, SessionEvent::Started { user, .. }) => {
                self.started(recorded, *id, *user).await?
            }
            Event::Session(id, SessionEvent::Ended { reason: Ending::Reused, .. }) => {
                self.reused(recorded, *id).await?
            }
            _ => Vec::new(),
        };
        for News { id, kind, user, details } in news {
            let person = user.map_or_else(Person::operator, Person::user);
            let details = Personal::of(person, details);
            let cause = Cause::answering(recorded, self.name()).then(kind.as_ref());
            self.alerts.execute(&id, AlertCommand::Raise { kind, user, details }, &cause).await?;
        }
        Ok(())
    }
}

impl RaiseAlerts {
    pub fn new(
        alerts: Arc<dyn Execute<Alert>>,
        history: Arc<dyn SignInHistory>,
        journal: Journal,
        places: Arc<dyn Places>,
        sessions: Arc<dyn Execute<Session>>,
        vault: Arc<dyn Vault>,
    ) -> Self {
        Self { alerts, history, journal, places, sessions, vault, failures: Mutex::default() }
    }

    async fn failed(
        &self,
        recorded: &Recorded,
        user: Option<UserId>,
    ) -> Result<Vec<News>, CommandError> {
        let mut failures = self.failures.lock().await;
        let recent = match &mut *failures {
            Some(recent) => recent,
            none => none.insert(self.remembered(recorded).await?),
        };
        recent.count(recorded);

        let mut news = Vec::new();
        if let Some(user) = user.filter(|user| recent.of_user(*user) >= MANY) {
            let (kind, count) = (AlertKind::ManyFailures, recent.of_user(user));
            let details = format!("{count} sign-ins failed within ten minutes{}", last(recorded));
            let id = self.id_within(recorded, kind, &user.to_string()).await?;
            news.extend(id.map(|id| News { id, kind, user: Some(user), details }));
        }
        if let Some(address) = origin(recorded).map(Origin::subscriber)
            && recent.accounts_from(&address) >= MANY
        {
            let kind = AlertKind::ManyAccounts;
            let count = recent.accounts_from(&address);
            let details = format!("{count} accounts were tried from {address} within ten minutes");
            let id = self.id_within(recorded, kind, &address).await?;
            news.extend(id.map(|id| News { id, kind, user: None, details }));
        }
        Ok(news)
    }

    /// The failures before an event that still count.
    async fn remembered(&self, recorded: &Recorded) -> Result<RecentFailures, CommandError> {
        let (since, last) = (recorded.recorded_at - WINDOW, recorded.position.saturating_sub(1));
        let furthest = last.saturating_sub(FURTHEST);
        let mut pages = Vec::new();
        let mut end = last;
        while end > furthest {
            let after = end.saturating_sub(PAGE).max(furthest);
            let limit = usize::try_from(end - after).unwrap_or(usize::MAX);
            let (events, _) = self.journal.read_all(after, limit).await?;
            let old = events.first().is_none_or(|first| first.recorded_at < since);
            pages.push(events);
            if old {
                break;
            }
            end = after;
        }
        let mut recent = RecentFailures::default();
        for recorded in pages.iter().rev().flatten().filter(|it| it.recorded_at >= since) {
            recent.count(recorded);
        }
        Ok(recent)
    }

    async fn started(
        &self,
        recorded: &Recorded,
        session: SessionId,
        user: UserId,
    ) -> Result<Vec<News>, CommandError> {
        let Some(origin) = origin(recorded) else { return Ok(Vec::new()) };
        let earlier = self.history.before(user, session, recorded.position).await?;
        let Some(previous) = earlier.first() else { return Ok(Vec::new()) };

        let found = self.places.find(&previous.origin.ip_address);
        let travel = found
            .zip(self.places.find(&origin.ip_address))
            .and_then(|(from, to)| impossible((from, previous.at), (to, recorded.recorded_at)));
        let place = Place::of(origin);
        if let Some((far, fast)) = travel {
            let kind = AlertKind::ImpossibleTravel;
            let details = format!(
                "a sign-in from {place}, {far:.0} km from the one before; nobody travels {fast:.0} km/h"
            );
            return Ok(vec![News { id: id_of(recorded, kind), kind, user: Some(user), details }]);
        }
        if earlier.iter().any(|it| Place::of(&it.origin) == place) {
            return Ok(Vec::new());
        }
        let kind = AlertKind::NewPlace;
        let details = format!("a sign-in from {place}, where this account never was before");
        Ok(vec![News { id: id_of(recorded, kind), kind, user: Some(user), details }])
    }

    async fn reused(
        &self,
        recorded: &Recorded,
        session: SessionId,
    ) -> Result<Vec<News>, CommandError> {
        let user = self.sessions.load(&session).await?.aggregate.user();
        let details = format!(
            "a refresh token that was used before came again{}; its session was ended",
            last(recorded)
        );
        let kind = AlertKind::TokenReused;
        Ok(vec![News { id: id_of(recorded, kind), kind, user, details }])
    }

    /// One alert of a kind about something in ten minutes of the clock; none when there was one in the ten
    /// minutes before. What it is about may be an address, so it goes in as a MAC.
    async fn id_within(
        &self,
        recorded: &Recorded,
        kind: AlertKind,
        about: &str,
    ) -> Result<Option<AlertId>, CommandError> {
        let window = recorded.recorded_at.timestamp().div_euclid(WINDOW.num_seconds());
        let id = |window: i64| {
            let name = format!("{}|{window}|{about}", kind.as_ref());
            AlertId(Uuid::new_v5(&Uuid::NAMESPACE_OID, self.vault.index("alert", &name).as_bytes()))
        };
        let before = self.alerts.load(&id(window - 1)).await?;
        Ok((before.version == 0).then(|| id(window)))
    }
}

/// One alert of a kind for an event.
fn id_of(recorded: &Recorded, kind: AlertKind) -> AlertId {
    AlertId(Uuid::new_v5(&recorded.id, kind.as_ref().as_bytes()))
}

fn origin(recorded: &Recorded) -> Option<&Origin> {
    recorded.origin.as_deref().and_then(Personal::clear)
}

/// From where it came last, for people.
fn last(recorded: &Recorded) -> String {
    origin(recorded).map(|it| format!(", the last from {}", Place::of(it))).unwrap_or_default()
}
