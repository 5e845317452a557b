//! `/auth`: coming in, staying, leaving.

use commands::identity::accounts::{Accounts, LogIn, NewAccount};
use poem::{IntoResponse, Response};
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::cookies;
use super::entered::{In, Let};
use super::me::{MeAnswer, UserView};
use super::visitor::Visitor;
use crate::Tag;
use crate::answer::{Found, Result, Written};
use crate::auth::{May, needs};
use crate::error::ApiError;
use crate::views::Views;

#[derive(Clone)]
pub(crate) struct AuthApi {
    pub(crate) accounts: Accounts,
    pub(crate) views: Views,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct Registration {
    #[oai(validator(min_length = 1, max_length = 320))]
    email: String,
    /// 12 to 128 characters, and none of those that are tried first.
    #[oai(validator(min_length = 1, max_length = 1024))]
    password: String,
    #[oai(validator(min_length = 1, max_length = 200))]
    name: String,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct Login {
    #[oai(validator(min_length = 1, max_length = 320))]
    email: String,
    #[oai(validator(min_length = 1, max_length = 1024))]
    password: String,
    /// Stay signed in for longer.
    #[oai(default)]
    remember_me: bool,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct Refresh {
    /// Without it, the one of the cookie.
    #[oai(validator(min_length = 1, max_length = 512))]
    refresh_token: Option<String>,
}

/// Nobody is signed in any more.
#[derive(Object)]
struct LoggedOut {
    logged_out: bool,
}

/// The answer to leaving takes the cookies back.
struct Left(Written<LoggedOut>);

impl IntoResponse for Left {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        cookies::take(&mut response);
        response
    }
}

impl ApiResponse for Left {
    fn meta() -> MetaResponses {
        Written::<LoggedOut>::meta()
    }

    fn register(registry: &mut Registry) {
        Written::<LoggedOut>::register(registry);
    }
}

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Tag::Identity")]
impl AuthApi {
    /// Make an account, and come in
    #[oai(path = "/register", method = "post", operation_id = "register")]
    async fn register(&self, visitor: Visitor, body: Json<Registration>) -> Result<In> {
        let Registration { email, password, name } = body.0;
        let new = NewAccount { email, password, name };
        Ok(In::of(self.accounts.register(&visitor.cause, new).await?, &self.accounts))
    }

    /// Come in by address and password
    ///
    /// Whoever has a second factor is asked for it: `{mfa_required: true, mfa_token, methods}`.
    #[oai(path = "/login", method = "post", operation_id = "login")]
    async fn login(&self, visitor: Visitor, body: Json<Login>) -> Result<Let> {
        let Login { email, password, remember_me: remember } = body.0;
        let log_in = LogIn { email, password, remember };
        Ok(Let::of(self.accounts.log_in(&visitor.cause, log_in).await?, &self.accounts))
    }

    /// Trade a refresh token for new tokens
    ///
    /// Each is good once. One that comes a second time ends the session: somebody has a copy.
    #[oai(path = "/refresh", method = "post", operation_id = "refresh")]
    async fn refresh(&self, visitor: Visitor, body: Json<Refresh>) -> Result<In> {
        let token = body.0.refresh_token.or(visitor.refresh_token);
        let token = token.ok_or_else(|| ApiError::field("refresh_token", "is required"))?;
        Ok(In::of(self.accounts.refresh(&visitor.cause, &token).await?, &self.accounts))
    }

    /// Leave
    ///
    /// Ends the session of the refresh token, or of the access token that the request came with.
    #[oai(path = "/logout", method = "post", operation_id = "logout")]
    async fn logout(&self, visitor: Visitor, body: Json<Refresh>) -> Result<Left> {
        let token = body.0.refresh_token;
        let position = match (token, visitor.caller, visitor.refresh_token) {
            (Some(token), _, _) => self.accounts.log_out_by(&visitor.cause, &token).await?,
            (None, Some(caller), _) => self.accounts.log_out(&caller).await?,
            (None, None, Some(token)) => self.accounts.log_out_by(&visitor.cause, &token).await?,
            (None, None, None) => {
                let reason = "is required, or a token as Authorization: Bearer …";
                return Err(ApiError::field("refresh_token", reason));
            }
        };
        let data = LoggedOut { logged_out: true };
        Ok(Left(Written::at(position, data).saying("you are signed out")))
    }

    /// Who am I
    #[oai(path = "/me", method = "get", operation_id = "me")]
    async fn me(&self, may: May<needs::ReadProfile>) -> Result<Found<MeAnswer>> {
        let loaded = self.accounts.me(&may.caller).await?;
        let user = UserView::of(&self.accounts, &self.views, loaded.aggregate).await?;
        Ok(Found::of(MeAnswer { user }).seen_at(Some(loaded.version)))
    }
}
