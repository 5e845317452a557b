//! People come in, stay, leave, and get back in.

use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Answered, Door, answered};

const PASSWORD: &str = "correct horse battery";

/// Registers somebody; answers his tokens.
pub(super) async fn register(door: &Door, email: &str) -> Value {
    let body = json!({ "email": email, "password": PASSWORD, "name": "Ana" });
    let made = answered(door.bare(Method::POST, "/api/v1/auth/register").json(&body)).await;
    assert_eq!(made.status, 200, "{}", made.text);
    made.body
}

pub(super) async fn log_in(door: &Door, email: &str, password: &str) -> Answered {
    let body = json!({ "email": email, "password": password });
    answered(door.bare(Method::POST, "/api/v1/auth/login").json(&body)).await
}

/// A request of somebody who signed in.
pub(super) async fn as_user(door: &Door, tokens: &Value, method: Method, path: &str) -> Answered {
    answered(door.bare(method, path).bearer_auth(tokens["access_token"].as_str().unwrap())).await
}

/// The same with a body.
pub(super) async fn send(
    door: &Door,
    tokens: &Value,
    method: Method,
    path: &str,
    body: Value,
) -> Answered {
    let token = tokens["access_token"].as_str().unwrap();
    answered(door.bare(method, path).bearer_auth(token).json(&body)).await
}

async fn refresh(door: &Door, token: &Value) -> Answered {
    let body = json!({ "refresh_token": token });
    answered(door.bare(Method::POST, "/api/v1/auth/refresh").json(&body)).await
}

