//! `/auth/oauth` and `/auth/discord`: coming in by what a provider says.

use commands::identity::accounts::{Accounts, Challenge, Entry};
use commands::identity::providers::{Begun, Brought, Providers, Wish};
use commands::{CommandError, describe};
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::{IntoResponse, Request, Response};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaResponse, MetaResponses, Registry};
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::cookies;
use super::entered::{In, Let};
use super::visitor::Visitor;
use crate::Tag;
use crate::answer::{Found, Result, Written};
use crate::error::ApiError;

/// Binds a visit to the browser it was begun in.
const BROWSER: &str = "palimpsest_oauth";

pub(crate) struct OauthApi {
    pub(crate) accounts: Accounts,
    pub(crate) providers: Providers,
    /// Where people land afterwards.
    pub(crate) dashboard: String,
}

#[derive(Object)]
struct ProviderNames {
    providers: Vec<String>,
}

/// Where to send somebody.
#[derive(Object)]
pub(super) struct AuthorizationStart {
    pub(super) authorization_url: String,
    pub(super) state: String,
}

/// What somebody brought back.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct CallbackBody {
    #[oai(validator(min_length = 1, max_length = 4096))]
    code: String,
    #[oai(validator(min_length = 1, max_length = 512))]
    state: String,
    /// Where the client made the challenge.
    #[oai(validator(min_length = 43, max_length = 128))]
    code_verifier: Option<String>,
    /// Who sent him back, where the provider says it (RFC 9207).
    #[oai(validator(max_length = 512))]
    iss: Option<String>,
}

impl CallbackBody {
    pub(super) fn brought(self, provider: String) -> Brought {
        let Self { code, state, code_verifier, iss } = self;
        Brought { provider, code, state, verifier: code_verifier, issuer: iss }
    }
}

impl From<Begun> for AuthorizationStart {
    fn from(begun: Begun) -> Self {
        Self { authorization_url: begun.authorization_url, state: begun.state }
    }
}

/// The answer, and a cookie that knows the browser again.
enum Start {
    Found(Found<AuthorizationStart>, String),
    Written(Written<AuthorizationStart>, String),
}

impl IntoResponse for Start {
    fn into_response(self) -> Response {
        let (mut response, browser) = match self {
            Self::Found(answer, browser) => (answer.into_response(), browser),
            Self::Written(answer, browser) => (answer.into_response(), browser),
        };
        let cookie = format!(
            "{BROWSER}={browser}; Path=/api/v1/auth; Max-Age=600; HttpOnly; Secure; SameSite=Lax"
        );
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        let never = HeaderValue::from_static("no-store");
        response.headers_mut().insert(header::CACHE_CONTROL, never);
        response
    }
}

impl ApiResponse for Start {
    fn meta() -> MetaResponses {
        Found::<AuthorizationStart>::meta()
    }

    fn register(registry: &mut Registry) {
        Found::<AuthorizationStart>::register(registry);
    }
}

/// A browser is sent on, its tokens as cookies, none in the address.
struct Onward(Response);

impl IntoResponse for Onward {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for Onward {
    fn meta() -> MetaResponses {
        let response = MetaResponse {
            description: "On to the dashboard; what went wrong stands behind the `#`.",
            status: Some(303),
            status_range: None,
            content: Vec::new(),
            headers: Vec::new(),
        };
        MetaResponses { responses: vec![response] }
    }

    fn register(_: &mut Registry) {}
}

/// For a browser, or for a program.
enum FromDiscord {
    Page(Onward),
    Program(Let),
}

impl IntoResponse for FromDiscord {
    fn into_response(self) -> Response {
        match self {
            Self::Page(onward) => onward.into_response(),
            Self::Program(answer) => answer.into_response(),
        }
    }
}

impl ApiResponse for FromDiscord {
    fn meta() -> MetaResponses {
        let both = [Let::meta(), Onward::meta()];
        MetaResponses { responses: both.into_iter().flat_map(|it| it.responses).collect() }
    }

    fn register(registry: &mut Registry) {
        Let::register(registry);
    }
}

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Tag::Identity")]
impl OauthApi {
    /// List the providers to sign in by
    #[oai(path = "/oauth", method = "get", operation_id = "listSignInProviders")]
    #[expect(clippy::unused_async, reason = "the framework asks for it")]
    async fn list(&self) -> Result<Found<ProviderNames>> {
        Ok(Found::of(ProviderNames { providers: self.providers.names() }))
    }

