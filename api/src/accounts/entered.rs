//! What somebody gets who came in: bare, as client libraries read it (RFC 6749, 5.1).

use commands::identity::accounts::{Account, Accounts, Challenge, Entered, Entry};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::ToJSON;
use poem_openapi::{ApiResponse, Object, Union};
use uuid::Uuid;

use super::cookies;

/// Whose the tokens are.
#[derive(Object)]
pub(super) struct TokenUser {
    id: Uuid,
    email: String,
    name: String,
    roles: Vec<String>,
    permissions: Vec<String>,
    organization_id: Option<Uuid>,
}

impl TokenUser {
    pub(super) fn of(account: &Account) -> Self {
        Self {
            id: account.id.0,
            email: account.email.shown().to_owned(),
            name: account.name.shown().to_owned(),
            roles: account.roles.iter().map(ToString::to_string).collect(),
            permissions: account.permissions.iter().map(ToOwned::to_owned).collect(),
            organization_id: account.organization.map(|it| it.0),
        }
    }
}

/// The tokens.
#[derive(Object)]
pub(crate) struct TokenAnswer {
    access_token: String,
    /// It is good once: each answer brings the next.
    refresh_token: String,
    /// Always `Bearer`.
    token_type: String,
    /// How long the access token is good, in seconds.
    expires_in: u64,
    user: TokenUser,
}

/// A second factor is wanted.
#[derive(Object)]
pub(crate) struct MfaChallenge {
    /// Always true.
    mfa_required: bool,
    /// For `POST /auth/mfa/verify`, within five minutes.
    mfa_token: String,
    /// What can be shown: `totp`, `passkey`, `backup_code`.
    methods: Vec<String>,
}

/// Tokens, or what is wanted before.
#[derive(Union)]
#[oai(one_of)]
pub(crate) enum LoginAnswer {
    Challenge(MfaChallenge),
    Tokens(TokenAnswer),
}

/// Somebody came in.
pub(crate) struct In {
    entered: Entered,
    csrf: String,
}

/// Somebody came in, or nearly.
pub(crate) enum Let {
    In(Box<In>),
    Asked(Challenge),
}

impl In {
    pub(crate) fn of(entered: Entered, accounts: &Accounts) -> Self {
        Self { csrf: accounts.csrf_token(entered.session), entered }
    }

    fn body(&self) -> TokenAnswer {
        let Entered { access_token, refresh_token, expires_in, account, .. } = &self.entered;
        TokenAnswer {
            access_token: access_token.clone(),
            refresh_token: refresh_token.clone(),
            token_type: "Bearer".to_owned(),
            expires_in: *expires_in,
            user: TokenUser::of(account),
        }
    }

    /// The tokens as cookies, on an answer of another kind.
    pub(crate) fn on(&self, mut response: Response) -> Response {
        cookies::give(&mut response, &self.entered, &self.csrf);
        response
    }
}

impl Let {
    pub(crate) fn of(entry: Entry, accounts: &Accounts) -> Self {
        match entry {
            Entry::Challenge(challenge) => Self::Asked(challenge),
            Entry::In(entered) => Self::In(Box::new(In::of(*entered, accounts))),
        }
    }
}

impl IntoResponse for In {
    fn into_response(self) -> Response {
        let response = bare(self.body().to_json_string(), self.entered.position);
        self.on(response)
    }
}

impl IntoResponse for Let {
    fn into_response(self) -> Response {
        match self {
            Self::In(entered) => entered.into_response(),
            Self::Asked(Challenge { mfa_token, methods, position }) => {
                let methods = methods.iter().map(|it| it.as_ref().to_owned()).collect();
                let body = MfaChallenge { mfa_required: true, mfa_token, methods };
                bare(body.to_json_string(), position)
            }
        }
    }
}

fn bare(body: String, position: u64) -> Response {
    let builder = Response::builder().status(StatusCode::OK).content_type("application/json");
    let builder = builder.header("X-Event-Position", position);
    let mut response = builder.body(body);
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    response
}

macro_rules! answers_with {
    ($answer:ty: $body:ty) => {
        impl ApiResponse for $answer {
            fn meta() -> MetaResponses {
                let schema = <Json<$body> as Payload>::schema_ref();
                let content = vec![MetaMediaType { content_type: "application/json", schema }];
                let description = "It worked; the tokens come as cookies too.";
                let response = MetaResponse {
                    description,
                    status: Some(200),
                    status_range: None,
                    content,
                    headers: Vec::new(),
                };
                MetaResponses { responses: vec![response] }
            }

            fn register(registry: &mut Registry) {
                <Json<$body> as Payload>::register(registry);
            }
        }
    };
}

answers_with!(In: TokenAnswer);
answers_with!(Let: LoginAnswer);
