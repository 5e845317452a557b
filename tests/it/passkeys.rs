//! Passkeys: made, used to come in, as a second factor and to step up; and what is not accepted of them.

use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Answered, answered};
use tests::second_factors::SecurityKey;

use crate::mfa::Home;

const ORIGIN: &str = "http://localhost:8080";

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_lets_its_owner_in() {
    let home = Home::open().await;
    let mut key = SecurityKey::at(ORIGIN);
    let made = register(&home, &mut key).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.body["data"]["name"], "blue key");
    let codes = made.body["data"]["backup_codes"].as_array().unwrap();
    assert_eq!(codes.len(), 10, "the first factor comes with them");

    let entered = sign_in(&home, &mut key).await;
    assert_eq!(entered.status, 200, "{}", entered.text);
    assert_eq!(entered.body["user"]["email"], crate::mfa::EMAIL);
    assert_eq!(entered.header("cache-control"), "no-store");
    let token = entered.body["access_token"].as_str().unwrap();
    // It was both factors at once, so what is dangerous is open.
    let codes = home.door.bare(Method::POST, "/api/v1/auth/mfa/backup-codes").bearer_auth(token);
    assert_eq!(answered(codes.json(&json!({}))).await.status, 200);

    let listed = home.get("/auth/passkeys").await;
    let passkeys = listed.body["data"]["passkeys"].as_array().unwrap();
    assert_eq!((passkeys.len(), &passkeys[0]["name"]), (1, &json!("blue key")), "{}", listed.text);
    let path = format!("/auth/passkeys/{}", passkeys[0]["id"].as_str().unwrap());
    let removed = home.ask(Method::DELETE, &path, Value::Null).await;
    assert_eq!(removed.status, 200, "{}", removed.text);
    assert_eq!(sign_in(&home, &mut key).await.status, 401, "it is unknown by now");
    assert!(home.log_in().await.body["access_token"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_a_second_factor() {
    let home = Home::open().await;
    let mut key = SecurityKey::at(ORIGIN);
    assert_eq!(register(&home, &mut key).await.status, 201);
    let challenge = home.log_in().await;
    assert_eq!(challenge.body["methods"], json!(["passkey", "backup_code"]), "{}", challenge.text);
    let ticket = &challenge.body["mfa_token"];

    let ask = || home.door.bare(Method::POST, "/api/v1/auth/mfa/passkey");
    let asked = answered(ask().json(&json!({ "mfa_token": ticket }))).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    let options = &asked.body["data"]["options"];
    assert_eq!(options["publicKey"]["allowCredentials"].as_array().unwrap().len(), 1);
    let shown = key.show(options);
    let finish = || async {
        let body = json!({ "mfa_token": ticket, "method": "passkey", "credential": shown });
        answered(home.door.bare(Method::POST, "/api/v1/auth/mfa/verify").json(&body)).await
    };
    let entered = finish().await;
    assert_eq!(entered.status, 200, "{}", entered.text);
    assert!(entered.body["access_token"].is_string());
    assert_eq!(finish().await.status, 401, "ticket and challenge are used up");

    home.clock.pass(chrono::TimeDelta::minutes(11));
    let codes = || home.post("/auth/mfa/backup-codes", json!({}));
    assert_eq!(codes().await.code(), "STEP_UP_REQUIRED");
    let asked = home.post("/auth/mfa/passkey", json!({})).await;
    let credential = key.show(&asked.body["data"]["options"]);
    let body = json!({ "method": "passkey", "credential": credential });
    let stepped = home.post("/auth/mfa/step-up", body.clone()).await;
    assert_eq!(stepped.status, 200, "{}", stepped.text);
    assert_eq!(home.post("/auth/mfa/step-up", body).await.status, 409, "nothing was asked for");
    assert_eq!(codes().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused() {
    let home = Home::open().await;
    let mut key = SecurityKey::at(ORIGIN);
    for (origin, verifies) in [("https://evil.example", true), (ORIGIN, false)] {
        let mut other = SecurityKey::at(origin);
        other.verifies = verifies;
        let refused = register(&home, &mut other).await;
        assert_eq!((refused.status, refused.fields()), (400, vec!["credential"]), "{origin}");
    }
    assert_eq!(register(&home, &mut key).await.status, 201);
    assert_eq!(register(&home, &mut key).await.status, 400, "it is there already");
    let twice = finish_registration(&home, &json!({})).await;
    assert_eq!((twice.status, twice.code()), (409, "CONFLICT"), "nothing was asked for");

    let refused = |answer: &Answered, why: &str| {
        assert_eq!((answer.status, answer.code()), (401, "INVALID_CREDENTIALS"), "{why}");
    };
    key.origin = "http://localhost:8081".into();
    refused(&sign_in(&home, &mut key).await, "another origin");
    key.origin = ORIGIN.into();
    key.verifies = false;
    refused(&sign_in(&home, &mut key).await, "nobody was verified");
    key.verifies = true;

    let (old, _) = begin(&home).await;
    let (_, options) = begin(&home).await;
    refused(&finish(&home, &old, &key.show(&options)).await, "another challenge");
    let (ticket, options) = begin(&home).await;
    let shown = key.show(&options);
    assert_eq!(finish(&home, &ticket, &shown).await.status, 200);
    let replayed = finish(&home, &ticket, &shown).await;
    assert_eq!(replayed.status, 409, "a ticket is good for once: {}", replayed.text);
    let (ticket, _) = begin(&home).await;
    refused(&finish(&home, &ticket, &shown).await, "the same for another ticket");

    let (ticket, options) = begin(&home).await;
    let mut forged = SecurityKey::at(ORIGIN).show(&options);
    for field in ["id", "rawId"] {
        forged[field] = shown[field].clone();
    }
    forged["response"]["userHandle"] = shown["response"]["userHandle"].clone();
    refused(&finish(&home, &ticket, &forged).await, "another key");
    let (ticket, _) = begin(&home).await;
    refused(&finish(&home, &ticket, &json!({ "type": "public-key" })).await, "no credential");

    key.counter -= 2;
    refused(&sign_in(&home, &mut key).await, "there are two of it");
    let failed = home.door.journal.read_all(0, 1_000).await.unwrap().0;
    let failed = failed.iter().filter(|it| it.event.type_name() == "user.factor_failed").count();
    assert_eq!(failed, 1, "only that one is known to be its owner's");
}

async fn register(home: &Home, key: &mut SecurityKey) -> Answered {
    let begun = home.post("/auth/passkeys/register/begin", json!({})).await;
    assert_eq!(begun.status, 200, "{}", begun.text);
    let credential = key.make(&begun.body["data"]["options"]);
    finish_registration(home, &credential).await
}

async fn finish_registration(home: &Home, credential: &Value) -> Answered {
    let body = json!({ "name": "blue key", "credential": credential });
    home.post("/auth/passkeys/register/finish", body).await
}

async fn begin(home: &Home) -> (String, Value) {
    let begin = home.door.bare(Method::POST, "/api/v1/auth/passkeys/authenticate/begin");
    let begun = answered(begin.json(&json!({}))).await;
    assert_eq!(begun.status, 200, "{}", begun.text);
    let data = &begun.body["data"];
    (data["passkey_token"].as_str().unwrap().to_owned(), data["options"].clone())
}

async fn finish(home: &Home, ticket: &str, credential: &Value) -> Answered {
    let body = json!({ "passkey_token": ticket, "credential": credential });
    let finish = home.door.bare(Method::POST, "/api/v1/auth/passkeys/authenticate/finish");
    answered(finish.json(&body)).await
}

async fn sign_in(home: &Home, key: &mut SecurityKey) -> Answered {
    let (ticket, options) = begin(home).await;
    finish(home, &ticket, &key.show(&options)).await
}
