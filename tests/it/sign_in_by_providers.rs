//! People come in by what a provider says, and nobody comes into another's account by it.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use palimpsest::config::{Config, Secret};
use reqwest::{Client, Method, Url};
use serde_json::{Value, json};
use tests::doors::{Answered, answered};
use tests::simulators::openid::{Account, CLIENT_ID, CLIENT_SECRET, Lie, OpenidSimulator};
use tests::stage::Stage;

/// A platform, a provider, and a browser between them.
pub(crate) struct Visit {
    pub(crate) stage: Stage,
    pub(crate) provider: OpenidSimulator,
    pub(crate) browser: Client,
}

impl Visit {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_, _| ()).await
    }

    /// With other settings than usual; it is told where the provider is.
    pub(crate) async fn open_with(change: impl FnOnce(&mut Config, &str)) -> Self {
        let provider = OpenidSimulator::start().await;
        let issuer = provider.url.clone();
        let stage = Stage::open_with(move |config| {
            let oidc = &mut config.identity.providers.oidc;
            oidc.issuer = issuer;
            oidc.client_id = CLIENT_ID.into();
            oidc.client_secret = Secret::from(CLIENT_SECRET.to_owned());
            let url = oidc.issuer.clone();
            change(config, &url);
        });
        let browser =
            Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { stage: stage.await, provider, browser }
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.stage.platform.url.as_deref().unwrap())
    }

    pub(crate) async fn send(&self, method: Method, path: &str, cookie: &str) -> Answered {
        let request = self.browser.request(method, self.address(path));
        answered(request.header("cookie", cookie)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value, token: Option<&str>) -> Answered {
        let request = self.browser.post(self.address(path)).json(&body);
        match token {
            Some(token) => answered(request.bearer_auth(token)).await,
            None => answered(request).await,
        }
    }

    /// Goes to the provider; answers the code and the state that it sends back.
    pub(crate) async fn authorize(&self, url: &Value) -> (String, String) {
        let sent = answered(self.browser.get(url.as_str().unwrap())).await;
        assert_eq!(sent.status, 302, "{}", sent.text);
        let back = Url::parse(sent.header("location")).unwrap();
        let value = |name: &str| {
            back.query_pairs().find(|it| it.0 == name).map(|it| it.1.into_owned()).unwrap()
        };
        (value("code"), value("state"))
    }

    /// The whole way of a browser; answers where it is sent on, and the cookies it got.
    pub(crate) async fn by_browser(&self) -> (String, Vec<String>) {
        self.by_browser_at("oidc").await
    }

    pub(crate) async fn by_browser_at(&self, provider: &str) -> (String, Vec<String>) {
        let begun = self.send(Method::GET, &format!("/auth/oauth/{provider}"), "").await;
        assert_eq!(begun.status, 200, "{}", begun.text);
        let cookie = cookies(&begun).remove(0);
        let (code, state) = self.authorize(&begun.body["data"]["authorization_url"]).await;
        let back = format!("/auth/oauth/{provider}/callback?code={code}&state={state}");
        let back = self.send(Method::GET, &back, &cookie).await;
        assert_eq!(back.status, 303, "{}", back.text);
        (back.header("location").to_owned(), cookies(&back))
    }

    pub(crate) async fn register(&self, email: &str) -> Value {
        let new = json!({ "email": email, "password": "correct horse battery", "name": "Ana" });
        let made = self.post("/auth/register", new, None).await;
        assert_eq!(made.status, 200, "{}", made.text);
        made.body
    }
}