const ME: &str = "/api/v1/auth/me";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_registers_is_in_until_he_leaves() {
    let door = Door::open().await;
    let tokens = register(&door, "Ana@Acme.example").await;
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(tokens["user"]["email"], "ana@acme.example");
    assert_eq!(tokens["user"]["roles"], json!(["user"]));
    assert!(tokens["refresh_token"].as_str().unwrap().starts_with("rt_"));

    let me = as_user(&door, &tokens, Method::GET, ME).await;
    assert_eq!(me.status, 200, "{}", me.text);
    let user = &me.body["data"]["user"];
    assert_eq!((&user["name"], &user["mfa_enabled"]), (&json!("Ana"), &json!(false)));
    assert!(user["organization_id"].is_string() && user["created_at"].is_string(), "{user}");
    let own = as_user(&door, &tokens, Method::GET, "/api/v1/users/me").await;
    assert_eq!(own.body["data"]["id"], user["id"]);

    let left = as_user(&door, &tokens, Method::POST, "/api/v1/auth/logout").await;
    assert_eq!(left.status, 200, "{}", left.text);
    let after = as_user(&door, &tokens, Method::GET, ME).await;
    assert_eq!((after.status, after.code()), (401, "INVALID_TOKEN"), "it stops at once");
    assert_eq!(refresh(&door, &tokens["refresh_token"]).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_registration_names_the_field_and_leaves_nothing() {
    let door = Door::open().await;
    let try_it = |email: &str, password: &str, name: &str| {
        let body = json!({ "email": email, "password": password, "name": name });
        answered(door.bare(Method::POST, "/api/v1/auth/register").json(&body))
    };
    for (email, password, name, field) in [
        ("ana", PASSWORD, "Ana", "email"),
        ("ana@acme.example", "short", "Ana", "password"),
        ("ana@acme.example", "ana@acme.example", "Ana", "password"),
        ("ana@acme.example", "Password!2026", "Ana", "password"),
        ("ana@acme.example", PASSWORD, " ", "name"),
    ] {
        let no = try_it(email, password, name).await;
        assert_eq!((no.status, no.fields()), (400, vec![field]), "{}", no.text);
        assert!(!no.text.contains(password) || password == email, "{}", no.text);
    }
    register(&door, "ana@acme.example").await;
    let taken = try_it(" ANA@acme.example", PASSWORD, "Another").await;
    assert_eq!((taken.status, taken.fields()), (409, vec!["email"]), "{}", taken.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_makes_one_account_however_many_ask_at_once() {
    let door = Door::open().await;
    let ask = || {
        let body = json!({ "email": "ana@acme.example", "password": PASSWORD, "name": "Ana" });
        answered(door.bare(Method::POST, "/api/v1/auth/register").json(&body))
    };
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    let mut statuses = [one.status, two.status, three.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_address_are_told_alike() {
    let door = Door::open().await;
    register(&door, "ana@acme.example").await;
    let wrong = log_in(&door, "ana@acme.example", "not her password").await;
    let unknown = log_in(&door, "ben@acme.example", "not his password").await;
    assert_eq!((wrong.status, wrong.code()), (401, "INVALID_CREDENTIALS"), "{}", wrong.text);
    assert_eq!((unknown.status, unknown.code()), (401, "INVALID_CREDENTIALS"));
    assert_eq!(wrong.body["error"]["message"], unknown.body["error"]["message"]);
    let right = log_in(&door, "ANA@acme.example ", PASSWORD).await;
    assert_eq!(right.status, 200, "{}", right.text);
    assert_eq!(right.header("cache-control"), "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_failures_lock_the_account_for_that_address_alone() {
    let door = Door::open().await;
    register(&door, "ana@acme.example").await;
    register(&door, "ben@acme.example").await;
    for _ in 0..5 {
        assert_eq!(log_in(&door, "ana@acme.example", "wrong").await.status, 401);
    }
    let locked = log_in(&door, "ana@acme.example", PASSWORD).await;
    assert_eq!((locked.status, locked.code()), (429, "RATE_LIMIT_EXCEEDED"), "{}", locked.text);
    let wait: u64 = locked.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(log_in(&door, "ben@acme.example", PASSWORD).await.status, 200);
    // Whoever does not exist is locked the same way.
    for _ in 0..5 {
        assert_eq!(log_in(&door, "nobody@acme.example", "wrong").await.status, 401);
    }
    assert_eq!(log_in(&door, "nobody@acme.example", "wrong").await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_good_once_and_its_copy_ends_the_session() {
    let door = Door::open().await;
    let first = register(&door, "ana@acme.example").await;
    let second = refresh(&door, &first["refresh_token"]).await;
    assert_eq!(second.status, 200, "{}", second.text);
    assert_ne!(second.body["refresh_token"], first["refresh_token"]);
    assert_eq!(as_user(&door, &second.body, Method::GET, ME).await.status, 200);

    let again = refresh(&door, &first["refresh_token"]).await;
    assert_eq!((again.status, again.code()), (401, "INVALID_TOKEN"), "{}", again.text);
    assert_eq!(as_user(&door, &second.body, Method::GET, ME).await.status, 401);
    assert_eq!(refresh(&door, &second.body["refresh_token"]).await.status, 401);
    let forged = second.body["refresh_token"].as_str().unwrap().replace("_1_", "_2_");
    assert_eq!(refresh(&door, &json!(forged)).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended() {
    let door = Door::open().await;
    let here = register(&door, "ana@acme.example").await;
    let there = log_in(&door, "ana@acme.example", PASSWORD).await.body;
    let elsewhere = log_in(&door, "ana@acme.example", PASSWORD).await.body;
    let list = as_user(&door, &here, Method::GET, "/api/v1/sessions").await;
    let sessions = list.body["data"]["sessions"].as_array().unwrap().clone();
    assert_eq!(sessions.len(), 3, "{}", list.text);
    assert_eq!(sessions.iter().filter(|it| it["current"] == true).count(), 1);
    assert_eq!(sessions[0]["ip_address"], "127.0.0.1");

    let newest = sessions[0]["id"].as_str().unwrap();
    let ended = as_user(&door, &here, Method::DELETE, &format!("/api/v1/sessions/{newest}")).await;
    assert_eq!(ended.status, 200, "{}", ended.text);
    assert_eq!(as_user(&door, &elsewhere, Method::GET, ME).await.status, 401);
    assert_eq!(as_user(&door, &there, Method::GET, ME).await.status, 200);

    let stranger = register(&door, "eve@globex.example").await;
    let other = sessions[1]["id"].as_str().unwrap();
    let path = format!("/api/v1/sessions/{other}");
    assert_eq!(as_user(&door, &stranger, Method::DELETE, &path).await.status, 404);

    let others = as_user(&door, &here, Method::DELETE, "/api/v1/sessions").await;
    assert_eq!(others.body["data"]["ended"], 1, "{}", others.text);
    assert_eq!(as_user(&door, &there, Method::GET, ME).await.status, 401);
    assert_eq!(as_user(&door, &here, Method::GET, ME).await.status, 200, "the current one stays");
    let all = as_user(&door, &here, Method::GET, "/api/v1/sessions?ended=true").await;
    assert_eq!(all.body["data"]["pagination"]["total"], 3, "{}", all.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_ends_all_other_sessions() {
    let door = Door::open().await;
    let here = register(&door, "ana@acme.example").await;
    let there = log_in(&door, "ana@acme.example", PASSWORD).await.body;
    let path = "/api/v1/auth/password/change";
    let change = |old: &str| {
        let body = json!({ "old_password": old, "new_password": "another horse battery" });
        send(&door, &here, Method::POST, path, body)
    };
    let wrong = change("wrong").await;
    assert_eq!((wrong.status, wrong.code()), (401, "INVALID_CREDENTIALS"), "{}", wrong.text);
    let changed = change(PASSWORD).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(as_user(&door, &here, Method::GET, ME).await.status, 200);
    assert_eq!(as_user(&door, &there, Method::GET, ME).await.status, 401);
    assert_eq!(refresh(&door, &there["refresh_token"]).await.status, 401);
    assert_eq!(log_in(&door, "ana@acme.example", PASSWORD).await.status, 401);
    assert_eq!(log_in(&door, "ana@acme.example", "another horse battery").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_new_password_works_once_and_lets_nobody_in() {
    let door = Door::open().await;
    let before = register(&door, "ana@acme.example").await;
    let forgot = |email: &str| {
        let request = door.bare(Method::POST, "/api/v1/auth/password/forgot");
        answered(request.json(&json!({ "email": email })))
    };
    let known = forgot("ana@acme.example").await;
    let unknown = forgot("nobody@acme.example").await;
    assert_eq!((known.status, unknown.status), (202, 202));
    assert_eq!(known.body["message"], unknown.body["message"]);

    let links = door.get("/api/v1/auth/pending-links").await;
    let links = links.body["data"]["links"].as_array().unwrap().clone();
    let link = links.iter().find(|it| it["purpose"] == "reset-password").unwrap();
    assert!(link["url"].as_str().unwrap().contains("#token="), "no token where servers see it");
    let reset = |password: &str| {
        let request = door.bare(Method::POST, "/api/v1/auth/password/reset");
        answered(request.json(&json!({ "token": link["token"], "new_password": password })))
    };
    let weak = reset("short").await;
    assert_eq!((weak.status, weak.fields()), (400, vec!["new_password"]), "{}", weak.text);
    let done = reset("another horse battery").await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert!(done.body["access_token"].is_null());
    assert_eq!(reset("a third horse battery").await.status, 401);
    assert_eq!(as_user(&door, &before, Method::GET, ME).await.status, 401);
    assert_eq!(log_in(&door, "ana@acme.example", "another horse battery").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_verified_and_changed_by_links() {
    let door = Door::open().await;
    let tokens = register(&door, "ana@acme.example").await;
    let newest = || async {
        let links = door.get("/api/v1/auth/pending-links").await;
        let links = links.body["data"]["links"].as_array().unwrap().clone();
        let link = links.into_iter().rfind(|it| it["purpose"] == "verify-email").unwrap();
        link["token"].clone()
    };
    let verify = |token: Value| {
        let request = door.bare(Method::POST, "/api/v1/auth/email/verify");
        answered(request.json(&json!({ "token": token })))
    };
    let done = verify(newest().await).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let user = as_user(&door, &tokens, Method::GET, ME).await.body["data"]["user"].clone();
    assert_eq!(user["email_verified"], true);

    let change = json!({ "password": PASSWORD, "email": "ana@new.example" });
    let path = "/api/v1/auth/email/change";
    assert_eq!(send(&door, &tokens, Method::POST, path, change).await.status, 202);
    assert_eq!(verify(newest().await).await.status, 200);
    assert_eq!(log_in(&door, "ana@new.example", PASSWORD).await.status, 200);
    assert_eq!(log_in(&door, "ana@acme.example", PASSWORD).await.status, 401);
    // What she gave up is free again.
    register(&door, "ana@acme.example").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_something_by_cookie_must_come_from_the_own_page() {
    let door = Door::open().await;
    let body = json!({ "email": "ana@acme.example", "password": PASSWORD, "name": "Ana" });
    let made = answered(door.bare(Method::POST, "/api/v1/auth/register").json(&body)).await;
    let cookies: Vec<String> = made
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|it| it.to_str().unwrap().to_owned())
        .collect();
    let cookie = |name: &str| {
        let found = cookies.iter().find(|it| it.starts_with(name)).unwrap();
        found.split(';').next().unwrap().to_owned()
    };
    let access = cookies.iter().find(|it| it.starts_with("palimpsest_access")).unwrap();
    assert!(["HttpOnly", "Secure", "SameSite=Lax"].iter().all(|it| access.contains(it)));
    let csrf = cookie("palimpsest_csrf=").split_once('=').unwrap().1.to_owned();
    let jar = format!("{}; palimpsest_csrf={csrf}", cookie("palimpsest_access="));

    let request = |method: Method| door.bare(method, "/api/v1/users/me").header("cookie", &jar);
    assert_eq!(answered(request(Method::GET)).await.status, 200);
    let rename = || request(Method::PATCH).json(&json!({ "name": "Anna" }));
    for refused in [
        rename(),
        rename().header("x-csrf-token", "guessed"),
        rename().header("x-csrf-token", &csrf).header("origin", "https://evil.example"),
    ] {
        let no = answered(refused).await;
        assert_eq!((no.status, no.code()), (403, "CSRF_FAILED"), "{}", no.text);
    }
    let done = answered(rename().header("x-csrf-token", &csrf)).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(done.body["data"]["name"], "Anna");

    let traded = door.bare(Method::POST, "/api/v1/auth/refresh").json(&json!({}));
    let traded = traded.header("cookie", cookie("palimpsest_refresh="));
    assert_eq!(answered(traded).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn access_tokens_are_what_the_public_keys_say_and_nothing_else() {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

    let door = Door::open().await;
    let tokens = register(&door, "ana@acme.example").await;
    let token = tokens["access_token"].as_str().unwrap();
    let keys = answered(door.bare(Method::GET, "/.well-known/jwks.json")).await;
    let key = &keys.body["keys"][0];
    let parts: Vec<&str> = token.split('.').collect();
    let read =
        |part: &str| -> Value { serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap() };
    let (header, claims) = (read(parts[0]), read(parts[1]));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("at+jwt")));
    assert_eq!(header["kid"], key["kid"]);
    for claim in
        ["sub", "email", "name", "roles", "org", "sid", "iat", "nbf", "exp", "iss", "aud", "jti"]
    {
        assert!(!claims[claim].is_null(), "{claim}: {claims}");
    }
    // Verified by a library that signed nothing of it.
    let bytes = |name: &str| BASE64.decode(key[name].as_str().unwrap()).unwrap();
    let public = aws_lc_rs::signature::RsaPublicKeyComponents { n: bytes("n"), e: bytes("e") };
    let signed = format!("{}.{}", parts[0], parts[1]);
    let signature = BASE64.decode(parts[2]).unwrap();
    let by = &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
    public.verify(by, signed.as_bytes(), &signature).unwrap();

    let unsigned = BASE64.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
    let shared = BASE64.encode(r#"{"alg":"HS256","typ":"at+jwt"}"#);
    let mac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &bytes("n"));
    let mac = aws_lc_rs::hmac::sign(&mac, format!("{shared}.{}", parts[1]).as_bytes());
    let mut other = claims.clone();
    other["sub"] = json!("01890000-0000-7000-8000-000000000000");
    for forged in [
        format!("{unsigned}.{}.", parts[1]),
        format!("{shared}.{}.{}", parts[1], BASE64.encode(mac.as_ref())),
        format!("{}.{}.{}", parts[0], BASE64.encode(other.to_string()), parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        token.replace('.', ""),
    ] {
        let no = answered(door.bare(Method::GET, ME).bearer_auth(&forged)).await;
        assert_eq!((no.status, no.code()), (401, "INVALID_TOKEN"), "{forged}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_stands_in_the_log() {
    let door = Door::open().await;
    let tokens = register(&door, "ana@acme.example").await;
    log_in(&door, "ana@acme.example", "a wrong password").await;
    let traded = refresh(&door, &tokens["refresh_token"]).await.body;
    let secrets = [
        PASSWORD,
        "a wrong password",
        "ana@acme.example",
        tokens["access_token"].as_str().unwrap(),
        tokens["refresh_token"].as_str().unwrap(),
        traded["refresh_token"].as_str().unwrap(),
    ];
    let commits = door.journal.log().read_all(0, 10_000).await.unwrap();
    assert!(commits.len() > 8, "{}", commits.len());
    for commit in commits {
        let text = String::from_utf8_lossy(&commit.body).into_owned();
        for secret in secrets {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
