//! Tries to sign in are counted for all processes together.

use api::{ApiSettings, RateLimit};
use reqwest::Method;
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
