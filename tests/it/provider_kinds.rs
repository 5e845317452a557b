//! Each kind of provider has ways of its own; none of them changes who comes in. And what else happens on the way:
//! second factors, links, people who change their mind, providers that fail.

use std::sync::Arc;
use std::time::Duration;

use adapters::SystemClock;
use adapters::openid_providers::{OpenidProviders, ProviderKind, ProviderSettings};
use commands::CommandError;
use commands::ports::{Authorization, Redemption, SignInProviders as _};
use palimpsest::config::{Config, Secret};
use reqwest::{Client, Method, Url};
use serde_json::json;
use tests::doors::answered;
use tests::second_factors::code_at;
use tests::simulators::openid::{Account, CLIENT_ID, CLIENT_SECRET, Fault, Lie, OpenidSimulator};

use crate::sign_in_by_providers::{Visit, cookies};

const EMAIL: &str = "ana@acme.example";

/// All providers that have a name of their own.
fn all(config: &mut Config, url: &str) {
    let (id, secret) = (|| CLIENT_ID.to_owned(), || Secret::from(CLIENT_SECRET.to_owned()));
    let providers = &mut config.identity.providers;
    let url = || url.to_owned();
    let (discord, github) = (&mut providers.discord, &mut providers.github);
    (discord.client_id, discord.client_secret, discord.url) = (id(), secret(), url());
    (github.client_id, github.client_secret) = (id(), secret());
    (github.url, github.api_url) = (url(), url());
    let (google, microsoft) = (&mut providers.google, &mut providers.microsoft);
    (google.client_id, google.client_secret, google.issuer) = (id(), secret(), url());
    (microsoft.client_id, microsoft.client_secret, microsoft.url) = (id(), secret(), url());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_come_in_by_each_kind_and_the_same_number_is_somebody_else_elsewhere() {
    let visit = Visit::open_with(all).await;
    let names = visit.send(Method::GET, "/auth/oauth", "").await;
    let known = json!(["discord", "github", "google", "microsoft", "oidc"]);
    assert_eq!(names.body["data"]["providers"], known, "{}", names.text);
    let unknown = visit.send(Method::GET, "/auth/oauth/myspace", "").await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.text.contains("discord, github, google, microsoft, oidc"), "{}", unknown.text);

    let mut seen = Vec::new();
    for name in ["discord", "github", "google", "microsoft", "oidc"] {
        let email = format!("{name}@acme.example");
        let account = |verified| Account { subject: "7".into(), email: email.clone(), verified };
        visit.provider.is(account(false));
        let (to, _) = visit.by_browser_at(name).await;
        assert!(to.ends_with("#error=email_unverified"), "{name}: {to}");
        visit.provider.is(account(true));
        let (to, jar) = visit.by_browser_at(name).await;
        assert!(to.ends_with("#signed_in=true") && !to.contains("token"), "{name}: {to}");
        let me = visit.send(Method::GET, "/auth/me", &jar.join("; ")).await;
        assert_eq!(me.body["data"]["user"]["email"], email, "{name}: {}", me.text);
        let id = me.body["data"]["user"]["id"].clone();
        assert!(!seen.contains(&id), "{name}");
        seen.push(id);
    }
    visit.stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discord_has_a_door_of_its_own_that_answers_programs_with_tokens() {
    let visit = Visit::open_with(all).await;
    visit.provider.is(Account {
        subject: "81384788765712384".into(),
        email: EMAIL.into(),
        verified: true,
    });
    let begun = visit.post("/auth/discord", json!({}), None).await;
    assert_eq!(begun.status, 200, "{}", begun.text);
    let cookie = cookies(&begun).remove(0);
    assert!(cookie.starts_with("palimpsest_oauth="), "{cookie}");
    let url = &begun.body["data"]["authorization_url"];
    let parsed = Url::parse(url.as_str().unwrap()).unwrap();
    let asked = |name: &str| parsed.query_pairs().find(|it| it.0 == name).unwrap().1.into_owned();
    assert!(asked("scope").starts_with("identify"), "{parsed}");
    assert!(asked("redirect_uri").ends_with("/api/v1/auth/discord/callback"), "{parsed}");
    let (code, state) = visit.authorize(url).await;
    let back = format!("/auth/discord/callback?code={code}&state={state}");
    let came = visit.send(Method::GET, &back, &cookie).await;
    assert_eq!(came.status, 200, "{}", came.text);
    assert_eq!(
        (&came.body["user"]["email"], came.header("cache-control")),
        (&json!(EMAIL), "no-store")
    );
    assert!(came.body["access_token"].is_string() && came.body["refresh_token"].is_string());
    let again = visit.send(Method::GET, &back, &cookie).await;
    assert_eq!((again.status, again.code()), (401, "INVALID_TOKEN"), "{}", again.text);

    // Somebody at Discord is the same person here.
    let accounts = &visit.stage.platform.use_cases.accounts;
    let user = accounts.linked_to("discord", "81384788765712384").await.unwrap().unwrap();
    assert_eq!(came.body["user"]["id"], user.to_string());
    assert_eq!(accounts.linked_to("github", "81384788765712384").await.unwrap(), None);
    visit.stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_changes_his_mind_is_sent_on_and_begins_again() {
    let visit = Visit::open().await;
    let begun = visit.send(Method::GET, "/auth/oauth/oidc", "").await;
    let cookie = cookies(&begun).remove(0);
    let (code, state) = visit.authorize(&begun.body["data"]["authorization_url"]).await;
    let path = "/auth/oauth/oidc/callback";
    let no = format!("{path}?error=access_denied&error_description=%3Cb%3Eno&state={state}");
    let no = visit.send(Method::GET, &no, &cookie).await;
    assert_eq!((no.status, no.header("location")), (303, "/#error=provider_refused"));
    let late = visit.send(Method::GET, &format!("{path}?code={code}&state={state}"), &cookie).await;
    assert_eq!(late.header("location"), "/#error=stale", "the visit is over");

    // What was never good is no code.
    let begun = visit.send(Method::GET, "/auth/oauth/oidc", &cookie).await;
    let again = cookies(&begun).remove(0);
    assert_eq!(again, cookie, "the same browser");
    let state = begun.body["data"]["state"].as_str().unwrap();
    let made_up = format!("{path}?code=made-up&state={state}");
    let made_up = visit.send(Method::GET, &made_up, &cookie).await;
    assert_eq!(made_up.header("location"), "/#error=code_refused");
    // Nor is one that was used: a code of one visit in another.
    let (used, _) = {
        let begun = visit.send(Method::GET, "/auth/oauth/oidc", &cookie).await;
        let (code, state) = visit.authorize(&begun.body["data"]["authorization_url"]).await;
        let came =
            visit.send(Method::GET, &format!("{path}?code={code}&state={state}"), &cookie).await;
        assert_eq!(came.header("location"), "/#signed_in=true");
        (code, state)
    };
    let begun = visit.send(Method::GET, "/auth/oauth/oidc", &cookie).await;
    let state = begun.body["data"]["state"].as_str().unwrap();
    let replayed = format!("{path}?code={used}&state={state}");
    let replayed = visit.send(Method::GET, &replayed, &cookie).await;
    assert_eq!(replayed.header("location"), "/#error=code_refused");
    visit.stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_asked_for_whoever_vouches() {
    let visit = Visit::open().await;
    let (_, jar) = visit.by_browser().await;
    let access = jar.iter().find_map(|it| it.strip_prefix("palimpsest_access=")).unwrap();
    let setup = visit.post("/auth/mfa/setup", json!({ "method": "totp" }), Some(access)).await;
    assert_eq!(setup.status, 200, "{}", setup.text);
    let secret = setup.body["data"]["secret"].as_str().unwrap();
    let now = domain::kernel::Clock::now(&SystemClock);
    let code = json!({ "method": "totp", "token": code_at(secret, now) });
    let confirmed = visit.post("/auth/mfa/verify", code, Some(access)).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);

    let (to, jar) = visit.by_browser().await;
    assert!(to.ends_with("#mfa_required=totp,backup_code"), "{to}");
    assert!(!jar.iter().any(|it| it.starts_with("palimpsest_access")), "{jar:?}");
    let ticket = jar.iter().find_map(|it| it.strip_prefix("palimpsest_mfa=")).unwrap();
    let backup = &setup.body["data"]["backup_codes"][0];
    let shown = json!({ "mfa_token": ticket, "method": "backup_code", "token": backup });
    let came = visit.post("/auth/mfa/verify", shown, None).await;
    assert_eq!((came.status, &came.body["user"]["email"]), (200, &json!(EMAIL)), "{}", came.text);
    visit.stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_told_made_once_and_taken_away_but_for_the_last_way_in() {
    let visit = Visit::open_with(all).await;
    let ana = visit.register(EMAIL).await;
    let token = ana["access_token"].as_str();
    let link = async |name: &str| {
        let begun = visit.post(&format!("/users/me/links/{name}"), json!({}), token).await;
        assert_eq!(begun.status, 200, "{}", begun.text);
        let (code, state) = visit.authorize(&begun.body["data"]["authorization_url"]).await;
        let body = json!({ "code": code, "state": state });
        let path = format!("/users/me/links/{name}/callback");
        let linked = visit.post(&path, body.clone(), token).await;
        let again = visit.post(&path, body, token).await;
        assert_eq!((again.status, again.fields()), (400, vec!["state"]), "{}", again.text);
        linked
    };
    assert_eq!(link("oidc").await.status, 200);
    assert_eq!(link("oidc").await.status, 200, "the same account changes nothing");
    let shown = visit.browser.get(visit.address("/users/me/links")).bearer_auth(token.unwrap());
    let shown = answered(shown).await;
    let links = shown.body["data"]["links"].as_array().unwrap();
    assert_eq!((links.len(), &links[0]["provider"]), (1, &json!("oidc")), "{}", shown.text);
    assert_eq!(links[0]["account"], EMAIL);
    let made = visit.stage.events().await;
    assert_eq!(made.iter().filter(|it| it.event.type_name() == "user.linked").count(), 1);
    visit.provider.is(Account { subject: "8".into(), email: EMAIL.into(), verified: true });
    assert_eq!(link("oidc").await.status, 409, "one account at each provider");
    assert_eq!(link("github").await.status, 200);

    // Nothing of it is for keys, and nothing unknown is there.
    assert_eq!(visit.stage.post("/users/me/links/oidc", json!({})).await.status, 403);
    assert_eq!(visit.post("/users/me/links/myspace", json!({}), token).await.status, 404);
    let off = async |name: &str, token: &str| {
        let path = visit.address(&format!("/users/me/links/{name}"));
        answered(visit.browser.delete(path).bearer_auth(token)).await
    };
    assert_eq!(off("google", token.unwrap()).await.status, 404);
    assert_eq!(off("oidc", token.unwrap()).await.status, 200);

    // Who came in by a provider has no other way in.
    visit.provider.is(Account {
        subject: "9".into(),
        email: "ben@acme.example".into(),
        verified: true,
    });
    let (_, jar) = visit.by_browser().await;
    let ben = jar.iter().find_map(|it| it.strip_prefix("palimpsest_access=")).unwrap();
    let last = off("oidc", ben).await;
    assert_eq!((last.status, last.code()), (409, "CONFLICT"), "{}", last.text);
    visit.stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tells_little_is_asked_for_the_rest_about_the_same_person() {
    let visit = Visit::open().await;
    visit.provider.is_terse();
    visit.provider.lies(Some(Lie::UserInfo));
    assert!(visit.by_browser().await.0.ends_with("#error=untrusted"));
    visit.provider.lies(None);
    assert!(visit.by_browser().await.0.ends_with("#signed_in=true"));

    for fault in [Fault::Broken, Fault::Leads] {
        visit.provider.fails(Some(fault));
        assert!(visit.by_browser().await.0.ends_with("#error=unavailable"), "{fault:?}");
    }
    let failed = visit.stage.events().await;
    let failed = failed.iter().filter(|it| it.event.type_name() == "sign_in.failed").count();
    assert_eq!(failed, 1, "what is down is no failed sign-in");
    visit.stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_never_answers_holds_nobody_up() {
    let provider = OpenidSimulator::start().await;
    let kind = ProviderKind::Openid { issuer: provider.url.clone(), trust_email: false };
    let settings = |kind| ProviderSettings {
        name: "oidc".into(),
        kind,
        client_id: CLIENT_ID.into(),
        client_secret: CLIENT_SECRET.into(),
        scopes: "openid".into(),
    };
    let made = |kind, timeout| {
        OpenidProviders::new(vec![settings(kind)], timeout, Arc::new(SystemClock)).unwrap()
    };
    let providers = made(kind, Duration::from_millis(300));
    let (verifier, redirect_uri) = ("v".repeat(43), "http://localhost:8080/back".to_owned());
    let authorization = Authorization {
        state: "a state".into(),
        nonce: "n".into(),
        challenge: providers.challenge(&verifier),
        redirect_uri: redirect_uri.clone(),
    };
    let url = providers.authorization_url("oidc", &authorization).await.unwrap();
    let browser = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let sent = answered(browser.get(url)).await;
    let back = Url::parse(sent.header("location")).unwrap();
    let code = back.query_pairs().find(|it| it.0 == "code").unwrap().1.into_owned();
    let redemption = |issuer: Option<&str>| Redemption {
        code: code.clone(),
        verifier: verifier.clone(),
        nonce: "n".into(),
        redirect_uri: redirect_uri.clone(),
        issuer: issuer.map(ToOwned::to_owned),
    };
    let mixed_up = providers.exchange("oidc", &redemption(Some("https://evil.example"))).await;
    assert!(matches!(mixed_up, Err(CommandError::Rejected(_))), "sent back by somebody else");
    provider.fails(Some(Fault::Silent));
    let hung = providers.exchange("oidc", &redemption(None)).await;
    assert!(matches!(hung, Err(CommandError::Unavailable(_))));
    provider.fails(None);
    let came = providers.exchange("oidc", &redemption(Some(&provider.url))).await;
    assert_eq!(came.ok().and_then(|it| it.email).as_deref(), Some(EMAIL));

    // An issuer that says it is another is none.
    let other = ProviderKind::Openid { issuer: format!("{}/", provider.url), trust_email: false };
    let other = made(other, Duration::from_secs(5));
    assert!(other.authorization_url("oidc", &authorization).await.is_err());
}
