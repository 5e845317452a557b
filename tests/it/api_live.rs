//! The WebSocket: who is let in, and what he hears.

use std::time::Duration;

use api::ApiSettings;
use domain::identity::Permission;
use domain::kernel::Clock;
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Door, answered};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_anything_before_he_says_who_he_is() {
    let door = Door::open().await;
    let mut socket = connect(&door).await;
    say(&mut socket, json!({ "type": "ping" })).await;
    assert_eq!(hear(&mut socket).await.unwrap()["error"]["code"], "UNAUTHORIZED");
    assert_eq!(closed(&mut socket).await, 4401);

    let mut socket = connect(&door).await;
    say(&mut socket, json!({ "type": "auth", "token": "pal_1_2" })).await;
    assert_eq!(hear(&mut socket).await.unwrap()["error"]["code"], "INVALID_TOKEN");
    assert_eq!(closed(&mut socket).await, 4401);

    let mut socket = connect(&door).await;
    let poor = door.key(&[Permission::ReadHistory]).await;
    say(&mut socket, json!({ "type": "auth", "token": poor })).await;
    assert_eq!(hear(&mut socket).await.unwrap()["error"]["code"], "INSUFFICIENT_PERMISSIONS");
    assert_eq!(closed(&mut socket).await, 4403);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_nothing_is_shown_out() {
    let mut settings = ApiSettings::default();
    settings.websocket.auth_timeout_ms = 50;
    let door = Door::open_with(settings).await;
    let mut socket = connect(&door).await;
    assert_eq!(closed(&mut socket).await, 4401);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_told_once_the_read_models_show_them() {
    let door = Door::open().await;
    let mut socket = admitted(&door, &door.token).await;
    let order =
        door.post("/api/v1/bot/shutdown", json!({ "reason": "night", "force": true })).await;
    let position: u64 = order.header("x-event-position").parse().unwrap();

    let event = hear(&mut socket).await.unwrap();
    assert_eq!(
        (&event["type"], &event["data"]["type"]),
        (&json!("event"), &json!("bot.shutdown_requested"))
    );
    assert_eq!(event["data"]["specversion"], "1.0");
    assert_eq!(event["data"]["position"], position);
    let status = hear(&mut socket).await.unwrap();
    assert_eq!(
        (&status["type"], &status["data"]["status"]),
        (&json!("bot.status"), &json!("stopping"))
    );
    assert!(status["data"]["timestamp"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_chooses_what_it_hears() {
    let door = Door::open().await;
    let mut socket = admitted(&door, &door.token).await;
    say(&mut socket, json!({ "type": "subscribe", "events": ["conversation.*"] })).await;
    assert_eq!(hear(&mut socket).await.unwrap()["type"], "subscribed");
    door.post("/api/v1/bot/shutdown", json!({ "reason": "night", "force": true })).await;
    let start = json!({ "userId": "u", "channelId": "c" });
    door.post("/api/v1/conversational/conversation/start", start).await;
    assert_eq!(hear(&mut socket).await.unwrap()["data"]["type"], "conversation.opened");
    say(&mut socket, json!({ "type": "dance" })).await;
    assert_eq!(hear(&mut socket).await.unwrap()["error"]["code"], "INVALID_REQUEST");
    say(&mut socket, json!({ "type": "ping" })).await;
    assert_eq!(hear(&mut socket).await.unwrap()["type"], "pong");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_the_log_hears_of_the_bot_only() {
    let door = Door::open().await;
    let token = door.key(&[Permission::ReadConfig]).await;
    let mut socket = admitted(&door, &token).await;
    door.post("/api/v1/bot/shutdown", json!({ "reason": "night", "force": true })).await;
    assert_eq!(hear(&mut socket).await.unwrap()["type"], "bot.status");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_websites_may_not_connect() {
    let door = Door::open().await;
    let mut request = address(&door).into_client_request().unwrap();
    request.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    match connect_async(request).await {
        Err(Error::Http(answer)) => assert_eq!(answer.status().as_u16(), 403),
        other => panic!("{other:?}"),
    }
    let mut request = address(&door).into_client_request().unwrap();
    request.headers_mut().insert("origin", door.url.parse().unwrap());
    assert!(connect_async(request).await.is_ok(), "a page of our own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_hears_no_more() {
    let door = Door::open().await;
    let new = json!({ "name": "ci", "permissions": ["read:audit"] });
    let made = door.post("/api/v1/api-keys", new).await;
    let token = made.body["data"]["key"].as_str().unwrap();
    let mut socket = admitted(&door, token).await;
    let revoked = door.request(Method::DELETE, made.header("location"));
    assert_eq!(revoked.send().await.unwrap().status(), 200);
    loop {
        let heard = hear(&mut socket).await.expect("a word before the end");
        assert_ne!(heard["data"]["type"], "api_key.revoked", "it is of the key itself");
        if heard["error"]["code"] == "INVALID_TOKEN" {
            break;
        }
    }
    assert_eq!(closed(&mut socket).await, 4401);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_out_hears_no_more() {
    let door = Door::open().await;
    for ended in ["session", "role"] {
        let email = format!("{ended}@acme.example");
        let tokens = super::accounts::register(&door, &email).await;
        let id = tokens["user"]["id"].as_str().unwrap();
        door.assign(id.parse().unwrap(), "auditor").await;
        let mut socket = admitted(&door, tokens["access_token"].as_str().unwrap()).await;
        let (method, path, code, close) = match ended {
            "session" => (Method::POST, "/api/v1/auth/logout".to_owned(), "INVALID_TOKEN", 4401),
            _ => {
                let path = format!("/api/v1/users/{id}/roles/auditor");
                (Method::DELETE, path, "INSUFFICIENT_PERMISSIONS", 4403)
            }
        };
        let token = if ended == "session" { tokens["access_token"].as_str() } else { None };
        let request = door.bare(method, &path).bearer_auth(token.unwrap_or(&door.token));
        let done = answered(request.json(&json!({}))).await;
        assert_eq!(done.status, 200, "{}", done.text);
        // The next ping is far: it is told by what happened.
        loop {
            let heard = hear(&mut socket).await.expect("a word before the end");
            let kind = heard["data"]["type"].as_str().unwrap_or_default();
            assert!(!["session.ended", "user.role_removed"].contains(&kind), "it is of himself");
            if heard["error"]["code"] == code {
                break;
            }
        }
        assert_eq!(closed(&mut socket).await, close);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_has_ended_hears_no_more() {
    let mut settings = ApiSettings::default();
    settings.websocket.ping_s = 1;
    let door = Door::open_with(settings).await;
    let end = adapters::SystemClock.now() + chrono::TimeDelta::seconds(2);
    let new = json!({ "name": "ci", "permissions": ["read:config"], "expires_at": end });
    let made = door.post("/api/v1/api-keys", new).await;
    let mut socket = admitted(&door, made.body["data"]["key"].as_str().unwrap()).await;
    assert_eq!(hear(&mut socket).await.unwrap()["error"]["code"], "INVALID_TOKEN");
    assert_eq!(closed(&mut socket).await, 4401);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_messages_are_not_taken() {
    let door = Door::open().await;
    let long = json!({ "type": "auth", "token": "x".repeat(20_000) });
    let mut socket = connect(&door).await;
    say(&mut socket, long.clone()).await;
    assert_eq!(closed(&mut socket).await, 1009);
    let mut socket = admitted(&door, &door.token).await;
    say(&mut socket, long).await;
    assert_eq!(closed(&mut socket).await, 1009);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_bye_is_answered() {
    let door = Door::open().await;
    let mut socket = admitted(&door, &door.token).await;
    socket.close(None).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
}

fn address(door: &Door) -> String {
    format!("{}/ws", door.url.replace("http", "ws"))
}

async fn connect(door: &Door) -> Socket {
    connect_async(address(door)).await.unwrap().0
}

async fn admitted(door: &Door, token: &str) -> Socket {
    let mut socket = connect(door).await;
    say(&mut socket, json!({ "type": "auth", "token": token })).await;
    assert_eq!(hear(&mut socket).await.unwrap()["type"], "auth.ok");
    socket
}

async fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

/// The next message; none when the connection is closed.
async fn hear(socket: &mut Socket) -> Option<Value> {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(10), socket.next());
        match next.await.expect("a message in time")? {
            Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            _ => return None,
        }
    }
}

/// The code that the connection is closed with.
async fn closed(socket: &mut Socket) -> u16 {
    let next = tokio::time::timeout(Duration::from_secs(10), socket.next());
    match next.await.expect("an end in time") {
        Some(Ok(Message::Close(Some(frame)))) => frame.code.into(),
        other => panic!("{other:?}"),
    }
}
