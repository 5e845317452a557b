//! A provider at which one person is signed in already: it sends him back at once. It speaks `OpenID` Connect, also
//! as Microsoft does, and OAuth 2 as Discord and GitHub do.
//!
//! It holds the client to the standards: PKCE by S256, the very redirect address, codes that are good once, and a
//! client that shows its secret. On demand it lies about who somebody is.

mod others;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64};
use poem::http::StatusCode;
use poem::listener::{Acceptor as _, Listener as _, TcpListener};
use poem::web::{Data, Form, Json, Query};
use poem::{EndpointExt as _, Response, Route, Server, get, handler, post};
use serde::Deserialize;
use serde_json::{Value, json};

/// The client it knows.
pub const CLIENT_ID: &str = "palimpsest";
pub const CLIENT_SECRET: &str = "between the two of us";

/// What it lies about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    Audience,
    Expired,
    Issuer,
    Nonce,
    OtherKey,
    /// The signature is good, and the key nobody's.
    UnknownKey,
    Unsigned,
    /// What it tells besides is about somebody else.
    UserInfo,
}

/// How it fails when it shall trade a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Broken,
    /// It sends people who trade codes elsewhere.
    Leads,
    /// It never answers.
    Silent,
}

/// The tenant at Microsoft that everybody belongs to.
pub const TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Who is signed in there.
#[derive(Debug, Clone)]
pub struct Account {
    pub subject: String,
    pub email: String,
    pub verified: bool,
}

/// See the module.
pub struct OpenidSimulator {
    pub url: String,
    state: Arc<State>,
}

struct State {
    url: String,
    pair: KeyPair,
    other: KeyPair,
    codes: Mutex<HashMap<String, Asked>>,
    granted: Mutex<HashSet<String>>,
    fault: Mutex<Option<Fault>>,
    /// Whether an ID token says only whom it is about.
    terse: Mutex<bool>,
    account: Mutex<Account>,
    lie: Mutex<Option<Lie>>,
}

/// What somebody was sent here with.
#[derive(Clone, Deserialize)]
struct Asked {
    client_id: String,
    redirect_uri: String,
    response_type: String,
    scope: String,
    state: String,
    nonce: Option<String>,
    code_challenge: String,
    code_challenge_method: String,
}

#[derive(Deserialize)]
struct Redeemed {
    grant_type: String,
    code: String,
    redirect_uri: String,
    code_verifier: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

impl OpenidSimulator {
    pub async fn start() -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a port");
        let address = acceptor.local_addr()[0].as_socket_addr().expect("an address").to_string();
        let url = format!("http://{address}");
        let key = || KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let account =
            Account { subject: "7".into(), email: "ana@acme.example".into(), verified: true };
        let state = Arc::new(State {
            url: url.clone(),
            pair: key(),
            other: key(),
            codes: Mutex::default(),
            granted: Mutex::default(),
            fault: Mutex::default(),
            terse: Mutex::default(),
            account: Mutex::new(account),
            lie: Mutex::default(),
        });
        let route = Route::new()
            .at("/.well-known/openid-configuration", get(discovery))
            .at("/authorize", get(authorize))
            .at("/keys", get(keys))
            .at("/token", post(token))
            .at("/userinfo", get(user_info));
        let route = others::added(route).data(state.clone());
        tokio::spawn(Server::new_with_acceptor(acceptor).run(route));
        Self { url, state }
    }

    /// Another person is signed in there from now on.
    pub fn is(&self, account: Account) {
        *held(&self.state.account) = account;
    }

    /// It lies from now on, or no longer.
    pub fn lies(&self, lie: Option<Lie>) {
        *held(&self.state.lie) = lie;
    }

    /// It fails from now on, or no longer.
    pub fn fails(&self, fault: Option<Fault>) {
        *held(&self.state.fault) = fault;
    }

    /// Its ID tokens say only whom they are about from now on; the rest it tells whoever asks.
    pub fn is_terse(&self) {
        *held(&self.state.terse) = true;
    }
}

#[handler]
fn discovery(state: Data<&Arc<State>>) -> Json<Value> {
    let url = &state.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
    }))
}

