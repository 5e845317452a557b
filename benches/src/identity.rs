//! Signing in: what knowing callers costs a read, what a flood of sign-ins costs others, and what a hundred
//! thousand users with a million sessions cost one sign-in.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use domain::identity::{Method, SessionEvent, UserEvent};
use domain::kernel::{
    Actor, Cause, Event, Expected, Journal, Person, Personal, SessionId, Source, UserId,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method as Verb;
use serde_json::json;
use tests::accounts::UNSEEN;
use tests::doors::{Door, answered};
use tokio::time::sleep;
use uuid::Uuid;

use crate::figure::{Figure, Unit};
use crate::measure::Bench;
use crate::rest::load;
use crate::table::{Goal, Row};

const USERS: usize = 100_000;
const SESSIONS: usize = 10;
/// How many keys of people are made at once.
const KEYS: usize = 5_000;
/// Appends in flight.
const WINDOW: usize = 200;
/// Sign-ins at once, in the flood, and how many are measured one after the other.
const FLOOD: usize = 32;
const SIGN_INS: usize = 40;

const READ: &str = "/api/v1/conversational/conversations?limit=50";
const PASSWORD: &str = "Tr0ubadour & twelve horses";

pub(crate) async fn show(bench: Bench) -> Result<Vec<Row>> {
    let door = Door::open().await;
    let address = door.url.trim_start_matches("http://").to_owned();
    let email = "ana@acme.example";
    let new = json!({ "email": email, "password": PASSWORD, "name": "Ana" });
    let made = answered(door.bare(Verb::POST, "/api/v1/auth/register").json(&new)).await;
    let user = made.body["user"]["id"].as_str().context("she registers")?;
    door.assign(user.parse()?, "admin").await;
    let token = made.body["access_token"].as_str().context("she is let in")?.to_owned();

    let mut rows = Vec::new();
    for (who, bearer) in [("a session's token", &token), ("an API key", &door.token)] {
        let ours = async || load(&address, READ, Some(bearer), bench.span).await;
        let theirs = async || load(&address, READ, Some(UNSEEN), bench.span).await;
        let pair = bench.in_turns(false, ours, theirs).await?;
        let row = Row::new(format!("GET by {who}"), pair.ours);
        rows.push(row.beside("authentication off", pair.theirs).reaching(Goal::AtLeast(0.8)));
    }

    let quiet = async || load_one(&door, &token, bench.span).await;
    let flooded = async || {
        let flood = stream::iter(0..).map(|_| sign_in(&door, email)).buffer_unordered(FLOOD);
        let flood = flood.try_for_each(async |()| Ok(()));
        tokio::select! {
            ended = flood => Err(ended.err().context("a flood has no end")?),
            read = load_one(&door, &token, bench.span) => read,
        }
    };
    let pair = bench.in_turns(false, flooded, quiet).await?;
    let row = Row::new("GET p99 in a flood of sign-ins", p99(pair.ours));
    rows.push(row.beside("without", p99(pair.theirs)).reaching(Goal::AtMost(3.0)));

    let few = sign_ins(&door, email).await?;
    people(&door.journal).await?;
    let head = door.journal.log().head().await?;
    while !shown(&door, head).await? {
        sleep(Duration::from_millis(200)).await;
    }
    let many = sign_ins(&door, email).await?;
    let row = Row::new("a sign-in, 100,000 users, 1,000,000 sessions", many);
    rows.push(row.beside("1 user", few).reaching(Goal::AtMost(1.2)));
    Ok(rows)
}

async fn sign_in(door: &Door, email: &str) -> Result<()> {
    let body = json!({ "email": email, "password": PASSWORD });
    let entered = answered(door.bare(Verb::POST, "/api/v1/auth/login").json(&body)).await;
    // More than wait for a processor are told to come again.
    ensure!([200, 503].contains(&entered.status), "{}", entered.text);
    Ok(())
}

async fn sign_ins(door: &Door, email: &str) -> Result<Figure> {
    let mut times = Vec::new();
    for _ in 0..SIGN_INS {
        let begun = Instant::now();
        sign_in(door, email).await?;
        times.push(begun.elapsed());
    }
    Ok(Figure::time_of(times))
}

/// One reader, as often as it is answered.
async fn load_one(door: &Door, token: &str, span: Duration) -> Result<Figure> {
    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < span {
        let asked = Instant::now();
        let told = answered(door.bare(Verb::GET, READ).bearer_auth(token)).await;
        times.push(asked.elapsed());
        ensure!(told.status == 200, "{}", told.text);
    }
    Ok(Figure::time_of(times))
}

/// Whether the read models show the log up to there.
async fn shown(door: &Door, position: u64) -> Result<bool> {
    let read = door.bare(Verb::GET, READ).bearer_auth(UNSEEN);
    let told = answered(read.header("x-min-position", position)).await;
    ensure!([200, 503].contains(&told.status), "{}", told.text);
    Ok(told.status == 200)
}

/// Writes what so many people and their sessions leave in a log.
async fn people(journal: &Journal) -> Result<()> {
    let now = journal.clock().now();
    for begin in (0..USERS).step_by(KEYS) {
        let users: Vec<_> = (0..KEYS.min(USERS - begin)).map(|_| UserId(Uuid::now_v7())).collect();
        let people: Vec<_> = users.iter().map(|it| Person::user(*it)).collect();
        journal.codec().prepare(&people).await?;
        let mut events = Vec::new();
        for (number, user) in users.iter().enumerate() {
            events.push(Event::User(*user, registered(*user, begin + number)?));
            let session = |_| Event::Session(SessionId(Uuid::now_v7()), started(*user, now));
            events.extend((0..SESSIONS).map(session));
        }
        let appends = stream::iter(events).map(async |event| {
            let cause = Cause::asked(Actor::system("bench"), Uuid::now_v7(), Source::Api);
            let stream = event.stream();
            journal.append(&stream, Expected::New, &[event], &cause).await?.await?;
            anyhow::Ok(())
        });
        appends.buffer_unordered(WINDOW).try_for_each(async |()| Ok(())).await?;
    }
    Ok(())
}

fn registered(user: UserId, number: usize) -> Result<UserEvent> {
    let email_claim = format!("email-{}", Uuid::now_v7().simple()).parse()?;
    let of = |text: String| Personal::of(Person::user(user), text);
    Ok(UserEvent::Registered {
        email: of(format!("user-{number}@globex.example")),
        email_claim,
        name: of(format!("User {number}")),
        verified: true,
        roles: BTreeSet::new(),
        by: Actor::user(user),
    })
}

fn started(user: UserId, now: chrono::DateTime<chrono::Utc>) -> SessionEvent {
    SessionEvent::Started {
        user,
        organization: None,
        methods: vec![Method::Password],
        factor: false,
        remember: false,
        started_at: now,
        lasts_s: 86_400,
        epoch: 0,
    }
}

fn p99(figure: Figure) -> Figure {
    let value = figure.p99_us.unwrap_or(f64::NAN);
    Figure { value, unit: Unit::Microseconds, p50_us: None, p99_us: None }
}
