//! The same person at Discord, GitHub and Microsoft, each of which has ways of its own.

use std::sync::Arc;

use poem::web::{Data, Form, Json, Query};
use poem::{Response, Route, get, handler, post};
use serde_json::{Value, json};

use super::{Asked, Redeemed, State, TENANT, bearer, refused, said};

/// Their doors beside those that are there.
pub(super) fn added(route: Route) -> Route {
    route
        .at("/api/oauth2/authorize", get(authorize))
        .at("/api/oauth2/token", post(discord_token))
        .at("/api/users/@me", get(discord_user))
        .at("/login/oauth/authorize", get(authorize))
        .at("/login/oauth/access_token", post(github_token))
        .at("/user", get(github_user))
        .at("/user/emails", get(github_emails))
        .at("/common/v2.0/.well-known/openid-configuration", get(microsoft))
        .at("/microsoft/token", post(microsoft_token))
}

/// Neither knows a nonce.
#[handler]
fn authorize(state: Data<&Arc<State>>, asked: Query<Asked>) -> Response {
    let right = asked.nonce.is_none() && !asked.scope.is_empty();
    state.send_back(asked.0, right)
}

#[handler]
fn discord_token(
    state: Data<&Arc<State>>,
    request: &poem::Request,
    form: Form<Redeemed>,
) -> Response {
    match state.redeem(request, form.0) {
        Ok((_, access)) => bearer(&access, None),
        Err(error) => refused(error),
    }
}

#[handler]
fn discord_user(state: Data<&Arc<State>>, request: &poem::Request) -> Response {
    let Some(account) = state.shown(request) else { return refused("401: Unauthorized") };
    said(&json!({
        "id": account.subject,
        "username": "ana",
        "global_name": "Ana",
        "discriminator": "0",
        "email": account.email,
        "verified": account.verified,
    }))
}

/// GitHub answers 200 whatever is wrong.
#[handler]
fn github_token(
    state: Data<&Arc<State>>,
    request: &poem::Request,
    form: Form<Redeemed>,
) -> Response {
    match state.redeem(request, form.0) {
        Ok((_, access)) => bearer(&access, None),
        Err("invalid_grant") => said(&json!({ "error": "bad_verification_code" })),
        Err(_) => said(&json!({ "error": "incorrect_client_credentials" })),
    }
}

#[handler]
fn github_user(state: Data<&Arc<State>>, request: &poem::Request) -> Response {
    let Some(account) = state.shown(request) else { return refused("Bad credentials") };
    let id: u64 = account.subject.parse().unwrap_or_default();
    // What people show on their page is whatever they like.
    said(&json!({ "id": id, "login": "ana", "name": null, "email": "shown@evil.example" }))
}

#[handler]
fn github_emails(state: Data<&Arc<State>>, request: &poem::Request) -> Response {
    let Some(account) = state.shown(request) else { return refused("Bad credentials") };
    said(&json!([
        { "email": "second@evil.example", "primary": false, "verified": true },
        { "email": account.email, "primary": true, "verified": account.verified },
    ]))
}

#[handler]
fn microsoft(state: Data<&Arc<State>>) -> Json<Value> {
    let url = &state.url;
    Json(json!({
        "issuer": format!("{url}/{{tenantid}}/v2.0"),
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/microsoft/token"),
        "jwks_uri": format!("{url}/keys"),
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
    }))
}

/// Of an address it says whether its owner's domain is verified, and only where that was asked for.
#[handler]
fn microsoft_token(
    state: Data<&Arc<State>>,
    request: &poem::Request,
    form: Form<Redeemed>,
) -> Response {
    let (asked, access) = match state.redeem(request, form.0) {
        Ok(redeemed) => redeemed,
        Err(error) => return refused(error),
    };
    let verified = super::held(&state.account).verified;
    let claims = json!({
        "iss": format!("{}/{TENANT}/v2.0", state.url),
        "tid": TENANT,
        "email_verified": null,
        "xms_edov": verified,
    });
    bearer(&access, Some(&state.id_token(&asked, &claims)))
}
