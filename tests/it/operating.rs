//! Stories of those who run the platform, as a process of its own, by its command line and over HTTP.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tests::simulators::discord::DiscordSimulator;

use crate::installation::{Installation, Running, word};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_normal_end_is_nothing_to_warn_of() {
    let place = Installation::on_jetstream();
    let running = place.start();
    say(&running, "hello").await;
    running.end();
    for level in ["WARN", "ERROR"] {
        assert!(!place.logged(level), "{level}: {}", place.log_text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_a_past_moment_refuses_to_write() {
    let place = Installation::embedded();
    let running = place.start();
    say(&running, "then").await;
    keep_days(&running, 30).await;
    place.run(&["replay", "--until", "2030-01-01T00:00:00Z", "--into", "sqlite://then.db"]);
    say(&running, "later").await;
    keep_days(&running, 60).await;
    let made = place.run(&["api-key", "create", "later", "--json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    running.end();

    let place = place.set("PALIMPSEST_VIEWS", "sqlite://then.db");
    let running = place.start();
    let views = running.ask(running.request(Method::GET, "/views")).await.unwrap();
    assert!(views["position"].as_u64() < views["head"].as_u64(), "{views}");
    let said = json!({ "message": "now", "userId": "ana", "channelId": "c" });
    let message = running.request(Method::POST, "/conversational/message").json(&said);
    let install = "/tenants/t/projects/p/integrations/discord/install";
    let writes = [
        message,
        running.request(Method::PUT, "/config").json(&json!({})),
        running.request(Method::DELETE, "/persons/discord:7"),
        running.request(Method::GET, install),
        running.request(Method::POST, "/replays").json(&json!({})),
    ];
    for request in writes {
        let (status, body) = refused(request).await;
        assert_eq!((status, word(&body["error"], "code")), (409, "CONFLICT"), "{body}");
        assert!(word(&body["error"], "message").contains("one moment"), "{body}");
    }
    let after = running.ask(running.request(Method::GET, "/views")).await.unwrap();
    assert_eq!(after["head"], views["head"], "nothing was written");
    assert_eq!(told(&running).await, ["then"]);
    let config = running.request_as(word(&made, "key"), Method::GET, "/config");
    let config = running.ask(config).await.unwrap();
    assert_eq!(config["features"]["analytics"]["retention_days"], 30, "as it was then: {config}");
    let workspace = running.ask(running.request(Method::GET, "/self-editing/workspace")).await;
    assert!(workspace.unwrap()["position"].as_u64() <= views["position"].as_u64());

    let unknown = running.request_as("nobody", Method::PUT, "/config").json(&json!({}));
    let unknown = unknown.send().await.unwrap();
    assert_eq!(unknown.status(), 401, "who may not ask is not told more");
    assert!(unknown.headers().contains_key("x-request-id"));
}

async fn keep_days(running: &Running, days: u32) {
    let config = json!({ "features": { "analytics": { "retention_days": days } } });
    running.ask(running.request(Method::PUT, "/config").json(&config)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_erased_for_a_reason() {
    let place = Installation::embedded();
    let running = place.start();
    say(&running, "hello").await;
    assert_eq!(told(&running).await, ["hello"]);
    place.run(&["erase", "user:ana", "--reason", "asked for by letter"]);
    running.until(CONVERSATION, |it| word(&it["messages"][0], "content") == "[erased]").await;
    running.end();
    // Without a server as well, and whatever the id looks like.
    let erased = place.run(&["erase", "user:b/n?#", "--reason", "a second letter", "--json"]);
    let erased: Value = serde_json::from_str(&erased).unwrap();
    assert_eq!(word(&erased, "person"), "user:b/n?#", "{erased}");

    let log = place.run(&["log", "tail", "--lines", "1000"]);
    let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let erased: Vec<_> = events.filter(|it| word(it, "type").ends_with("person.erased")).collect();
    let reasons: Vec<_> = erased.iter().map(|it| word(&it["data"], "reason")).collect();
    assert_eq!(reasons, ["asked for by letter", "a second letter"], "{erased:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reactors_begin_at_the_beginning_when_a_command_came_first() {
    let discord = DiscordSimulator::start().await;
    let place = Installation::embedded().with(&discord);
    let made = place.run(&["api-key", "create", "first", "--json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    assert!(word(&made, "key").starts_with("pal_"), "{made}");

    let running = place.start();
    discord.wait_until_connected().await;
    let hello = discord.say("general", "ana", &format!("<@{}> hello", discord.bot()));
    discord.wait_for_message("general", |it| it.reply_to == Some(hello)).await;
    running.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_key_that_could_not_be_kept_is_not_lost() {
    let place = Installation::embedded();
    // The disk is full, say; or the process is killed just then.
    let file = place.file("bootstrap-api-key");
    std::fs::create_dir_all(&file).unwrap();
    let said = place.run_in_vain(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("the first API key cannot be kept"), "{said}");
    std::fs::remove_dir(&file).unwrap();

    let running = place.start();
    say(&running, "hello").await;
    running.end();
    // Kept, and cut off before it was made.
    let other = Installation::embedded();
    std::fs::create_dir_all(other.file("")).unwrap();
    std::fs::copy(&file, other.file("bootstrap-api-key")).unwrap();
    let running = other.start();
    say(&running, "hello").await;
    let keys = running.ask(running.request(Method::GET, "/api-keys")).await.unwrap();
    assert_eq!(keys["pagination"]["total"], json!(1), "{keys}");
    running.end();
    let kept = [&place, &other].map(|it| std::fs::read(it.file("bootstrap-api-key")).unwrap());
    assert_eq!(kept[0], kept[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_waits_when_the_server_is_busy() {
    let place = Installation::embedded()
        .set("PALIMPSEST_API__RATE_LIMITS__ENABLED", "true")
        .set("PALIMPSEST_API__RATE_LIMITS__DEFAULT__PER_MINUTE", "60")
        .set("PALIMPSEST_API__RATE_LIMITS__DEFAULT__BURST", "1");
    let running = place.start();
    place.run(&["api-key", "list"]);
    place.run(&["replay"]);
    running.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_keys_is_whole() {
    let place = Installation::embedded();
    let running = place.start();
    for n in 0..100 {
        let new = json!({ "name": format!("key {n}"), "permissions": ["read:audit"] });
        let request = running.request(Method::POST, "/api-keys").json(&new);
        running.ask(request).await.expect("a key");
    }
    assert_eq!(place.run(&["api-key", "list"]).lines().count(), 101);
    let listed: Value = serde_json::from_str(&place.run(&["api-key", "list", "--json"])).unwrap();
    assert_eq!(listed.as_array().map(Vec::len), Some(101));
    running.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_asks_discord() {
    let discord = DiscordSimulator::start().await;
    let place = Installation::embedded().with(&discord);
    let running = place.start();
    running.until_ready_is(|status, _| status == 200).await;
    let well = place.run(&["doctor"]);
    assert!(well.contains("knows the bot as") && well.contains("good  server"), "{well}");
    running.end();
    let place = place.set("DISCORD_BOT_TOKEN", "another");
    let sick = place.run_in_vain(&["doctor"]);
    assert!(sick.contains("bad   Discord          Discord refuses the token"), "{sick}");
    let place = place.set("DISCORD_API_URL", "http://127.0.0.1:1");
    let sick = place.run_in_vain(&["doctor"]);
    assert!(sick.contains("bad   Discord          cannot be reached"), "{sick}");
}

const CONVERSATION: &str = "/conversational/conversation/ana:c?limit=100";

/// Ana says something to the bot over HTTP, and is answered.
async fn say(running: &Running, text: &str) {
    let said = json!({ "message": text, "userId": "ana", "channelId": "c" });
    let request = running.request(Method::POST, "/conversational/message").json(&said);
    running.ask(request).await.expect("an answer");
}

/// What Ana said, as the read models show it.
async fn told(running: &Running) -> Vec<String> {
    let page = running.ask(running.request(Method::GET, CONVERSATION)).await.expect("an answer");
    let messages = page["messages"].as_array().expect("a list");
    let by_user = messages.iter().filter(|it| word(it, "role") == "user");
    by_user.map(|it| word(it, "content").to_owned()).collect()
}

/// Status and body of an answer that is not what was wanted.
async fn refused(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}