    /// Begin to sign in by a provider
    ///
    /// State, nonce and PKCE (S256) are made here where the client sends none; a client with a challenge of its
    /// own brings the verifier in the end.
    #[oai(path = "/oauth/:provider", method = "get", operation_id = "startProviderSignIn")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the API")]
    async fn start(
        &self,
        request: &Request,
        #[oai(validator(min_length = 1, max_length = 64))] provider: Path<String>,
        /// Where to come back to, one of `identity.providers.redirect_uris`; our own callback without.
        #[oai(validator(min_length = 1, max_length = 2048))]
        redirect_uri: Query<Option<String>>,
        #[oai(validator(min_length = 1, max_length = 512))] state: Query<Option<String>>,
        #[oai(validator(min_length = 1, max_length = 128))] code_challenge: Query<Option<String>>,
        /// Always `S256`.
        #[oai(validator(min_length = 1, max_length = 16))]
        code_challenge_method: Query<Option<String>>,
        #[oai(default)] remember_me: Query<bool>,
    ) -> Result<Start> {
        if code_challenge_method.0.is_some_and(|it| it != "S256") {
            return Err(ApiError::field("code_challenge_method", "must be S256"));
        }
        let wish = Wish {
            provider: provider.0,
            redirect_uri: redirect_uri.0,
            state: state.0,
            challenge: code_challenge.0,
            remember: remember_me.0,
        };
        let browser = browser(request.headers());
        let begun = self.providers.start(&browser, wish).await?;
        Ok(Start::Found(Found::of(begun.into()), browser))
    }

    /// Come in by what a provider sent along
    #[oai(
        path = "/oauth/:provider/callback",
        method = "post",
        operation_id = "finishProviderSignIn"
    )]
    async fn finish(
        &self,
        request: &Request,
        visitor: Visitor,
        #[oai(validator(min_length = 1, max_length = 64))] provider: Path<String>,
        body: Json<CallbackBody>,
    ) -> Result<Let> {
        let known = cookies::value(request.headers(), BROWSER).map(ToOwned::to_owned);
        let brought = body.0.brought(provider.0);
        let entry = self.providers.finish(&visitor.cause, known.as_deref(), brought).await?;
        Ok(Let::of(entry, &self.accounts))
    }

    /// The page a provider sends people back to
    #[oai(path = "/oauth/:provider/callback", method = "get", operation_id = "providerCallback")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the API")]
    async fn returned(
        &self,
        request: &Request,
        visitor: Visitor,
        #[oai(validator(min_length = 1, max_length = 64))] provider: Path<String>,
        #[oai(validator(max_length = 4096))] code: Query<Option<String>>,
        #[oai(validator(max_length = 512))] state: Query<Option<String>>,
        #[oai(validator(max_length = 512))] iss: Query<Option<String>>,
        /// Why the provider gives no code.
        #[oai(validator(max_length = 512))]
        error: Query<Option<String>>,
    ) -> Result<Onward> {
        let back = Back { code: code.0, state: state.0, iss: iss.0, error: error.0 };
        Ok(self.back(request, visitor, provider.0, back).await)
    }

    /// Begin to sign in by Discord
    #[oai(path = "/discord", method = "post", operation_id = "startDiscordSignIn")]
    async fn start_discord(&self, request: &Request) -> Result<Start> {
        let browser = browser(request.headers());
        let begun = self.providers.start_discord(&browser, Wish::default()).await?;
        Ok(Start::Written(Written::nothing(begun.into()), browser))
    }

    /// The page Discord sends people back to
    ///
    /// A browser is sent on to the dashboard; a program gets what a login answers.
    #[oai(path = "/discord/callback", method = "get", operation_id = "discordSignInCallback")]
    async fn returned_from_discord(
        &self,
        request: &Request,
        visitor: Visitor,
        #[oai(validator(max_length = 4096))] code: Query<Option<String>>,
        #[oai(validator(max_length = 512))] state: Query<Option<String>>,
        #[oai(validator(max_length = 512))] error: Query<Option<String>>,
    ) -> Result<FromDiscord> {
        let back = Back { code: code.0, state: state.0, iss: None, error: error.0 };
        let provider = "discord".to_owned();
        let page = request.header(header::ACCEPT).is_some_and(|it| it.contains("text/html"));
        if page {
            return Ok(FromDiscord::Page(self.back(request, visitor, provider, back).await));
        }
        match self.arrived(request, visitor, provider, back).await? {
            Arrived::Entered(entry) => Ok(FromDiscord::Program(Let::of(entry, &self.accounts))),
            Arrived::Linked(position) => {
                Ok(FromDiscord::Page(self.on("linked=true").showing(position)))
            }
            Arrived::Not => {
                let message = "you or Discord did not agree; begin again";
                Err(ApiError::new(StatusCode::FORBIDDEN, message))
            }
        }
    }
}

