//! Second factors: set up, asked for, replayed, locked, stood in for, taken away, and asked for again before what is
//! dangerous.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::TimeDelta;
use domain::kernel::Clock as _;
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Answered, Door, answered};
use tests::journals::MovedClock;
use tests::second_factors::code_at;

pub(crate) const EMAIL: &str = "ana@acme.example";
pub(crate) const PASSWORD: &str = "correct horse battery";

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_set_up_and_asked_for() {
    let home = Home::open().await;
    let setup = home.post("/auth/mfa/setup", json!({ "method": "totp" })).await;
    assert_eq!(setup.status, 200, "{}", setup.text);
    let data = &setup.body["data"];
    let secret = data["secret"].as_str().unwrap().to_owned();
    let uri =
        format!("otpauth://totp/Palimpsest:ana%40acme.example?secret={secret}&issuer=Palimpsest");
    assert_eq!((data["setup_uri"].as_str(), secret.len()), (Some(uri.as_str()), 32));
    assert_eq!(data["backup_codes"].as_array().unwrap().len(), 10);
    let image = data["qr_code"].as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap();
    let image = std::io::Cursor::new(BASE64_STANDARD.decode(image).unwrap());
    let image = png::Decoder::new(image).read_info().unwrap();
    assert!(image.info().width > 200 && image.info().width == image.info().height);

    // Before it is confirmed, nothing is asked for.
    assert!(home.log_in().await.body["access_token"].is_string());
    let wrong = home.verify(&home.other_code(&secret)).await;
    assert_eq!((wrong.status, wrong.code()), (401, "INVALID_CREDENTIALS"), "{}", wrong.text);
    let code = home.code(&secret);
    let confirmed = home.verify(&code).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    assert_eq!(confirmed.body["data"], json!({ "verified": true, "remaining_backup_codes": 10 }));
    let known = home.get("/auth/mfa").await;
    assert_eq!(known.body["data"]["enabled"], true, "{}", known.text);
    assert_eq!(known.body["data"]["factors"][0]["method"], "totp");
    assert_eq!(known.body["data"]["remaining_backup_codes"], 10);

    let challenge = home.log_in().await;
    assert_eq!(challenge.status, 200, "{}", challenge.text);
    assert_eq!(challenge.body["mfa_required"], true);
    assert_eq!(challenge.body["methods"], json!(["totp", "backup_code"]));
    assert!(challenge.body.get("access_token").is_none(), "{}", challenge.text);
    let ticket = challenge.body["mfa_token"].as_str().unwrap();
    let replayed = home.finish(ticket, "totp", &code).await;
    assert_eq!((replayed.status, replayed.code()), (401, "INVALID_CREDENTIALS"));

    home.clock.pass(TimeDelta::seconds(30));
    let entered = home.finish(ticket, "totp", &home.code(&secret)).await;
    assert_eq!(entered.status, 200, "{}", entered.text);
    assert_eq!(entered.header("cache-control"), "no-store");
    assert_eq!(entered.body["user"]["email"], EMAIL);
    let token = entered.body["access_token"].as_str().unwrap();
    let me = home.door.bare(Method::GET, "/api/v1/auth/mfa").bearer_auth(token);
    assert_eq!(answered(me).await.status, 200);
    home.clock.pass(TimeDelta::seconds(30));
    let again = home.finish(ticket, "totp", &home.code(&secret)).await;
    assert_eq!((again.status, again.code()), (401, "INVALID_TOKEN"), "a ticket is good for once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_code_stands_in_once() {
    let mut home = Home::open().await;
    let (_, codes) = home.protect().await;
    let typed = codes[0].to_uppercase().replace('-', " ");
    let ticket = home.challenged().await;
    let entered = home.finish(&ticket, "backup_code", &typed).await;
    assert_eq!(entered.status, 200, "{}", entered.text);
    assert_eq!(home.get("/auth/mfa").await.body["data"]["remaining_backup_codes"], 9);
    let ticket = home.challenged().await;
    assert_eq!(home.finish(&ticket, "backup_code", &typed).await.status, 401, "it was used");

    let made = home.post("/auth/mfa/backup-codes", json!({})).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let new = made.body["data"]["backup_codes"][0].as_str().unwrap();
    let ticket = home.challenged().await;
    assert_eq!(home.finish(&ticket, "backup_code", &codes[1]).await.status, 401, "it is void");
    assert_eq!(home.finish(&ticket, "backup_code", new).await.status, 200);
    // Kept as hashes, and nowhere in the log.
    for entry in std::fs::read_dir(home.door.directory.path()).unwrap() {
        let Ok(bytes) = std::fs::read(entry.unwrap().path()) else { continue };
        assert!(!bytes.windows(new.len()).any(|it| it == new.as_bytes()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_codes_lock() {
    let mut home = Home::open().await;
    let (secret, _) = home.protect().await;
    home.clock.pass(TimeDelta::seconds(30));
    for _ in 0..5 {
        let wrong = home.step_up(&home.other_code(&secret)).await;
        assert_eq!((wrong.status, wrong.code()), (401, "INVALID_CREDENTIALS"));
    }
    let locked = home.step_up(&home.code(&secret)).await;
    assert_eq!((locked.status, locked.code()), (429, "RATE_LIMIT_EXCEEDED"), "{}", locked.text);
    let wait: i64 = locked.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let ticket = home.challenged().await;
    assert_eq!(home.finish(&ticket, "totp", &home.code(&secret)).await.status, 429, "nor so");
    home.clock.pass(TimeDelta::seconds(60));
    assert_eq!(home.step_up(&home.code(&secret)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dangerous_wants_a_fresh_factor() {
    let mut home = Home::open().await;
    home.door.assign(home.user, "admin").await;
    let order = || json!({ "reason": "night", "force": true });
    let unprotected = home.post("/bot/shutdown", order()).await;
    assert_eq!(unprotected.status, 202, "without a second factor: {}", unprotected.text);

    let (secret, _) = home.protect().await;
    assert_eq!(home.post("/bot/restart", order()).await.status, 202, "he just showed it");
    home.clock.pass(TimeDelta::minutes(11));
    for (method, path, body) in [
        (Method::POST, "/bot/shutdown", order()),
        (Method::POST, "/bot/restart", order()),
        (Method::POST, "/self-editing/disable", json!({ "reason": "fire", "emergency": true })),
        (Method::POST, "/api-keys", json!({ "name": "ci", "permissions": ["read:config"] })),
        (Method::POST, "/auth/mfa/backup-codes", json!({})),
        (Method::POST, "/auth/mfa/setup", json!({ "method": "totp" })),
        (Method::POST, "/auth/passkeys/register/begin", json!({})),
        (Method::DELETE, "/auth/mfa", Value::Null),
        (Method::DELETE, "/persons/user:somebody", Value::Null),
    ] {
        let refused = home.ask(method, path, body).await;
        assert_eq!((refused.status, refused.code()), (403, "STEP_UP_REQUIRED"), "{path}");
    }
    let factor = home.get("/auth/mfa").await.body["data"]["factors"][0]["id"].clone();
    let one = format!("/auth/mfa/factors/{}", factor.as_str().unwrap());
    assert_eq!(home.ask(Method::DELETE, &one, Value::Null).await.status, 403);

    let stepped = home.step_up(&home.code(&secret)).await;
    assert_eq!(stepped.status, 200, "{}", stepped.text);
    assert_eq!(home.post("/bot/shutdown", order()).await.status, 202);
    let removed = home.ask(Method::DELETE, &one, Value::Null).await;
    assert_eq!(removed.status, 200, "{}", removed.text);
    assert_eq!(home.ask(Method::DELETE, &one, Value::Null).await.status, 404);
    assert_eq!(home.get("/auth/mfa").await.body["data"]["enabled"], false);
    assert!(home.log_in().await.body["access_token"].is_string(), "nothing is asked for");

    home.protect().await;
    assert_eq!(home.ask(Method::DELETE, "/auth/mfa", Value::Null).await.status, 200);
    let left = home.get("/auth/mfa").await;
    assert_eq!(left.body["data"]["remaining_backup_codes"], 0, "{}", left.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_for_somebody_wants_a_fresh_factor() {
    let mut home = Home::open().await;
    let new = json!({ "email": "ben@acme.example", "password": PASSWORD, "name": "Ben" });
    let ben = home.door.bare(Method::POST, "/api/v1/auth/register").json(&new);
    let ben = answered(ben).await.body["user"]["id"].clone();
    let path = format!("/users/{}", ben.as_str().unwrap());
    home.door.assign(home.user, "admin").await;
    let (secret, _) = home.protect().await;
    home.clock.pass(TimeDelta::minutes(11));
    // By a link to a new password, whoever reads the address is in.
    let move_him = || json!({ "email": "eve@acme.example" });
    let refused = home.ask(Method::PUT, &path, move_him()).await;
    assert_eq!((refused.status, refused.code()), (403, "STEP_UP_REQUIRED"), "{}", refused.text);
    let renamed = home.ask(Method::PUT, &path, json!({ "name": "Benjamin" })).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    assert_eq!(home.step_up(&home.code(&secret)).await.status, 200);
    assert_eq!(home.ask(Method::PUT, &path, move_him()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_session_does_not_lock_its_owner_out() {
    let home = Home::open().await;
    home.clock.pass(TimeDelta::minutes(11));
    let setup = |password: Option<&str>| {
        let mut body = json!({ "method": "totp" });
        if let Some(password) = password {
            body["current_password"] = password.into();
        }
        home.post("/auth/mfa/setup", body)
    };
    let refused = setup(None).await;
    assert_eq!((refused.status, refused.code()), (403, "STEP_UP_REQUIRED"), "{}", refused.text);
    assert_eq!(setup(Some("wrong horse battery")).await.status, 401);
    assert_eq!(setup(Some(PASSWORD)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_by_name() {
    let home = Home::open().await;
    for path in ["/auth/mfa/setup", "/auth/mfa/verify", "/auth/mfa/step-up"] {
        let body = match path {
            "/auth/mfa/setup" => json!({ "method": "sms", "phone": "+15550100" }),
            _ => json!({ "method": "sms", "token": "123456" }),
        };
        let refused = home.post(path, body).await;
        assert_eq!((refused.status, refused.code()), (400, "INVALID_REQUEST"), "{}", refused.text);
        assert_eq!(refused.fields(), ["method"], "{path}");
    }
    let without = home.post("/auth/mfa/verify", json!({ "method": "totp" })).await;
    assert_eq!((without.status, without.fields()), (400, vec!["token"]), "{}", without.text);
    let nothing = home.verify("123456").await;
    assert_eq!((nothing.status, nothing.code()), (409, "CONFLICT"), "no set-up waits");
    let codes = home.post("/auth/mfa/backup-codes", json!({})).await;
    assert_eq!(codes.status, 409, "there is nothing to stand in for");
    let anonymous = home.door.bare(Method::POST, "/api/v1/auth/mfa/verify");
    let anonymous = answered(anonymous.json(&json!({ "method": "totp", "token": "1" }))).await;
    assert_eq!((anonymous.status, anonymous.code()), (401, "UNAUTHORIZED"));
    let stranger = home.finish("nothing", "totp", "123456").await;
    assert_eq!((stranger.status, stranger.code()), (401, "INVALID_TOKEN"));
    let key = home.door.get("/api/v1/auth/mfa").await;
    assert_eq!(key.status, 403, "a key is nobody's account");
}

/// Somebody who signed in at a door whose time moves.
pub(crate) struct Home {
    pub(crate) door: Door,
    pub(crate) clock: Arc<MovedClock>,
    pub(crate) user: domain::kernel::UserId,
    pub(crate) token: String,
}

impl Home {
    pub(crate) async fn open() -> Self {
        let clock = Arc::<MovedClock>::default();
        let door = Door::open_at(clock.clone()).await;
        let new = json!({ "email": EMAIL, "password": PASSWORD, "name": "Ana" });
        let request = door.bare(Method::POST, "/api/v1/auth/register").json(&new);
        let registered = answered(request).await;
        assert_eq!(registered.status, 200, "{}", registered.text);
        let user = registered.body["user"]["id"].as_str().unwrap().parse().unwrap();
        let token = registered.body["access_token"].as_str().unwrap().to_owned();
        Self { door, clock, user, token }
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: Value) -> Answered {
        let request = self.door.bare(method, &format!("/api/v1{path}")).bearer_auth(&self.token);
        answered(if body.is_null() { request } else { request.json(&body) }).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answered {
        self.ask(Method::POST, path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.ask(Method::GET, path, Value::Null).await
    }

    pub(crate) async fn log_in(&self) -> Answered {
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        answered(self.door.bare(Method::POST, "/api/v1/auth/login").json(&body)).await
    }

    /// The ticket of a login that waits for a second factor.
    pub(crate) async fn challenged(&self) -> String {
        let challenge = self.log_in().await;
        challenge.body["mfa_token"].as_str().expect(&challenge.text).to_owned()
    }

    async fn finish(&self, ticket: &str, method: &str, code: &str) -> Answered {
        let body = json!({ "mfa_token": ticket, "method": method, "token": code });
        answered(self.door.bare(Method::POST, "/api/v1/auth/mfa/verify").json(&body)).await
    }

    async fn verify(&self, code: &str) -> Answered {
        self.post("/auth/mfa/verify", json!({ "method": "totp", "token": code })).await
    }

    async fn step_up(&self, code: &str) -> Answered {
        self.post("/auth/mfa/step-up", json!({ "method": "totp", "token": code })).await
    }

    /// Sets an app up; answers its secret and the backup codes.
    pub(crate) async fn protect(&mut self) -> (String, Vec<String>) {
        let setup = self.post("/auth/mfa/setup", json!({ "method": "totp" })).await;
        let secret = setup.body["data"]["secret"].as_str().expect(&setup.text).to_owned();
        let codes = setup.body["data"]["backup_codes"].as_array().unwrap().iter();
        let codes = codes.map(|it| it.as_str().unwrap().to_owned()).collect();
        let confirmed = self.verify(&self.code(&secret)).await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.text);
        (secret, codes)
    }

    fn code(&self, secret: &str) -> String {
        code_at(secret, self.clock.now())
    }

    /// A code of another hour.
    fn other_code(&self, secret: &str) -> String {
        let good: Vec<_> = (-2..=2)
            .map(|steps| code_at(secret, self.clock.now() + TimeDelta::seconds(30 * steps)))
            .collect();
        let mut others =
            (1..).map(|hour| code_at(secret, self.clock.now() - TimeDelta::hours(hour)));
        others.find(|code| !good.contains(code)).unwrap()
    }
}