#[handler]
fn keys(state: Data<&Arc<State>>) -> Json<Value> {
    let public = state.pair.public_key();
    let n = BASE64.encode(public.modulus().big_endian_without_leading_zero());
    let e = BASE64.encode(public.exponent().big_endian_without_leading_zero());
    Json(
        json!({ "keys": [{ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": n, "e": e }] }),
    )
}

#[handler]
fn authorize(state: Data<&Arc<State>>, asked: Query<Asked>) -> Response {
    let asked = asked.0;
    let openid = asked.scope.split(' ').any(|it| it == "openid");
    let nonce = asked.nonce.as_ref().is_some_and(|it| !it.is_empty());
    state.send_back(asked, openid && nonce)
}

#[handler]
async fn token(
    state: Data<&Arc<State>>,
    request: &poem::Request,
    form: Form<Redeemed>,
) -> Response {
    if let Some(failed) = state.failed().await {
        return failed;
    }
    match state.redeem(request, form.0) {
        Ok((asked, access)) => {
            let claims = json!({ "iss": state.url });
            bearer(&access, Some(&state.id_token(&asked, &claims)))
        }
        Err(error) => refused(error),
    }
}

#[handler]
fn user_info(state: Data<&Arc<State>>, request: &poem::Request) -> Response {
    let Some(account) = state.shown(request) else { return refused("invalid_token") };
    let lies = state.lie() == Some(Lie::UserInfo);
    let subject = if lies { "somebody else" } else { &account.subject };
    said(&json!({
        "sub": subject,
        "email": account.email,
        "email_verified": account.verified,
        "name": "Ana",
    }))
}

fn said(body: &Value) -> Response {
    Response::builder().content_type("application/json").body(body.to_string())
}

fn refused(error: &str) -> Response {
    let builder = Response::builder().status(StatusCode::BAD_REQUEST);
    builder.content_type("application/json").body(json!({ "error": error }).to_string())
}

fn bearer(access: &str, id_token: Option<&str>) -> Response {
    let mut body = json!({ "access_token": access, "token_type": "Bearer", "expires_in": 60 });
    if let Some(id_token) = id_token {
        body["id_token"] = json!(id_token);
    }
    said(&body)
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn lie(&self) -> Option<Lie> {
        *held(&self.lie)
    }

    /// Sends somebody back with a code, if what he was sent with is right.
    fn send_back(&self, asked: Asked, right: bool) -> Response {
        let fits = right
            && asked.client_id == CLIENT_ID
            && asked.response_type == "code"
            && asked.code_challenge_method == "S256"
            && asked.code_challenge.len() == 43;
        if !fits {
            return Response::builder().status(StatusCode::BAD_REQUEST).finish();
        }
        let code = uuid::Uuid::new_v4().simple().to_string();
        let back = format!("{}?code={code}&state={}", asked.redirect_uri, asked.state);
        held(&self.codes).insert(code, asked);
        Response::builder().status(StatusCode::FOUND).header("location", back).finish()
    }

    async fn failed(&self) -> Option<Response> {
        let fault = *held(&self.fault);
        match fault? {
            Fault::Broken => {
                Some(Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR).finish())
            }
            Fault::Leads => {
                let leads = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
                Some(leads.header("location", format!("{}/token", self.url)).finish())
            }
            Fault::Silent => std::future::pending().await,
        }
    }

    /// Takes a code; answers with what somebody was sent here, and an access token.
    fn redeem(
        &self,
        request: &poem::Request,
        form: Redeemed,
    ) -> Result<(Asked, String), &'static str> {
        let secret = CLIENT_SECRET.replace(' ', "+");
        let basic = BASE64_STANDARD.encode(format!("{CLIENT_ID}:{secret}"));
        let shown =
            request.header("authorization").is_some_and(|it| it == format!("Basic {basic}"));
        let sent = form.client_id.as_deref() == Some(CLIENT_ID)
            && form.client_secret.as_deref() == Some(CLIENT_SECRET);
        if !shown && !sent || form.grant_type != "authorization_code" {
            return Err("invalid_client");
        }
        // A code is good once, whatever comes with it.
        let asked = held(&self.codes).remove(&form.code).ok_or("invalid_grant")?;
        let verifier = form.code_verifier.unwrap_or_default();
        let challenge = BASE64.encode(digest(&SHA256, verifier.as_bytes()));
        if asked.redirect_uri != form.redirect_uri || asked.code_challenge != challenge {
            return Err("invalid_grant");
        }
        let access = format!("access-{}", form.code);
        held(&self.granted).insert(access.clone());
        Ok((asked, access))
    }

    /// Whom somebody with an access token is told of.
    fn shown(&self, request: &poem::Request) -> Option<Account> {
        let access = request.header("authorization")?.strip_prefix("Bearer ")?;
        held(&self.granted).contains(access).then(|| held(&self.account).clone())
    }

    /// An ID token with these claims and those that every one has.
    fn id_token(&self, asked: &Asked, more: &Value) -> String {
        let (lie, account) = (self.lie(), held(&self.account).clone());
        let now = domain::kernel::Clock::now(&adapters::SystemClock).timestamp();
        let if_lying = |about, lie_told: Value, truth: Value| {
            if lie == Some(about) { lie_told } else { truth }
        };
        let mut claims = json!({
            "iss": if_lying(Lie::Issuer, json!("https://evil.example"), more["iss"].clone()),
            "aud": if_lying(Lie::Audience, json!("another"), json!(CLIENT_ID)),
            "nonce": if_lying(Lie::Nonce, json!("another"), json!(asked.nonce)),
            "exp": if_lying(Lie::Expired, json!(now - 600), json!(now + 60)),
            "iat": if_lying(Lie::Expired, json!(now - 700), json!(now)),
            "sub": account.subject,
        });
        if !*held(&self.terse) {
            claims["name"] = json!("Ana");
            claims["email"] = json!(account.email);
            claims["email_verified"] = json!(account.verified);
        }
        for (name, value) in more.as_object().into_iter().flatten() {
            if name != "iss" {
                claims[name] = value.clone();
            }
        }
        let algorithm = if lie == Some(Lie::Unsigned) { "none" } else { "RS256" };
        let kid = if lie == Some(Lie::UnknownKey) { "two" } else { "one" };
        let header = json!({ "alg": algorithm, "typ": "JWT", "kid": kid });
        let part = |value: &Value| BASE64.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        if lie == Some(Lie::Unsigned) {
            return format!("{signed}.");
        }
        let pair = if [Some(Lie::OtherKey), Some(Lie::UnknownKey)].contains(&lie) {
            &self.other
        } else {
            &self.pair
        };
        let mut signature = vec![0; pair.public_modulus_len()];
        let random = SystemRandom::new();
        pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).expect("signed");
        format!("{signed}.{}", BASE64.encode(signature))
    }
}