/// What a provider's redirect brought.
struct Back {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// What became of a visit.
enum Arrived {
    Entered(Entry),
    /// By this commit.
    Linked(u64),
    /// He or the provider did not agree.
    Not,
}

impl OauthApi {
    /// Somebody's browser is back, and is sent on.
    async fn back(
        &self,
        request: &Request,
        visitor: Visitor,
        provider: String,
        back: Back,
    ) -> Onward {
        match self.arrived(request, visitor, provider, back).await {
            Ok(Arrived::Entered(Entry::In(entered))) => {
                let onward = self.on("signed_in=true").showing(entered.position);
                Onward(In::of(*entered, &self.accounts).on(onward.0))
            }
            Ok(Arrived::Entered(Entry::Challenge(Challenge { mfa_token, methods, .. }))) => {
                let methods: Vec<_> = methods.iter().map(AsRef::as_ref).collect();
                let mut onward = self.on(&format!("mfa_required={}", methods.join(",")));
                cookies::ask(&mut onward.0, &mfa_token);
                onward
            }
            Ok(Arrived::Linked(position)) => self.on("linked=true").showing(position),
            Ok(Arrived::Not) => self.on("error=provider_refused"),
            Err(error) => self.on(&format!("error={}", word(&error))),
        }
    }

    /// Somebody is back: he links the account to his own when that was begun in his session, or comes in.
    async fn arrived(
        &self,
        request: &Request,
        visitor: Visitor,
        provider: String,
        back: Back,
    ) -> std::result::Result<Arrived, CommandError> {
        let known = cookies::value(request.headers(), BROWSER);
        let Back { code, state, iss: issuer, error } = back;
        let state = state.unwrap_or_default();
        let Some(code) = code.filter(|_| error.is_none()) else {
            self.providers.give_up(known, visitor.caller.as_ref(), &provider, &state).await?;
            return Ok(Arrived::Not);
        };
        let brought = Brought { provider, code, state, verifier: None, issuer };
        if let Some(caller) = visitor.caller.as_ref().filter(|it| it.session.is_some())
            && let Some(position) = self.providers.link(caller, &brought).await?
        {
            return Ok(Arrived::Linked(position));
        }
        let entry = self.providers.finish(&visitor.cause, known, brought).await?;
        Ok(Arrived::Entered(entry))
    }

    /// To the dashboard. What it has to know stands where no server sees it, and holds no secret.
    fn on(&self, tells: &str) -> Onward {
        let to = format!("{}#{tells}", self.dashboard);
        let builder = Response::builder().status(StatusCode::SEE_OTHER);
        Onward(builder.header(header::LOCATION, to).finish())
    }
}

impl Onward {
    /// The page that comes next sees the effect.
    fn showing(mut self, position: u64) -> Self {
        self.0.headers_mut().insert("x-event-position", position.into());
        self
    }
}

/// Why somebody is not in, in a word that a page knows.
fn word(error: &CommandError) -> String {
    match error {
        CommandError::Rejected(no) => {
            let details = no.details.as_ref().and_then(|it| it["reason"].as_str());
            details.unwrap_or("refused").to_owned()
        }
        other => {
            tracing::warn!(error = %describe(other), "a sign-in by a provider failed");
            "unavailable".to_owned()
        }
    }
}

/// What knows this browser again; made for one that has none.
fn browser(headers: &HeaderMap) -> String {
    let known = cookies::value(headers, BROWSER).filter(|it| it.len() == 64);
    known.map_or_else(secret, ToOwned::to_owned)
}

fn secret() -> String {
    let (one, other) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    format!("{}{}", one.simple(), other.simple())
}
