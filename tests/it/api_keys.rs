//! Keys and what they are for: API keys that end, idempotency keys, and the tags of what is shown.

use reqwest::Method;
use serde_json::json;
use tests::doors::{Door, answered};
use tests::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_changes_with_all_that_is_shown() {
    let door = Door::open().await;
    let said = json!({ "message": "hello", "userId": "ana", "channelId": "c" });
    assert_eq!(door.post("/api/v1/conversational/message", said).await.status, 200);
    let path = "/api/v1/conversational/conversation/ana:c";
    let known = door.get(path).await.header("etag").to_owned();
    let read = || answered(door.request(Method::GET, path).header("if-none-match", &known));
    assert_eq!(read().await.status, 304);
    let erase = door.request(Method::DELETE, "/api/v1/persons/user:ana");
    assert_eq!(answered(erase).await.status, 200);
    let after = read().await;
    assert_eq!(after.status, 200);
    assert_eq!(after.body["data"]["messages"][0]["content"], "[erased]", "{}", after.text);

    let new = json!({ "name": "ci", "permissions": ["read:config"] });
    let made = door.post("/api/v1/api-keys", new).await;
    let path = made.header("location").to_owned();
    let unused = door.get(&path).await;
    assert_eq!(unused.body["data"]["created_at"], made.body["data"]["created_at"]);
    let token = made.body["data"]["key"].as_str().unwrap();
    let used = door.bare(Method::GET, "/api/v1/config").bearer_auth(token);
    assert_eq!(answered(used).await.status, 200);
    let used = door.get(&path).await;
    assert_ne!(used.header("etag"), unused.header("etag"));
    let revoke = door.request(Method::DELETE, &path).header("if-match", unused.header("etag"));
    assert_eq!(answered(revoke).await.status, 200, "using a key is no change of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_key_that_makes_keys_stays() {
    let door = Door::open().await;
    let keys = door.get("/api/v1/api-keys").await;
    let id = keys.body["data"]["api_keys"][0]["id"].as_str().unwrap().to_owned();
    let revoke = || answered(door.request(Method::DELETE, &format!("/api/v1/api-keys/{id}")));
    let refused = revoke().await;
    assert_eq!((refused.status, refused.code()), (409, "CONFLICT"), "{}", refused.text);
    door.key(&[domain::identity::Permission::ManageApiKey]).await;
    assert_eq!(revoke().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_one_request() {
    let door = Door::open().await;
    let post = |name: &'static str| {
        let body = json!({ "name": name, "permissions": ["read:audit"], "expires_at": PAST });
        let request = door.request(Method::POST, "/api/v1/api-keys").json(&body);
        answered(request.header("idempotency-key", "one"))
    };
    assert_eq!(post("ci").await.status, 400, "that is no time to end");
    assert_eq!(post("ci").await.status, 400, "the same may be tried again");
    assert_eq!(post("deploy").await.status, 409, "and nothing else");

    let import = |name: &str| {
        let export = json!({
            "guild": { "id": "909971090229428612", "name": name },
            "channel": { "id": "909971090229428613", "type": "GuildTextChat", "name": "general" },
            "messages": [],
        });
        let upload = door.request(Method::POST, "/api/v1/imports");
        let upload = upload.header("content-type", "application/octet-stream");
        answered(upload.header("idempotency-key", "two").body(export.to_string()))
    };
    let first = import("Home").await;
    assert_eq!(first.status, 202, "{}", first.text);
    let again = import("Home").await;
    assert_eq!(again.body["data"]["import_id"], first.body["data"]["import_id"], "{}", again.text);
    let other = import("Moon").await;
    assert_eq!((other.status, other.code()), (409, "CONFLICT"), "as long, and another file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_can_be_asked_for_on_discord_and_only_the_asker_sees_it() {
    let stage = Stage::open().await;
    let ask = async |who: &str, permissions: &str| {
        let options = json!({ "name": "ci", "permissions": permissions });
        stage.discord.slash("general", who, "api-token", options).await.response().await
    };
    let told = ask("ana", "read:config manage:api-key").await;
    assert!(told.ephemeral, "{}", told.text);
    let token = told.text.split("||").nth(1).unwrap().to_owned();
    assert!(token.starts_with("pal_"), "{token}");
    let status = async |path: &str| stage.ask(Method::GET, path, None, &token).await.status;
    assert_eq!((status("/config").await, status("/api-keys").await), (200, 403));
    let more = ask("ana", "erase:person").await;
    assert!(!more.text.contains("pal_"), "{}", more.text);
    let nobody = ask("ben", "read:config").await;
    assert!(!nobody.text.contains("pal_"), "{}", nobody.text);
    for recorded in stage.events().await {
        let text = recorded.event.payload().unwrap().get().to_owned();
        assert!(!text.contains(&token), "{text}");
    }
    stage.close().await;
}

const PAST: &str = "2020-01-01T00:00:00Z";
