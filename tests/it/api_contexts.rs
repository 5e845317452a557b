//! One story per context of the API, through the door.

use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Door, answered};

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_held_found_and_ended() {
    let door = Door::open().await;
    let who = json!({ "userId": "user_123", "channelId": "channel_456", "guildId": "g" });
    let started = door.post("/api/v1/conversational/conversation/start", who).await;
    assert_eq!(started.status, 201, "{}", started.text);
    assert_eq!(started.body["data"]["conversationId"], "user_123:channel_456");
    let elsewhere = json!({ "userId": "user_123", "channelId": "channel_456", "guildId": "h" });
    let again = door.post("/api/v1/conversational/conversation/start", elsewhere).await;
    assert_eq!((again.status, &again.body["data"]["guildId"]), (200, &json!("g")));
    assert_eq!(again.body["data"]["createdAt"], started.body["data"]["createdAt"]);
    let odd = json!({ "userId": "ünal / 1", "channelId": "c" });
    let odd = door.post("/api/v1/conversational/conversation/start", odd).await;
    let there = door.get(odd.header("location")).await;
    assert_eq!(there.body["data"]["userId"], "ünal / 1", "{}", there.text);
    let machine = json!({ "userId": "operator", "channelId": "c" });
    let machine = door.post("/api/v1/conversational/conversation/start", machine).await;
    assert_eq!((machine.status, machine.fields()), (400, vec!["userId"]));

    let said = json!({ "message": "hello", "userId": "user_123", "channelId": "channel_456" });
    let reply = door.post("/api/v1/conversational/message", said).await;
    assert_eq!(reply.body["data"]["content"], "You said: hello", "{}", reply.text);
    let metadata = &reply.body["data"]["metadata"];
    assert_eq!((&metadata["tokensUsed"], &metadata["provider"]), (&json!(3), &json!("echo")));

    let path = "/api/v1/conversational/conversation/user_123%3Achannel_456";
    let read = door.get(path).await;
    let messages = read.body["data"]["messages"].as_array().unwrap();
    let roles: Vec<_> = messages.iter().map(|it| it["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant"]);
    assert_eq!(read.body["data"]["emotionalContext"]["mood"]["mood"], "neutral");

    let list = || async {
        let list = door.get("/api/v1/conversational/conversations?userId=user_123").await;
        list.body["data"]["pagination"]["total"].clone()
    };
    assert_eq!(list().await, 1);
    let end = json!({ "conversationId": "user_123:channel_456" });
    let ended = door.post("/api/v1/conversational/conversation/end", end).await;
    assert_eq!((ended.status, &ended.body["data"]["messageCount"]), (200, &json!(2)));
    let read = door.get(path).await;
    assert_eq!(read.body["data"]["createdAt"], started.body["data"]["createdAt"]);
    assert_eq!(list().await, 0, "the list is of active ones");
    let unknown = json!({ "conversationId": "nobody:nowhere" });
    let unknown = door.post("/api/v1/conversational/conversation/end", unknown).await;
    assert_eq!((unknown.status, unknown.code()), (404, "NOT_FOUND"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_goes_live_and_is_taken_back() {
    let door = Door::open().await;
    let second = door.key(domain::identity::Permission::ALL).await;
    let file = "/api/v1/self-editing/workspace/files/prompts/greeting.md";
    let content = || async { door.get(file).await.body["data"]["content"].clone() };
    assert_eq!(content().await, "Hi\n");

    let proposal = json!({
        "scope": "features",
        "description": "Be warmer",
        "files": [{ "path": "prompts/greeting.md", "content": "Hello!\n" }],
    });
    let proposed = door.post("/api/v1/self-editing/edits", proposal).await;
    assert_eq!((proposed.status, &proposed.body["data"]["status"]), (201, &json!("checked")));
    assert!(proposed.body["data"]["diff"].as_str().unwrap().contains("+Hello!"));
    let path = proposed.header("location").to_owned();

    let own = door.post(&format!("{path}/approve"), json!({})).await;
    assert_eq!((own.status, own.code()), (403, "INSUFFICIENT_PERMISSIONS"));
    let approve = door.bare(Method::POST, &format!("{path}/approve")).bearer_auth(second);
    let approved = answered(approve.json(&json!({ "comment": "good" }))).await;
    assert_eq!(approved.body["data"]["status"], "approved", "{}", approved.text);
    assert_eq!(approved.body["data"]["approvals"][0]["comment"], "good");
    let applied = answered(door.request(Method::POST, &format!("{path}/apply"))).await;
    assert_eq!(applied.body["data"]["status"], "applied", "{}", applied.text);
    assert_eq!(content().await, "Hello!\n");

    let id = proposed.body["data"]["id"].clone();
    let back = json!({ "edit_id": id, "reason": "too warm" });
    let back = door.post("/api/v1/self-editing/rollback", back).await;
    assert_eq!((back.status, &back.body["data"]["status"]), (200, &json!("rolled_back")));
    assert_eq!(content().await, "Hi\n");

    let history = door.get("/api/v1/self-editing/history?status=rolled_back").await;
    assert_eq!(history.body["data"]["edits"][0]["id"], id, "{}", history.text);
    let status = door.get("/api/v1/self-editing/status").await;
    assert_eq!(status.body["data"]["statistics"]["rollbacks"], 1, "{}", status.text);
    // The starting workspace says of itself that it cannot be taken back, and it cannot.
    let seeded = door.get("/api/v1/self-editing/history?type=seed").await;
    let seed = &seeded.body["data"]["edits"][0];
    assert_eq!(seed["rollback_available"], false, "{}", seeded.text);
    let seed = json!({ "edit_id": seed["id"], "reason": "back to nothing" });
    let seed = door.post("/api/v1/self-editing/rollback", seed).await;
    assert_eq!(seed.status, 409, "{}", seed.text);
    let unknown = json!({ "edit_id": "edit_123", "reason": "x" });
    let unknown = door.post("/api/v1/self-editing/rollback", unknown).await;
    assert_eq!((unknown.status, unknown.code()), (400, "INVALID_EDIT_ID"));
}

#[tokio::test(flavor = "multi_thread")]
async fn self_editing_can_be_switched_off() {
    let door = Door::open().await;
    let off = door.post("/api/v1/self-editing/disable", json!({ "reason": "holiday" })).await;
    assert_eq!((off.status, &off.body["data"]["enabled"]), (200, &json!(false)));
    let proposal = json!({
        "scope": "features",
        "description": "x",
        "files": [{ "path": "prompts/a.md", "content": "a" }],
    });
    let refused = door.post("/api/v1/self-editing/edits", proposal).await;
    assert_eq!((refused.status, refused.code()), (400, "SELF_EDITING_DISABLED"));
    let on = json!({ "enabled": true, "scope": ["performance"] });
    let on = door.post("/api/v1/self-editing/enable", on).await;
    assert_eq!(on.body["data"]["scope"], json!(["performance"]), "{}", on.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_says_from_where_a_request_came_and_the_log_does_not() {
    let settings = api::ApiSettings { trust_forwarded_for: true, ..api::ApiSettings::default() };
    let door = Door::open_with(settings).await;
    let request = door.request(Method::POST, "/api/v1/bot/restart");
    let request = request.header("user-agent", "tidy-client/7 (curious)");
    let request = request.header("x-forwarded-for", "192.0.2.1, 203.0.113.77");
    let told = json!({ "reason": "update", "force": true });
    assert_eq!(answered(request.json(&told)).await.status, 202);
    let trail = door.get("/api/v1/audit?action=bot.restart_requested").await;
    let entry = &trail.body["data"]["entries"][0];
    assert_eq!(
        (&entry["ip_address"], &entry["user_agent"]),
        (&json!("203.0.113.77"), &json!("tidy-client/7 (curious)")),
        "{}",
        trail.text
    );
    // What the platform did by itself came from nowhere.
    let seeded = door.get("/api/v1/audit?action=workspace.revised").await;
    assert!(seeded.body["data"]["entries"][0].get("ip_address").is_none(), "{}", seeded.text);

    for commit in door.journal.log().read_all(0, 1_000).await.unwrap() {
        let body = String::from_utf8_lossy(&commit.body).into_owned();
        assert!(!body.contains("tidy-client") && !body.contains("203.0.113.77"), "{body}");
    }
    let erased = door.request(Method::DELETE, "/api/v1/persons/user:operator?reason=asked");
    assert_eq!(answered(erased).await.status, 200);
    let trail = door.get("/api/v1/audit?action=bot.restart_requested").await;
    let entry = &trail.body["data"]["entries"][0];
    assert_eq!(
        (&entry["ip_address"], &entry["user_agent"]),
        (&json!("[erased]"), &json!("[erased]"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_tells_when_it_was_used_last() {
    let door = Door::open().await;
    let token = door.key(&[domain::identity::Permission::ReadConfig]).await;
    let used = || async {
        let keys = door.get("/api/v1/api-keys").await;
        let keys = keys.body["data"]["api_keys"].as_array().unwrap().clone();
        let some = keys.iter().find(|it| it["name"] == "some").unwrap().clone();
        (some["id"].as_str().unwrap().to_owned(), some["last_used_at"].clone())
    };
    let (id, never) = used().await;
    assert_eq!(never, Value::Null);
    let head = door.journal.log().head().await.unwrap();
    for _ in 0..3 {
        let read = door.bare(Method::GET, "/api/v1/config").bearer_auth(&token);
        assert_eq!(answered(read).await.status, 200);
    }
    let (_, first) = used().await;
    assert!(first.is_string(), "{first}");
    let one = door.get(&format!("/api/v1/api-keys/{id}")).await;
    assert_eq!(one.body["data"]["last_used_at"], first);
    assert_eq!(door.journal.log().head().await.unwrap(), head, "it is no event");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_says_who_did_what() {
    let door = Door::open().await;
    let order =
        door.post("/api/v1/bot/restart", json!({ "reason": "update", "force": true })).await;
    let request = order.header("x-request-id").to_owned();
    let trail = door.get("/api/v1/audit?action=bot.restart_requested").await;
    let entry = &trail.body["data"]["entries"][0];
    assert_eq!(
        (&entry["target_type"], &entry["actor"]["name"]),
        (&json!("bot"), &json!("bootstrap"))
    );
    assert_eq!(
        (&entry["correlation_id"], &entry["details"]["reason"]),
        (&json!(request), &json!("update"))
    );

    let (mut seen, mut after) = (Vec::new(), json!(0));
    while !after.is_null() {
        let page = door.get(&format!("/api/v1/events?limit=1&after={after}")).await;
        let data = &page.body["data"];
        seen.extend(
            data["events"].as_array().unwrap().iter().map(|it| it["position"].as_u64().unwrap()),
        );
        after = data["next_after"].clone();
    }
    assert!(seen.len() > 2 && seen.is_sorted(), "{seen:?}");
    let one = door.get("/api/v1/events?type=bot.*&stream=bot.main").await;
    assert_eq!(one.body["data"]["events"][0]["data"]["reason"], "update", "{}", one.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_installs_and_removes_the_bot() {
    let door = Door::open().await;
    let base = "/v1/tenants/t1/projects/p1/integrations";
    let link = door.get(&format!("{base}/discord/install")).await;
    let url = link.body["oauth_url"].as_str().unwrap().to_owned();
    let state = url.split_once("state=").unwrap().1;
    let status = || async {
        let list = door.get(&format!("{base}/project")).await;
        list.body[0]["status"].as_str().unwrap_or("none").to_owned()
    };
    assert_eq!(status().await, "pending");

    let path =
        format!("/api/public/integrations/discord/callback?code=c&state={state}&guild_id=42");
    let back = answered(door.bare(Method::GET, &path)).await;
    assert_eq!(back.status, 302, "{}", back.text);
    assert_eq!(back.header("location"), "/?integration=discord&status=success");
    let list = door.get(&format!("{base}/project")).await;
    assert_eq!(list.body[0]["meta"], json!({ "guild_name": "Home", "guild_id": "42" }));
    let again = answered(door.bare(Method::GET, &path)).await;
    assert_eq!(again.status, 302, "{}", again.text);
    assert_eq!(again.header("location"), "/?integration=discord&status=error");
    let none = json!({ "limits": { "max_guilds": 1 } });
    assert_eq!(door.put("/api/v1/config", none).await.status, 200);
    let repaired = door.get(&format!("{base}/discord/install")).await;
    assert_eq!(repaired.status, 200, "{}", repaired.text);

    let gone = answered(door.request(Method::DELETE, &format!("{base}/project/discord"))).await;
    assert_eq!(gone.body, json!({ "message": "integration deleted successfully" }));
    assert_eq!(status().await, "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_chat_is_imported_searched_and_forgotten() {
    let door = Door::open().await;
    let export = json!({
        "guild": { "id": "909971090229428612", "name": "Home" },
        "channel": { "id": "909971090229428613", "type": "GuildTextChat", "name": "general" },
        "messages": [{
            "id": "909971090229428614",
            "type": "Default",
            "timestamp": "2021-11-15T22:04:49.000+00:00",
            "content": "the quick brown fox",
            "author": { "id": "909971090229428615", "name": "ana", "isBot": false },
        }],
    });
    let upload = door.request(Method::POST, "/api/v1/imports?name=general.json");
    let upload = upload.header("content-type", "application/octet-stream").body(export.to_string());
    let begun = answered(upload).await;
    assert_eq!(begun.status, 202, "{}", begun.text);
    let path = begun.header("location").to_owned();
    let done = until(&door, &path, |job| job["status"] == "done").await;
    assert_eq!((&done["messages"], &done["new"]), (&json!(1), &json!(1)), "{done}");

    let position = done["position"].to_string();
    let found = door.request(Method::GET, "/api/v1/history?search=brown%20fox");
    let found = answered(found.header("x-min-position", position)).await;
    assert_eq!(found.body["data"]["messages"][0]["author"]["name"], "ana", "{}", found.text);
    let elsewhere = door.get("/api/v1/history?channel_id=1&search=fox").await;
    assert_eq!(elsewhere.body["data"]["pagination"]["total"], 0);

    let erase = door.request(Method::DELETE, "/api/v1/persons/discord:909971090229428615");
    let erased = answered(erase).await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    let after = door.get("/api/v1/history?channel_id=909971090229428613").await;
    assert_eq!(after.body["data"]["messages"][0]["content"], "[erased]", "{}", after.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_read_models_are_built_anew_without_a_failed_request() {
    let door = Door::open().await;
    let before = door.get("/api/v1/views").await.body["data"]["generation"].clone();
    let begun = door.post("/api/v1/replays", json!({ "check": true })).await;
    assert_eq!(begun.status, 202, "{}", begun.text);
    let path = begun.header("location").to_owned();
    let done = until(&door, &path, |replay| replay["status"] != "running").await;
    assert_eq!(
        (&done["status"], &done["differences"]),
        (&json!("completed"), &json!([])),
        "{done}"
    );
    let after = door.get("/api/v1/views").await;
    assert_ne!(after.body["data"]["generation"], before);
    assert_eq!(after.body["data"]["lag"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_a_moment_is_built_beside_the_present() {
    let door = Door::open().await;
    let before = door.get("/api/v1/views").await.body["data"]["generation"].clone();
    let both = json!({ "until": "3", "check": true });
    assert_eq!(door.post("/api/v1/replays", both).await.fields(), ["check"]);
    let soon = json!({ "until": "soon" });
    assert_eq!(door.post("/api/v1/replays", soon).await.fields(), ["until"]);

    let begun = door.post("/api/v1/replays", json!({ "until": "3" })).await;
    assert_eq!(begun.status, 202, "{}", begun.text);
    let path = begun.header("location").to_owned();
    let done = until(&door, &path, |replay| replay["status"] != "running").await;
    assert_eq!((&done["status"], &done["position"]), (&json!("completed"), &json!(3)), "{done}");
    assert_eq!(done["switched"], false);
    assert!(projections::is_snapshot(done["into"].as_str().unwrap()).await, "{done}");
    assert_eq!(door.get("/api/v1/views").await.body["data"]["generation"], before);
}

#[tokio::test(flavor = "multi_thread")]
async fn analytics_answer_what_is_asked_for() {
    let door = Door::open().await;
    let all = door.get("/api/v1/analytics/overview").await;
    assert_eq!(all.body["data"]["period"], "7d", "{}", all.text);
    let some = door.get("/api/v1/analytics/overview?period=1d&metrics=users").await;
    let metrics = some.body["data"]["metrics"].as_object().unwrap();
    assert_eq!(metrics.keys().collect::<Vec<_>>(), ["users"]);
    assert_eq!(door.get("/api/v1/analytics/overview?metrics=mood").await.status, 400);
    let series = door.get("/api/v1/analytics/performance?granularity=minute").await;
    assert_eq!(series.body["data"]["time_series"], json!([]), "{}", series.text);
    let far = "start_date=1970-01-01T00:00:00Z&granularity=minute";
    let far = door.get(&format!("/api/v1/analytics/performance?{far}")).await;
    assert_eq!((far.status, far.fields()), (400, vec!["granularity"]));
    let ahead = "start_date=2030-01-01T00:00:00Z&end_date=2031-01-01T00:00:00Z&granularity=day";
    let ahead = door.get(&format!("/api/v1/analytics/performance?{ahead}")).await;
    let uptime = &ahead.body["data"]["summary"]["uptime_percentage"];
    assert_eq!(*uptime, 100.0, "nobody was down yet: {}", ahead.text);
    let off = json!({ "features": { "analytics": { "enabled": false } } });
    assert_eq!(door.put("/api/v1/config", off).await.status, 200);
    let off = door.get("/api/v1/analytics/overview").await;
    assert_eq!((off.status, off.code()), (409, "CONFLICT"), "{}", off.text);
}

/// Asks until the answer is as wanted.
pub(super) async fn until(door: &Door, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let ask = async {
        loop {
            let answer = door.get(path).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            if wanted(&answer.body["data"]) {
                return answer.body["data"].clone();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), ask).await.expect("it ends in time")
}
