//! Alerts about security: what raises them, who is mailed, and who looks at them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use commands::CommandError;
use commands::Reactor as _;
use commands::identity::{MailAlerts, RaiseAlerts};
use commands::ports::{Coordinates, EarlierSignIn, Execute, Mail, Mailer, Places, SignInHistory};
use domain::identity::{
    AlertEvent, AlertKind, Ending, Method, Permission, SessionCommand, SessionEvent, SignInCommand,
    UserCommand,
};
use domain::kernel::{
    Actor, Cause, Event, Listed, Origin, Person, Personal, Recorded, SessionId, SignInId, Source,
    UserId,
};
use serde_json::json;
use tests::doors::{Door, answered};
use tests::embedded::Embedded;
use uuid::Uuid;

#[tokio::test]
async fn failures_in_numbers_are_told_once_and_after_a_restart_too() {
    let (stage, _folder) = Stage::start(false).await;
    for nth in 0..9 {
        stage.fail("ana", &format!("198.51.100.{nth}"), Some(stage.user)).await;
    }
    assert_eq!(stage.react_anew().await, [] as [(AlertKind, String); 0]);
    for nth in 9..12 {
        stage.fail("ana", &format!("198.51.100.{nth}"), Some(stage.user)).await;
    }
    let alerts = stage.react_anew().await;
    let [(AlertKind::ManyFailures, details)] = &alerts[..] else { panic!("{alerts:?}") };
    assert!(details.contains("10 sign-ins failed") && details.contains("198.51.100.0/24"));

    for nth in 0..10 {
        stage.fail(&format!("somebody-{nth}"), "203.0.113.66", None).await;
    }
    let alerts = stage.react_anew().await;
    assert_eq!(alerts.len(), 2, "{alerts:?}");
    assert_eq!(alerts[1].0, AlertKind::ManyAccounts);
    assert!(alerts[1].1.contains("10 accounts were tried from 203.0.113.66"));
}

#[tokio::test]
async fn a_sign_in_from_elsewhere_is_told_but_not_the_first_one() {
    let (stage, _folder) = Stage::start(false).await;
    stage.sign_in("203.0.113.7", LINUX).await;
    stage.sign_in("203.0.113.99", LINUX).await;
    assert_eq!(stage.react_anew().await.len(), 0, "the same network and device");
    stage.sign_in("203.0.113.7", PHONE).await;
    let alerts = stage.react_anew().await;
    let [(AlertKind::NewPlace, details)] = &alerts[..] else { panic!("{alerts:?}") };
    assert!(details.contains("203.0.113.0/24 with Safari on iOS"), "{details}");
    // Tokyo, a moment after London.
    stage.sign_in("192.0.2.1", LINUX).await;
    let alerts = stage.react_anew().await;
    let [_, (AlertKind::ImpossibleTravel, details)] = &alerts[..] else { panic!("{alerts:?}") };
    assert!(details.contains("192.0.2.0/24") && details.contains(" km"), "{details}");
}

#[tokio::test]
async fn a_token_that_comes_again_is_told() {
    let (stage, _folder) = Stage::start(false).await;
    let session = stage.sign_in("203.0.113.7", LINUX).await;
    let (sessions, now) = (&stage.stores.executors.sessions, now());
    for _ in 0..2 {
        let refresh = SessionCommand::Refresh { turn: 0, now };
        stage.execute(&**sessions, &session, refresh, origin("192.0.2.9", LINUX)).await;
    }
    let alerts = stage.react_anew().await;
    let [(AlertKind::TokenReused, details)] = &alerts[..] else { panic!("{alerts:?}") };
    assert!(details.contains("192.0.2.0/24"), "{details}");
    let over = |event: &Event| {
        matches!(event, Event::Session(_, SessionEvent::Ended { reason: Ending::Reused, .. }))
    };
    assert!(stage.events().await.iter().any(|it| over(&it.event)));
}