pub(crate) fn cookies(answer: &Answered) -> Vec<String> {
    let all = answer.headers.get_all("set-cookie").iter();
    all.map(|it| it.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_comes_in_by_a_provider_and_is_known_again() {
    let visit = Visit::open().await;
    let names = visit.send(Method::GET, "/auth/oauth", "").await;
    assert_eq!(names.body["data"]["providers"], json!(["oidc"]), "{}", names.text);
    let unknown = visit.send(Method::GET, "/auth/oauth/myspace", "").await;
    assert_eq!(unknown.status, 404, "{}", unknown.text);

    let mut seen = Vec::new();
    for _ in 0..2 {
        let (to, cookies) = visit.by_browser().await;
        assert!(to.ends_with("#signed_in=true"), "{to}");
        let jar = cookies.join("; ");
        let me = visit.send(Method::GET, "/auth/me", &jar).await;
        let user = me.body["data"]["user"].clone();
        assert_eq!(
            (&user["email"], &user["email_verified"]),
            (&json!("ana@acme.example"), &json!(true))
        );
        seen.push(user["id"].clone());
    }
    assert_eq!(seen[0], seen[1], "the same person both times");
    visit.stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_verifier_of_its_own_brings_it_once() {
    let visit = Visit::open().await;
    let verifier = "a".repeat(43);
    let challenge = BASE64.encode(digest(&SHA256, verifier.as_bytes()));
    let begin = format!(
        "/auth/oauth/oidc?state=chosen-by-the-client&code_challenge={challenge}&code_challenge_method=S256"
    );
    let path = "/auth/oauth/oidc/callback";
    let start = async || {
        let begun = visit.send(Method::GET, &begin, "").await;
        visit.authorize(&begun.body["data"]["authorization_url"]).await
    };
    let (code, state) = start().await;
    assert_eq!(state, "chosen-by-the-client");
    let wrong = json!({ "code": code, "state": state, "code_verifier": "b".repeat(43) });
    let wrong = visit.post(path, wrong, None).await;
    assert_eq!((wrong.status, wrong.code()), (401, "INVALID_TOKEN"), "{}", wrong.text);
    let right = json!({ "code": code, "state": state, "code_verifier": verifier });
    let came = visit.post(path, right.clone(), None).await;
    assert_eq!(came.status, 200, "{}", came.text);
    assert_eq!(came.body["user"]["email"], "ana@acme.example");
    let again = visit.post(path, right, None).await;
    assert_eq!((again.status, again.code()), (401, "INVALID_TOKEN"), "{}", again.text);
    let plain = visit.send(Method::GET, "/auth/oauth/oidc?code_challenge_method=plain", "").await;
    assert_eq!(plain.status, 400, "{}", plain.text);
    let elsewhere = "/auth/oauth/oidc?redirect_uri=https%3A%2F%2Fevil.example%2Fback";
    let elsewhere = visit.send(Method::GET, elsewhere, "").await;
    assert_eq!((elsewhere.status, elsewhere.fields()), (400, vec!["redirect_uri"]));
    visit.stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_of_one_browser_and_good_once() {
    let visit = Visit::open().await;
    let begun = visit.send(Method::GET, "/auth/oauth/oidc", "").await;
    let cookie = cookies(&begun).remove(0);
    let (code, state) = visit.authorize(&begun.body["data"]["authorization_url"]).await;
    let back = format!("/auth/oauth/oidc/callback?code={code}&state={state}");
    let stranger = format!("palimpsest_oauth={}", "0".repeat(64));
    for other in ["", &stranger] {
        let refused = visit.send(Method::GET, &back, other).await;
        assert!(
            refused.header("location").ends_with("#error=stale"),
            "{}",
            refused.header("location")
        );
    }
    let elsewhere = back.replace("/oauth/oidc/", "/oauth/github/");
    assert_eq!(
        visit.send(Method::GET, &elsewhere, &cookie).await.header("location"),
        "/#error=refused"
    );
    let own = visit.send(Method::GET, &back, &cookie).await;
    assert!(own.header("location").ends_with("#signed_in=true"), "{}", own.header("location"));
    let again = visit.send(Method::GET, &back, &cookie).await;
    assert!(again.header("location").ends_with("#error=stale"), "{}", again.header("location"));
    visit.stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_id_token_is_believed_unseen() {
    let visit = Visit::open().await;
    for lie in [
        Lie::Audience,
        Lie::Expired,
        Lie::Issuer,
        Lie::Nonce,
        Lie::OtherKey,
        Lie::UnknownKey,
        Lie::Unsigned,
    ] {
        visit.provider.lies(Some(lie));
        let (to, cookies) = visit.by_browser().await;
        assert!(to.ends_with("#error=untrusted"), "{lie:?}: {to}");
        assert!(!cookies.iter().any(|it| it.starts_with("palimpsest_access")), "{lie:?}");
    }
    let made = visit.stage.events().await;
    assert!(!made.iter().any(|it| it.event.type_name() == "user.registered"));
    assert!(made.iter().any(|it| it.event.type_name() == "sign_in.failed"), "it is recorded");
    visit.provider.lies(None);
    assert!(visit.by_browser().await.0.ends_with("#signed_in=true"));
    visit.stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_alone_opens_no_account() {
    let visit = Visit::open().await;
    let eve = |subject: &str, verified| Account {
        subject: subject.to_owned(),
        email: "ana@acme.example".to_owned(),
        verified,
    };
    visit.provider.is(eve("unverified", false));
    assert!(visit.by_browser().await.0.ends_with("#error=email_unverified"));
    let ana = visit.register("ana@acme.example").await;
    visit.provider.is(eve("verified", true));
    assert!(visit.by_browser().await.0.ends_with("#error=email_taken"));

    // Whoever is in both brings them together.
    let token = ana["access_token"].as_str().unwrap();
    let begun = visit.post("/users/me/links/oidc", json!({}), Some(token)).await;
    assert_eq!(begun.status, 200, "{}", begun.text);
    let (code, state) = visit.authorize(&begun.body["data"]["authorization_url"]).await;
    let body = json!({ "code": code, "state": state });
    let path = "/users/me/links/oidc/callback";
    let ben = visit.register("ben@acme.example").await;
    let not_his = visit.post(path, body.clone(), ben["access_token"].as_str()).await;
    assert_eq!((not_his.status, not_his.fields()), (400, vec!["state"]), "{}", not_his.text);
    let linked = visit.post(path, body, Some(token)).await;
    assert_eq!(linked.status, 200, "{}", linked.text);
    let (to, cookies) = visit.by_browser().await;
    assert!(to.ends_with("#signed_in=true"), "{to}");
    let me = visit.send(Method::GET, "/auth/me", &cookies.join("; ")).await;
    assert_eq!(me.body["data"]["user"]["id"], ana["user"]["id"], "{}", me.text);

    // What is hers cannot become his.
    let begun = visit.post("/users/me/links/oidc", json!({}), ben["access_token"].as_str()).await;
    let (code, state) = visit.authorize(&begun.body["data"]["authorization_url"]).await;
    let body = json!({ "code": code, "state": state });
    let taken = visit.post(path, body, ben["access_token"].as_str()).await;
    assert_eq!(taken.status, 409, "{}", taken.text);

    let off = visit.browser.delete(visit.address("/users/me/links/oidc")).bearer_auth(token);
    assert_eq!(answered(off).await.status, 200);
    assert!(!visit.by_browser().await.0.ends_with("#signed_in=true"));
    visit.stage.close().await;
}
