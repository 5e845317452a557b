//! A request that was done, and cut off by a crash before it was answered: the same request once
//! more does not act twice, and gets its answer.

use std::time::{Duration, Instant};

use adapters::{Address, Care, Opening};
use reqwest::Method;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use tests::databases::TestDatabase;
use tests::services::postgres_url;

use crate::installation::{Installation, Running, word};

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_cut_off_is_not_done_twice() {
    let place = Installation::embedded();
    let operational = Address::Sqlite(place.file("operational.db"));
    survive(place, operational).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_on_a_shared_database_does_not_outlive_its_process_for_long() {
    let database = TestDatabase::postgres(Care::Durable).await;
    let address = database.address().clone();
    // As it is shown, it has no user.
    let (server, shown) = (postgres_url(), address.to_string());
    let (host, name) = (server.rsplit_once('/').unwrap().0, shown.rsplit_once('/').unwrap().1);
    let place = Installation::embedded().set("PALIMPSEST_OPERATIONAL", format!("{host}/{name}"));
    survive(place, address).await;
}

async fn survive(place: Installation, operational: Address) {
    let running = place.start();
    let first = ask_all(&running).await;
    let before = what_is_there(&running).await;
    running.kill();
    // As if it had been killed between the last append and the answer.
    let db = Opening::new(operational, Care::Durable).open().await.unwrap();
    let unanswered = "UPDATE operational_idempotency_keys SET answer = NULL";
    assert_eq!(db.execute_unprepared(unanswered).await.unwrap().rows_affected(), 5);
    db.close().await.unwrap();

    let running = place.start();
    let again = ask_all(&running).await;
    assert_eq!(what_is_there(&running).await, before, "nothing was done twice");
    for (first, again) in first.iter().zip(&again) {
        for same in ["id", "rollback_id", "conversationId", "content", "name"] {
            assert_eq!(first[same], again[same], "{same} of {first} and {again}");
        }
    }
    // Its secret was never told, so it is another one; the one that is told now works.
    let keys = running.request_as(word(&again[0], "key"), Method::GET, "/api-keys");
    running.ask(keys).await.expect("an answer");
}

/// Every kind of request that makes something new, each under a key of its own.
async fn ask_all(running: &Running) -> Vec<Value> {
    let key = ask(running, "/api-keys", json!({ "name": "ci", "permissions": ["*:*"] })).await;
    let proposal = json!({
        "scope": "features",
        "description": "Greet",
        "files": [{ "path": "prompts/hello.md", "content": "Hello\n" }],
    });
    let edit = ask(running, "/self-editing/edits", proposal).await;
    let edits = format!("/self-editing/edits/{}", word(&edit, "id"));
    let at = running.ask(running.request(Method::GET, &edits)).await.expect("an edit");
    if word(&at, "status") == "checked" {
        for decision in ["approve", "apply"] {
            let path = format!("{edits}/{decision}");
            let request = running.request_as(word(&key, "key"), Method::POST, &path);
            running.ask(request.json(&json!({}))).await.expect("decided");
        }
    }
    let back = json!({ "edit_id": edit["id"], "reason": "too friendly" });
    let back = ask(running, "/self-editing/rollback", back).await;
    let person = json!({ "userId": "ana", "channelId": "c" });
    let started = ask(running, "/conversational/conversation/start", person).await;
    let said = json!({ "message": "hello", "userId": "ana", "channelId": "c" });
    let answer = ask(running, "/conversational/message", said).await;
    vec![key, edit, back, started, answer]
}

/// Asks under the path as key, as often as it takes.
async fn ask(running: &Running, path: &str, body: Value) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request = running.request(Method::POST, path).json(&body);
        let answer = request.header("idempotency-key", path).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let mut said: Value = answer.json().await.expect("JSON");
        if status < 300 {
            return said["data"].take();
        }
        let busy = status == 409 && word(&said["error"], "message").contains("still being");
        assert!(busy && Instant::now() < deadline, "{path}: {status} {said}");
    }
}

/// How much there is of everything.
async fn what_is_there(running: &Running) -> Value {
    let mut there = Vec::new();
    for path in [
        "/api-keys",
        "/self-editing/history",
        "/conversational/conversations",
        "/conversational/conversation/ana:c",
    ] {
        let found = running.ask(running.request(Method::GET, path)).await.expect("an answer");
        assert!(found["pagination"]["total"].as_u64() > Some(0), "{path}: {found}");
        there.push(json!([path, found["pagination"]["total"]]));
    }
    let workspace = running.request(Method::GET, "/self-editing/workspace");
    there.push(running.ask(workspace).await.expect("an answer")["revision"].clone());
    there.into()
}