#[tokio::test]
async fn whoever_it_is_about_is_mailed_once_if_the_address_is_his() {
    for (verified, fails, mailed, outcome) in [
        (true, false, 1, r#"{"delivered":{"outside_id":""}}"#),
        (true, true, 1, r#"{"failed":{"reason":"the mail server did not take it"}}"#),
        (false, false, 0, "null"),
    ] {
        let (stage, _folder) = Stage::start(verified).await;
        stage.post.lock().unwrap().1 = fails;
        stage.sign_in("203.0.113.7", LINUX).await;
        stage.sign_in("192.0.2.200", PHONE).await;
        assert_eq!(stage.react_anew().await.len(), 1);
        let mails = stage.mails();
        for _ in 0..2 {
            for recorded in stage.events().await.iter().filter(|it| mails.concerns(it)) {
                mails.react(recorded).await.unwrap();
            }
        }
        let letters = stage.post.lock().unwrap().0.clone();
        assert_eq!(letters.len(), mailed);
        for letter in letters {
            assert_eq!(
                (letter.to.as_str(), letter.subject.as_str()),
                ("ana@acme.example", "Palimpsest: a sign-in from a new place",)
            );
            assert!(letter.text.contains("Safari on iOS"), "{}", letter.text);
        }
        let told = stage.events().await.into_iter().find_map(|it| match it.event {
            Event::Alert(_, AlertEvent::Told { outcome }) => Some(outcome),
            _ => None,
        });
        assert_eq!(serde_json::to_string(&told).unwrap(), outcome);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_says_that_he_looked_at_an_alert() {
    let door = Door::open().await;
    let (one, other) = (door.raise_alert("one").await, door.raise_alert("another").await);
    let path = |id: &dyn std::fmt::Display| format!("/api/v1/security/alerts/{id}/acknowledge");
    let by = async |token: &str, path: String| {
        answered(door.bare(reqwest::Method::POST, &path).bearer_auth(token)).await
    };
    let reader = door.key(&[Permission::ReadAudit]).await;
    assert_eq!(by(&reader, path(&one)).await.status, 403, "who may only read");
    assert_eq!(by(&door.token, path(&Uuid::nil())).await.status, 404);
    assert_eq!(by(&door.token, path(&"no-id")).await.status, 400);

    let looked = by(&door.token, path(&one)).await;
    assert_eq!(looked.status, 200, "{}", looked.text);
    assert_eq!(looked.body["data"], json!({ "id": one.0, "acknowledged": true }));
    let listed = async |acknowledged: bool| {
        let path = format!("/api/v1/security/alerts?acknowledged={acknowledged}");
        let list = door.get(&path).await;
        assert_eq!(list.body["data"]["pagination"]["total"], 1, "{}", list.text);
        list.body["data"]["alerts"][0].clone()
    };
    let (seen, unseen) = (listed(true).await, listed(false).await);
    assert_eq!((&seen["id"], &unseen["id"]), (&json!(one.0), &json!(other.0)));
    assert_eq!((&seen["details"], &seen["kind"]), (&json!("one"), &json!("many_accounts")));
    assert_eq!(seen["acknowledged_by"]["kind"], "api_key", "{seen}");
    assert!(unseen["acknowledged_at"].is_null() && unseen["acknowledged_by"].is_null());
    // Whoever looks again changes nothing.
    assert_eq!(by(&door.token, path(&one)).await.status, 200);
    assert_eq!(listed(true).await["acknowledged_at"], seen["acknowledged_at"]);
}

const LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const PHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) AppleWebKit/605 Version/19 Safari/604.1";

/// One user on embedded stores, and the reactors by hand.
struct Stage {
    stores: Embedded,
    user: UserId,
    post: Arc<Mutex<(Vec<Mail>, bool)>>,
}

impl Stage {
    async fn start(verified: bool) -> (Self, tempfile::TempDir) {
        let (stores, folder) = Embedded::start().await;
        let user = UserId::new();
        let stage = Self { stores, user, post: Arc::default() };
        let of = |text: &str| Personal::of(Person::user(user), text.to_owned());
        let register = UserCommand::Register {
            email: of("ana@acme.example"),
            email_claim: "email-0".parse().unwrap(),
            name: of("Ana"),
            verified,
            roles: ["user".parse().unwrap()].into(),
            by: Actor::user(user),
        };
        let users = &stage.stores.executors.users;
        stage.execute(&**users, &user, register, origin("203.0.113.7", LINUX)).await;
        (stage, folder)
    }

    async fn execute<A: Listed>(
        &self,
        executor: &dyn Execute<A>,
        id: &A::Id,
        command: A::Command,
        from: Origin,
    ) {
        let cause = Cause::asked(Actor::user(self.user), Uuid::now_v7(), Source::Api).from(from);
        executor.execute(id, command, &cause).await.expect("done");
    }

    async fn fail(&self, account: &str, address: &str, user: Option<UserId>) {
        let pair: SignInId = format!("{account}-{}", address.replace('.', "-")).parse().unwrap();
        let fail = SignInCommand::Fail { user, method: Method::Password, now: now() };
        let sign_ins = &self.stores.executors.sign_ins;
        self.execute(&**sign_ins, &pair, fail, origin(address, LINUX)).await;
    }

    async fn sign_in(&self, address: &str, agent: &str) -> SessionId {
        let id = SessionId::new();
        let start = SessionCommand::Start {
            user: self.user,
            organization: None,
            methods: vec![Method::Password],
            factor: false,
            remember: false,
            lasts: TimeDelta::hours(1),
            epoch: 0,
            now: now(),
        };
        let sessions = &self.stores.executors.sessions;
        self.execute(&**sessions, &id, start, origin(address, agent)).await;
        id
    }

    async fn events(&self) -> Vec<Recorded> {
        self.stores.journal.read_all(0, 10_000).await.expect("a log").0
    }

    /// Sees all events twice, with nothing in memory before the last one; answers every alert.
    async fn react_anew(&self) -> Vec<(AlertKind, String)> {
        let events = self.events().await;
        for only_last in [false, true, false] {
            let executors = &self.stores.executors;
            let raise = RaiseAlerts::new(
                executors.alerts.clone(),
                Arc::new(History(events.clone())),
                self.stores.journal.clone(),
                Arc::new(TwoTowns),
                executors.sessions.clone(),
                self.stores.vault.clone(),
            );
            let concern: Vec<_> = events.iter().filter(|it| raise.concerns(it)).collect();
            let skipped = if only_last { concern.len().saturating_sub(1) } else { 0 };
            for recorded in &concern[skipped..] {
                raise.react(recorded).await.unwrap();
            }
        }
        let raised = self.events().await.into_iter().filter_map(|it| match it.event {
            Event::Alert(_, AlertEvent::Raised { kind, details, .. }) => {
                Some((kind, details.shown().to_owned()))
            }
            _ => None,
        });
        raised.collect()
    }

    fn mails(&self) -> MailAlerts {
        MailAlerts {
            alerts: self.stores.executors.alerts.clone(),
            begun: self.stores.operational.clone(),
            mailer: Arc::new(Post(self.post.clone())),
            product: "Palimpsest".to_owned(),
            public_url: "http://localhost:8080".to_owned(),
            users: self.stores.executors.users.clone(),
        }
    }
}

fn origin(address: &str, agent: &str) -> Origin {
    Origin { ip_address: address.to_owned(), user_agent: Some(agent.to_owned()) }
}

/// What the read models would show of these events.
struct History(Vec<Recorded>);

#[async_trait]
impl SignInHistory for History {
    async fn before(
        &self,
        _: UserId,
        _: SessionId,
        position: u64,
    ) -> Result<Vec<EarlierSignIn>, CommandError> {
        let earlier = self.0.iter().rev().filter(|it| it.position < position);
        let started = earlier.filter(|it| it.event.type_name() == "session.started");
        let placed = started.filter_map(|it| {
            let origin = it.origin.as_deref()?.clear()?.clone();
            Some(EarlierSignIn { at: it.recorded_at, origin })
        });
        Ok(placed.collect())
    }
}

/// London and Tokyo.
struct TwoTowns;

impl Places for TwoTowns {
    fn find(&self, address: &str) -> Option<Coordinates> {
        match address {
            "203.0.113.7" => Some(Coordinates { latitude: 51.5, longitude: -0.12 }),
            "192.0.2.1" => Some(Coordinates { latitude: 35.68, longitude: 139.69 }),
            _ => None,
        }
    }
}

/// Keeps letters, or takes none.
struct Post(Arc<Mutex<(Vec<Mail>, bool)>>);

#[async_trait]
impl Mailer for Post {
    fn is_configured(&self) -> bool {
        true
    }

    async fn send(&self, mail: Mail) -> Result<(), CommandError> {
        let mut post = self.0.lock().expect("letters");
        post.0.push(mail);
        if post.1 { Err(CommandError::unavailable("no post today")) } else { Ok(()) }
    }
}

fn now() -> chrono::DateTime<chrono::Utc> {
    domain::kernel::Clock::now(&adapters::SystemClock)
}
