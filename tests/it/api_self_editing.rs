//! Who may change how the bot edits itself, and what is told of edits and rollbacks.

use api::ApiSettings;
use domain::identity::Permission;
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Door, answered};

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_no_way_around_the_switch() {
    let door = Door::open().await;
    let key = door.key(&[Permission::ManageConfig]).await;
    let put = |body: Value| {
        answered(door.bare(Method::PUT, "/api/v1/config").bearer_auth(&key).json(&body))
    };
    for change in [
        json!({ "enabled": true }),
        json!({ "auto_approve": true }),
        json!({ "auto_approve_scopes": ["security"] }),
    ] {
        let refused = put(json!({ "features": { "self_editing": change } })).await;
        let needed = &refused.body["error"]["details"]["needed"];
        assert_eq!((refused.status, needed), (403, &json!("manage:self-editing")));
    }
    let limits = put(json!({ "limits": { "command_rate_limit": 7 } })).await;
    assert_eq!(limits.status, 200, "{}", limits.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_are_approved_by_themselves_in_the_scopes_that_say_so() {
    let door = Door::open().await;
    let on = json!({ "auto_approve_scopes": ["performance"] });
    let on = door.post("/api/v1/self-editing/enable", on).await;
    let data = &on.body["data"];
    assert_eq!(
        (&data["auto_approve"], &data["auto_approve_scopes"]),
        (&json!(true), &json!(["performance"])),
        "{}",
        on.text
    );
    let status = async |scope: &str| {
        let proposed = propose(&door, scope, "Hello!\n").await;
        proposed["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status("features").await, "checked");
    assert_eq!(status("performance").await, "applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_answered_before_the_read_models_show_it() {
    let settings = ApiSettings { read_your_writes_ms: 0, ..ApiSettings::default() };
    let door = Door::open_with(settings).await;
    let on = json!({ "auto_approve": true });
    let on = door.post("/api/v1/self-editing/enable", on).await;
    assert_eq!((on.status, &on.body["data"]["auto_approve"]), (200, &json!(true)), "{}", on.text);
    for text in ["one\n", "two\n", "three\n"] {
        let edit = propose(&door, "features", text).await;
        assert_eq!(
            (&edit["status"], &edit["changes"]["lines_added"]),
            (&json!("applied"), &json!(1))
        );
        assert!(edit["diff"].as_str().unwrap().contains(&format!("+{text}")), "{edit}");
    }
    let off = json!({ "reason": "enough", "emergency": true });
    let off = door.post("/api/v1/self-editing/disable", off).await;
    assert_eq!((off.status, &off.body["data"]["enabled"]), (200, &json!(false)), "{}", off.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_says_what_it_did_and_a_preview_what_it_would() {
    let door = Door::open().await;
    door.post("/api/v1/self-editing/enable", json!({ "auto_approve": true })).await;
    let first = propose(&door, "features", "Hello!\n").await["id"].clone();
    let second = propose(&door, "features", "Good day!\n").await["id"].clone();
    let roll_back = |body: Value| door.post("/api/v1/self-editing/rollback", body);

    let refused = roll_back(json!({ "edit_id": first, "reason": "x" })).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    let preview = roll_back(json!({ "edit_id": first, "reason": "x", "preview": true })).await;
    let data = &preview.body["data"];
    assert_eq!((preview.status, &data["status"]), (200, &json!("preview")), "{}", preview.text);
    assert_eq!(data["conflicts"][0]["file"], "prompts/greeting.md", "{}", preview.text);
    assert_eq!(data["changes"]["files_modified"], 0, "without force nothing would be done");

    let third = propose(&door, "features", "Hello!\n").await["id"].clone();
    let nothing = roll_back(json!({ "edit_id": second, "reason": "x", "force": true })).await;
    let data = &nothing.body["data"];
    assert_eq!((&data["status"], &data["rollback_id"]), (&json!("unchanged"), &Value::Null));
    let head = door.journal.log().head().await.unwrap();
    let path = format!("/api/v1/self-editing/edits/{}", second.as_str().unwrap());
    let look = door.request(Method::GET, &path).header("x-min-position", head);
    let undone = answered(look).await;
    assert_eq!(undone.body["data"]["status"], "rolled_back", "by the third: {}", undone.text);
    let done = roll_back(json!({ "edit_id": third, "reason": "x" })).await;
    assert_eq!(done.body["data"]["status"], "rolled_back", "{}", done.text);

    let status = door.get("/api/v1/self-editing/status").await;
    let counted = json!({
        "total_edits": 3, "successful_edits": 3, "failed_edits": 0, "rollbacks": 1,
    });
    assert_eq!(status.body["data"]["statistics"], counted, "without the starting workspace");
    for kind in ["rollback", "seed"] {
        let body = json!({
            "scope": "features", "type": kind, "description": "x",
            "files": [{ "path": "prompts/a.md", "content": "a" }],
        });
        let refused = door.post("/api/v1/self-editing/edits", body).await;
        assert_eq!((refused.status, refused.fields()), (400, vec!["type"]));
    }
}

/// The edit that gives the greeting this text.
async fn propose(door: &Door, scope: &str, text: &str) -> Value {
    let proposal = json!({
        "scope": scope,
        "description": "Say it otherwise",
        "files": [{ "path": "prompts/greeting.md", "content": text }],
    });
    let proposed = door.post("/api/v1/self-editing/edits", proposal).await;
    assert_eq!(proposed.status, 201, "{}", proposed.text);
    proposed.body["data"].clone()
}
