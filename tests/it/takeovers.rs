//! Ways into somebody else's account that were open to who had a session, an address or a key for a while.

use adapters::SystemClock;
use domain::identity::Permission;
use domain::kernel::Clock as _;
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Answered, Door, answered};
use tests::second_factors::code_at;

use super::accounts::{as_user, log_in, register, send};

const PASSWORD: &str = "correct horse battery";
const ANOTHER: &str = "another horse battery";
const ME: &str = "/api/v1/auth/me";

async fn link(door: &Door, purpose: &str) -> Value {
    let links = door.get("/api/v1/auth/pending-links").await;
    let links = links.body["data"]["links"].as_array().unwrap().clone();
    links.into_iter().rfind(|it| it["purpose"] == purpose).unwrap()["token"].clone()
}

async fn ask(door: &Door, path: &str, body: Value) -> Answered {
    answered(door.bare(Method::POST, path).json(&body)).await
}

async fn forgotten(door: &Door, email: &str) -> Value {
    let asked = ask(door, "/api/v1/auth/password/forgot", json!({ "email": email })).await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    link(door, "reset-password").await
}

/// Wants another address; answers the secret of the link to it.
async fn link_to(door: &Door, who: &Value, email: &str) -> Value {
    let change = json!({ "password": PASSWORD, "email": email });
    let asked = send(door, who, Method::POST, "/api/v1/auth/email/change", change).await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    link(door, "verify-email").await
}

/// Sets an app up as the second factor.
async fn protect(door: &Door, who: &Value) {
    let (setup, verify) = ("/api/v1/auth/mfa/setup", "/api/v1/auth/mfa/verify");
    let begun = send(door, who, Method::POST, setup, json!({ "method": "totp" })).await;
    let code = code_at(begun.body["data"]["secret"].as_str().unwrap(), SystemClock.now());
    let confirm = json!({ "method": "totp", "token": code });
    let confirmed = send(door, who, Method::POST, verify, confirm).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
}

async fn reset(door: &Door, token: &Value) -> Answered {
    let body = json!({ "token": token, "new_password": ANOTHER });
    ask(door, "/api/v1/auth/password/reset", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_another_address_is_void_after_another_password() {
    let door = Door::open().await;
    let stolen = register(&door, "ana@acme.example").await;
    let waiting = link_to(&door, &stolen, "eve@globex.example").await;

    let owners = log_in(&door, "ana@acme.example", PASSWORD).await.body;
    let body = json!({ "old_password": PASSWORD, "new_password": ANOTHER });
    let changed = send(&door, &owners, Method::POST, "/api/v1/auth/password/change", body).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let followed = ask(&door, "/api/v1/auth/email/verify", json!({ "token": waiting })).await;
    assert_eq!((followed.status, followed.code()), (401, "INVALID_TOKEN"), "{}", followed.text);
    assert_eq!(log_in(&door, "ana@acme.example", ANOTHER).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_new_password_is_void_after_another_address() {
    let door = Door::open().await;
    let ana = register(&door, "ana@old.example").await;
    let mailed_to_the_old_one = forgotten(&door, "ana@old.example").await;
    let token = link_to(&door, &ana, "ana@new.example").await;
    let moved = ask(&door, "/api/v1/auth/email/verify", json!({ "token": token })).await;
    assert_eq!(moved.status, 200, "{}", moved.text);

    let followed = reset(&door, &mailed_to_the_old_one).await;
    assert_eq!((followed.status, followed.code()), (401, "INVALID_TOKEN"), "{}", followed.text);
    assert_eq!(log_in(&door, "ana@new.example", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_took_anothers_address_is_out_once_its_owner_comes() {
    let door = Door::open().await;
    // Somebody makes an account with Ana's address, and a second factor of his own for it.
    let eve = register(&door, "ana@acme.example").await;
    protect(&door, &eve).await;

    let done = reset(&door, &forgotten(&door, "ana@acme.example").await).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(as_user(&door, &eve, Method::GET, ME).await.status, 401);
    let ana = log_in(&door, "ana@acme.example", ANOTHER).await;
    assert!(ana.body["access_token"].is_string(), "his factor is not asked for: {}", ana.text);
    let me = as_user(&door, &ana.body, Method::GET, ME).await;
    let user = &me.body["data"]["user"];
    assert_eq!((&user["email_verified"], &user["mfa_enabled"]), (&json!(true), &json!(false)));

    // What she sets up herself stays, for the address is hers now.
    protect(&door, &ana.body).await;
    let token = forgotten(&door, "ana@acme.example").await;
    let body = json!({ "token": token, "new_password": "a third horse battery" });
    assert_eq!(ask(&door, "/api/v1/auth/password/reset", body).await.status, 200);
    let asked = log_in(&door, "ana@acme.example", "a third horse battery").await;
    assert_eq!(asked.body["mfa_required"], true, "{}", asked.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weaker_directory_changes_nothing_of_who_may_more() {
    let door = Door::open().await;
    let ana = register(&door, "ana@acme.example").await["user"]["id"].clone();
    let ana = ana.as_str().unwrap();
    door.assign(ana.parse().unwrap(), "admin").await;
    let key = door.key(&[
        Permission::ReadUser,
        Permission::ManageUser,
        Permission::ReadProfile,
        Permission::WriteProfile,
    ]);
    let key = key.await;
    let wanted = |name: &str| json!({ "userName": name, "emails": [{ "value": format!("{name}@acme.example") }] });
    let put = door.bare(Method::PUT, &format!("/scim/v2/Users/{ana}")).bearer_auth(&key);
    let refused = answered(put.json(&wanted("boss"))).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    // Not even the name was taken for her.
    let other = door.request(Method::POST, "/scim/v2/Users").json(&wanted("boss"));
    let other = answered(other).await;
    assert_eq!(other.status, 201, "{}", other.text);
}
