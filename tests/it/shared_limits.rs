//! Tries to sign in are counted for all processes together.

use api::{ApiSettings, RateLimit};
use reqwest::Method;
use serde_json::json;
use tests::doors::{Answered, Door, answered};

#[tokio::test]
async fn tries_to_sign_in_are_counted_in_the_operational_store() {
    let mut settings = ApiSettings::default();
    settings.rate_limits.auth = RateLimit::of(1, 2);
    let door = Door::open_with(settings).await;
    let left = |answer: &Answered| answer.header("x-ratelimit-remaining").to_owned();
    let first = answered(door.bare(Method::GET, "/api/v1/auth/nothing")).await;
    assert_eq!((first.header("x-ratelimit-limit"), left(&first).as_str()), ("2", "1"));
    // Another process would find the bucket there, under a name that shows no address.
    let file = door.directory.path().join("operational.db");
    let store = rusqlite::Connection::open(file).unwrap();
    let count = "SELECT count(*) FROM operational_counters WHERE id NOT LIKE '%127.0.0.1%'";
    assert_eq!(store.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    let taken = "UPDATE operational_counters SET full_at = full_at + 60000";
    assert_eq!(store.execute(taken, []).unwrap(), 1);

    let third = answered(door.bare(Method::GET, "/api/v1/auth/nothing")).await;
    assert_eq!((third.status, third.code()), (429, "RATE_LIMIT_EXCEEDED"), "{}", third.text);
    assert_eq!(left(&third), "0");
    let wait: u64 = third.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let elsewhere = door.get("/api/v1/config").await;
    assert_eq!((elsewhere.status, left(&elsewhere).as_str()), (200, "199"));
    // Without the store each process counts for itself.
    store.execute("DROP TABLE operational_counters", []).unwrap();
    let alone = answered(door.bare(Method::GET, "/api/v1/auth/nothing")).await;
    assert_eq!((alone.status, left(&alone).as_str()), (404, "1"), "{}", alone.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_last_proxy_saw_is_counted_and_nobody_else() {
    let mut settings = ApiSettings { trust_forwarded_for: true, ..ApiSettings::default() };
    settings.rate_limits.auth = RateLimit::of(1, 2);
    let door = Door::open_with(settings).await;
    let tried = async |lines: &[&str]| {
        let request = door.bare(Method::GET, "/api/v1/auth/nothing");
        let add = |request: reqwest::RequestBuilder, line: &&str| {
            request.header("x-forwarded-for", (*line).to_owned())
        };
        answered(lines.iter().fold(request, add)).await.status
    };
    // Some proxies add a line of their own below what the client wrote.
    for (nth, expected) in [(1, 404), (2, 404), (3, 429)] {
        let forged = format!("198.51.100.{nth}");
        assert_eq!(tried(&[&forged, "203.0.113.5"]).await, expected, "{nth}");
    }
    assert_eq!(tried(&["198.51.100.9, 203.0.113.5:4711"]).await, 429, "with its port");
    assert_eq!(tried(&["::ffff:203.0.113.5"]).await, 429, "in the new notation");
    // One subscriber has all addresses of a /64.
    for (nth, expected) in [(1, 404), (2, 404), (3, 429)] {
        assert_eq!(tried(&[&format!("2001:db8:1:2::{nth}")]).await, expected, "{nth}");
    }
    assert_eq!(tried(&["2001:db8:1:3::1"]).await, 404, "his neighbour");
    // What is no address is not believed.
    for (nth, expected) in [(1, 404), (2, 404), (3, 429)] {
        assert_eq!(tried(&[&format!("nobody-{nth}")]).await, expected, "{nth}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_of_the_same_subscriber_is_no_fresh_start() {
    let mut settings = ApiSettings { trust_forwarded_for: true, ..ApiSettings::default() };
    settings.rate_limits.enabled = false;
    let door = Door::open_with(settings).await;
    let tried = async |from: &str| {
        let body = json!({ "email": "ana@acme.example", "password": "a wrong password" });
        let request = door.bare(Method::POST, "/api/v1/auth/login").json(&body);
        answered(request.header("x-forwarded-for", from.to_owned())).await.status
    };
    for nth in 1..=5 {
        assert_eq!(tried(&format!("2001:db8:1:2::{nth}")).await, 401, "{nth}");
    }
    assert_eq!(tried("2001:db8:1:2:3::6").await, 429);
    assert_eq!(tried("2001:db8:1:3::6").await, 401, "somebody else");
}
