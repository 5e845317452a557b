//! What every answer of the API has in common, whatever it is about.

use api::{ApiSettings, RateLimit};
use commands::conversation::ConversationLimits;
use poem::http::HeaderMap;
use reqwest::Method;
use serde_json::json;
use tests::doors::{Answered, Door, answered};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test(flavor = "multi_thread")]
async fn success_comes_in_an_envelope_with_the_id_of_the_request() {
    let door = Door::open().await;
    let answer = door.get("/api/v1/config").await;
    assert_eq!((answer.status, &answer.body["success"]), (200, &json!(true)));
    assert_eq!(answer.body["data"]["bot"]["name"], "Palimpsest");
    let time = answer.body["timestamp"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
    assert_eq!(answer.header("x-request-id").len(), 36);
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_the_same_form_and_a_word_of_the_vocabulary() {
    let door = Door::open().await;
    let bare = |path: &str| answered(door.bare(Method::GET, path));
    let bad = answered(door.bare(Method::GET, "/api/v1/config").bearer_auth("pal_x_y"));
    let poor = door.key(&[]).await;
    let poor = answered(door.bare(Method::GET, "/api/v1/config").bearer_auth(poor));
    let text = door.request(Method::PUT, "/api/v1/config").header("content-type", "text/plain");
    let large = json!({ "reason": "x".repeat(9_000_000) });
    let cases: [(u16, &str, Answered); 10] = [
        (400, "INVALID_REQUEST", door.get("/api/v1/events?limit=0").await),
        (400, "CONFIG_VALIDATION_ERROR", door.put("/api/v1/config", json!({ "a": 1 })).await),
        (401, "UNAUTHORIZED", bare("/api/v1/config").await),
        (401, "INVALID_TOKEN", bad.await),
        (403, "INSUFFICIENT_PERMISSIONS", poor.await),
        (404, "NOT_FOUND", bare("/api/v1/nothing").await),
        (404, "NOT_FOUND", door.get(&format!("/api/v1/self-editing/edits/{ID}")).await),
        (405, "METHOD_NOT_ALLOWED", door.put("/api/v1/bot/status", json!({})).await),
        (413, "PAYLOAD_TOO_LARGE", door.post("/api/v1/bot/restart", large).await),
        (415, "UNSUPPORTED_MEDIA_TYPE", answered(text.body("hello")).await),
    ];
    for (status, code, answer) in cases {
        assert_eq!((answer.status, answer.code()), (status, code), "{}", answer.text);
        assert_eq!(answer.body["success"], false);
        let error = &answer.body["error"];
        assert_eq!(error["request_id"], answer.header("x-request-id"));
        assert!(error["message"].is_string() && error["details"].is_object());
        if status == 401 {
            assert!(answer.header("www-authenticate").starts_with("Bearer "));
        }
        if status == 405 {
            assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_much_in_vain_is_told_why_all_the_same() {
    let door = Door::open().await;
    for path in ["/api/v1/bot/restart", "/api/v1/nothing", "/api/v1/imports"] {
        for _ in 0..5 {
            let much = door.bare(Method::POST, path).body("x".repeat(12_000_000));
            let told = answered(much).await;
            assert!([401, 404].contains(&told.status), "{path}: {}", told.text);
        }
    }

    // Who asks first is told at once, and sends nothing.
    let address = door.url.strip_prefix("http://").unwrap();
    let mut asking = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = "POST /api/v1/bot/restart HTTP/1.1\r\nHost: x\r\nContent-Length: 12000000\r\n\
                Expect: 100-continue\r\n\r\n";
    asking.write_all(head.as_bytes()).await.unwrap();
    let mut told = String::new();
    asking.read_to_string(&mut told).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 401 "), "{told}");
}

const ID: &str = "01890000-0000-7000-8000-000000000000";

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_in_with_a_browser_is_told_what_this_is() {
    let door = Door::open().await;
    let page = answered(door.bare(Method::GET, "/")).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    for word in ["Palimpsest", "1.2.3", "href=\"/docs\"", "\"/openapi.json\"", "\"/health\""] {
        assert!(page.text.contains(word), "{word}: {}", page.text);
    }
    for tag in ["<script", "<style", "style="] {
        assert!(!page.text.contains(tag), "the policy forbids it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_named() {
    let door = Door::open().await;
    let body = json!({ "scope": "all", "files": [{ "path": "" }], "colour": "red" });
    let answer = door.post("/api/v1/self-editing/edits", body).await;
    assert_eq!(answer.status, 400);
    let mut fields = answer.fields();
    fields.sort_unstable();
    assert_eq!(fields, ["colour", "description", "files[0].path", "scope"]);

    let start = json!({ "userId": "a:b", "channelId": "c" });
    let odd = door.post("/api/v1/conversational/conversation/start", start).await;
    assert_eq!((odd.status, odd.fields()), (400, vec!["userId"]), "{}", odd.text);

    let raw = door.request(Method::POST, "/api/v1/bot/restart");
    let raw = answered(raw.header("content-type", "application/json").body("{\"a\":")).await;
    assert_eq!((raw.status, raw.fields()), (400, vec!["body"]));
    let path = door.get("/api/v1/self-editing/edits/seven").await;
    assert_eq!((path.status, path.fields()), (400, vec!["edit_id"]));
    let query = door.get("/api/v1/audit?from=yesterday&limit=x").await;
    assert_eq!((query.status, query.fields()), (400, vec!["from", "limit"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_database_takes_is_refused_by_name() {
    let door = Door::open().await;
    for (path, field) in [
        ("/api/v1/history?search=a%00b", "search"),
        ("/api/v1/conversational/conversations?userId=%00", "userId"),
        ("/api/v1/conversational/conversation/u%00:c", "conversationId"),
    ] {
        let answer = door.get(path).await;
        assert_eq!((answer.status, answer.fields()), (400, vec![field]), "{}", answer.text);
    }
    let said = json!({ "message": "a\0b", "userId": "u", "channelId": "c" });
    let answer = door.post("/api/v1/conversational/message", said).await;
    assert_eq!((answer.status, answer.fields()), (400, vec!["message"]), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_looked_at_says_so() {
    let door = Door::open().await;
    for path in ["/", "/docs", "/metrics", "/openapi.json", "/ws"] {
        let answer = answered(door.bare(Method::POST, path)).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_not_deleted_by_forgetting_its_content() {
    let door = Door::open().await;
    let body = json!({
        "scope": "features",
        "description": "oops",
        "files": [{ "path": "prompts/greeting.md" }],
    });
    let answer = door.post("/api/v1/self-editing/edits", body).await;
    assert_eq!((answer.status, answer.fields()), (400, vec!["files[0].content"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_inside_is_found_by_its_id_and_told_to_nobody() {
    let door = Door::open().await;
    let message = json!({ "message": "fall over", "userId": "u", "channelId": "c" });
    let answer = door.post("/api/v1/conversational/message", message).await;
    assert_eq!((answer.status, answer.code()), (500, "INTERNAL_ERROR"));
    assert!(!answer.text.contains("secret"), "{}", answer.text);
    assert_eq!(door.get("/api/v1/config").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_short_prefix_means_the_same() {
    let door = Door::open().await;
    let long = door.get("/api/v1/tenants/t/projects/p/integrations/project").await;
    let short = door.get("/v1/tenants/t/projects/p/integrations/project").await;
    assert_eq!((long.status, long.body), (200, json!([])));
    assert_eq!((short.status, short.body), (200, json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_a_condition() {
    let door = Door::open().await;
    let put = |days: u32, tag: String| {
        let body = json!({ "features": { "analytics": { "retention_days": days } } });
        answered(door.request(Method::PUT, "/api/v1/config").header("if-match", tag).json(&body))
    };
    let first = door.get("/api/v1/config").await.header("etag").to_owned();
    let changed = put(30, first.clone()).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.body["data"]["features"]["analytics"]["retention_days"], 30);
    assert!(changed.header("x-event-position").parse::<u64>().unwrap() > 0);

    let late = put(60, first.clone()).await;
    assert_eq!((late.status, late.code()), (412, "PRECONDITION_FAILED"));
    assert_eq!(put(60, "W/\"1\"".to_owned()).await.status, 412, "weak tags match nothing");
    assert_eq!(put(60, "no tag".to_owned()).await.status, 400);

    let now = door.get("/api/v1/config").await.header("etag").to_owned();
    assert_ne!(now, first);
    assert_eq!(put(90, format!("{first}, {now}")).await.status, 200, "one of them is right");
    let now = door.get("/api/v1/config").await.header("etag").to_owned();
    let person = |tag: &str| {
        let erase = door.request(Method::DELETE, "/api/v1/persons/user:ana");
        answered(erase.header("if-match", tag))
    };
    assert_eq!(person("\"7\"").await.status, 412);
    let erased = person("\"0\"").await;
    assert_eq!((erased.status, erased.header("etag")), (200, "\"1\""), "{}", erased.text);
    let known = |tag: &str| {
        answered(door.request(Method::GET, "/api/v1/config").header("if-none-match", tag))
    };
    let unchanged = known(&now).await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
    assert_eq!(known(&first).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_twice_is_done_once() {
    let door = Door::open().await;
    let post = |key: &'static str, name: &'static str| {
        let body = json!({ "name": name, "permissions": ["read:audit"] });
        let request = door.request(Method::POST, "/api/v1/api-keys").json(&body);
        answered(request.header("idempotency-key", key))
    };
    let first = post("one", "ci").await;
    assert_eq!(first.status, 201, "{}", first.text);
    assert!(first.body["data"]["key"].as_str().unwrap().starts_with("pal_"));
    let again = post("one", "ci").await;
    assert_eq!((again.status, &again.body["data"]["id"]), (201, &first.body["data"]["id"]));
    assert_eq!(again.header("x-event-position"), first.header("x-event-position"));
    assert!(again.body["data"]["key"].is_null(), "a key is shown once");

    let other = post("one", "deploy").await;
    assert_eq!((other.status, other.code()), (409, "CONFLICT"));
    assert_eq!(post("two", "ci").await.status, 201);
    let wrong = door.request(Method::POST, "/api/v1/api-keys").header("idempotency-key", "a b");
    let wrong = answered(wrong.json(&json!({ "name": "x", "permissions": ["*:*"] }))).await;
    assert_eq!((wrong.status, wrong.fields()), (400, vec!["Idempotency-Key"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_with_one_key_are_done_once() {
    let door = Door::open().await;
    let body = json!({ "name": "ci", "permissions": ["read:audit"] });
    let posts = (0..16).map(|_| {
        let request = door.request(Method::POST, "/api/v1/api-keys").json(&body);
        answered(request.header("idempotency-key", "same"))
    });
    let answers = futures_util::future::join_all(posts).await;
    assert!(answers.iter().all(|it| [201, 409].contains(&it.status)));
    assert!(answers.iter().any(|it| it.status == 201));
    let keys = door.get("/api/v1/api-keys").await;
    assert_eq!(keys.body["data"]["pagination"]["total"], 2, "{}", keys.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_waits_for_a_position_it_knows_of() {
    let door = Door::open().await;
    let order = json!({ "reason": "night" });
    let offline = door.post("/api/v1/bot/shutdown", order).await;
    assert_eq!((offline.status, offline.code()), (503, "BOT_OFFLINE"), "{}", offline.text);
    let reason = json!({ "reason": "night", "force": true });
    let stopped = door.post("/api/v1/bot/shutdown", reason).await;
    let position = stopped.header("x-event-position").to_owned();
    assert_eq!(stopped.status, 202);
    let read = |position: &str| {
        let read = door.request(Method::GET, "/api/v1/bot/status");
        answered(read.header("x-min-position", position))
    };
    assert_eq!(read(&position).await.body["data"]["status"], "stopped");
    let beyond = read("1000000").await;
    assert_eq!((beyond.status, beyond.code()), (409, "CONFLICT"));
    assert_eq!(read("soon").await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_told_and_kept() {
    let mut settings = ApiSettings::default();
    settings.rate_limits.default = RateLimit::of(1, 3);
    let door = Door::open_with(settings).await;
    let mut left = Vec::new();
    for _ in 0..3 {
        let answer = door.get("/api/v1/config").await;
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (200, "3"));
        left.push(number(&answer.headers, "x-ratelimit-remaining"));
    }
    assert_eq!(left, [2, 1, 0]);

    let refused = door.get("/api/v1/config").await;
    assert_eq!((refused.status, refused.code()), (429, "RATE_LIMIT_EXCEEDED"));
    assert_eq!(number(&refused.headers, "x-ratelimit-remaining"), 0);
    let wait = number(&refused.headers, "retry-after");
    assert!((1..=60).contains(&wait), "{wait}");
    let reset = number(&refused.headers, "x-ratelimit-reset");
    assert!(reset > 1_600_000_000, "Unix seconds, not {reset}");
    assert_eq!(refused.header("ratelimit-policy"), "\"default\";q=3;w=180");
    assert!(refused.header("ratelimit").starts_with("\"default\";r=0;t="));

    // Another credential and an address have buckets of their own; health has none.
    let other = door.key(&[]).await;
    let other = door.bare(Method::GET, "/api/v1/config").bearer_auth(other);
    assert_eq!(answered(other).await.status, 403);
    assert_eq!(answered(door.bare(Method::GET, "/api/v1/config")).await.status, 401);
    assert_eq!(answered(door.bare(Method::GET, "/health")).await.header("x-ratelimit-limit"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_too_much_to_the_bot_is_told_when_to_go_on() {
    let limits = ConversationLimits { per_hour: 1, pause_s: 0, ..ConversationLimits::default() };
    let door = Door::open_with_limits(limits).await;
    let say = |user: &str, channel: &str| {
        let said = json!({ "message": "hello", "userId": user, "channelId": channel });
        door.post("/api/v1/conversational/message", said)
    };
    assert_eq!(say("u", "c").await.status, 200);
    let refused = say("u", "d").await;
    assert_eq!((refused.status, refused.code()), (429, "RATE_LIMIT_EXCEEDED"));
    let wait = number(&refused.headers, "retry-after");
    assert!((3_500..=3_600).contains(&wait), "{wait}");
    assert_eq!(refused.body["error"]["details"]["retry_after"], wait);
    assert_eq!(say("v", "c").await.status, 429, "the channel's limit");
    assert_eq!(say("v", "d").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_stops_at_once() {
    let door = Door::open().await;
    let made = door
        .post("/api/v1/api-keys", json!({ "name": "ci", "permissions": ["read:config"] }))
        .await;
    let token = made.body["data"]["key"].as_str().unwrap().to_owned();
    let ask = || answered(door.bare(Method::GET, "/api/v1/config").bearer_auth(&token));
    assert_eq!(ask().await.status, 200);
    let path = made.header("location").to_owned();
    assert_eq!(answered(door.request(Method::DELETE, &path)).await.status, 200);
    let answer = ask().await;
    assert_eq!((answer.status, answer.code()), (401, "INVALID_TOKEN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_are_open_and_bare() {
    let door = Door::open().await;
    let bare = |path: &str| answered(door.bare(Method::GET, path));
    let health = bare("/health").await;
    assert_eq!((health.status, &health.body["status"]), (200, &json!("healthy")));
    assert_eq!(health.body["checks"]["discord"], "disabled");
    for part in ["database", "operational", "vault", "views"] {
        assert_eq!(health.body["checks"][part], "healthy", "{}", health.text);
    }
    assert_eq!(health.body["projections"]["audit_entries"], 0);
    assert_eq!(bare("/health/live").await.body, json!({ "status": "alive" }));
    assert_eq!(bare("/health/ready").await.body, json!({ "status": "ready" }));

    door.get("/api/v1/self-editing/edits/seven").await;
    let metrics = bare("/metrics").await;
    let counted = "palimpsest_http_requests_total{method=\"GET\",\
route=\"/api/v1/self-editing/edits/{edit_id}\",status=\"400\"}";
    assert!(metrics.text.contains(counted), "{}", metrics.text);
    assert!(metrics.text.contains("palimpsest_http_request_duration_seconds_bucket"));
    assert!(metrics.text.contains("palimpsest_projection_lag{projection=\"audit_entries\"} 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_allowed_websites_may_call() {
    let origin = "https://app.example";
    let settings = ApiSettings { allowed_origins: vec![origin.into()], ..ApiSettings::default() };
    let door = Door::open_with(settings).await;
    let ask = |from: &'static str| {
        answered(door.bare(Method::OPTIONS, "/api/v1/config").header("origin", from))
    };
    let allowed = ask(origin).await;
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, origin));
    assert_eq!(allowed.header("access-control-allow-methods"), "GET, HEAD, OPTIONS, PUT");
    assert_eq!(ask("https://evil.example").await.header("access-control-allow-origin"), "");
}

fn number(headers: &HeaderMap, name: &str) -> u64 {
    headers[name].to_str().unwrap().parse().unwrap()
}
