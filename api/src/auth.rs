//! Who is calling, and what he may do.

use std::marker::PhantomData;

use async_trait::async_trait;
use commands::CommandError;
use commands::identity::{Identity, NoEntry};
use commands::ports::Caller;
use domain::identity::Permission;
use domain::kernel::{Cause, Origin, SessionId, Source};
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use uuid::Uuid;

use crate::accounts::cookies;
use crate::error::ApiError;

/// The longest token that is looked at.
const MAX_TOKEN: usize = 4_096;

/// Knows who holds a token.
#[async_trait]
pub trait Authenticate: Send + Sync {
    /// The holder of a bearer token, as the caller of the request with this id. Secrets are
    /// compared in constant time.
    async fn authenticate(&self, token: &str, request: Uuid) -> Result<Caller, Unauthenticated>;
}

/// Why a token lets nobody in.
#[derive(Debug, thiserror::Error)]
pub enum Unauthenticated {
    /// It is malformed, unknown, revoked or expired.
    #[error("the token is not valid: {0}")]
    Invalid(&'static str),
    /// Nobody could be asked.
    #[error(transparent)]
    Unavailable(#[from] CommandError),
}

#[async_trait]
impl Authenticate for Identity {
    async fn authenticate(&self, token: &str, request: Uuid) -> Result<Caller, Unauthenticated> {
        match Self::authenticate(self, token, request, Source::Api).await {
            Ok(caller) => Ok(caller),
            Err(NoEntry::Invalid) => Err(Unauthenticated::Invalid("unknown, revoked or expired")),
            Err(NoEntry::Unavailable(error)) => Err(Unauthenticated::Unavailable(error)),
        }
    }
}

/// What a request brought to say who calls.
#[derive(Clone)]
pub(crate) enum Credentials {
    Known(Caller),
    None,
    Refused(&'static str),
}

/// How a token came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    Cookie,
    Header,
}

/// Looks at the `Authorization` header, or else at the cookie that pages use.
pub(crate) async fn credentials(
    headers: &HeaderMap,
    knows: &dyn Authenticate,
    request: Uuid,
) -> Result<(Credentials, Carried), ApiError> {
    let (token, carried) = match headers.get(header::AUTHORIZATION) {
        Some(value) => {
            let text = value.to_str().unwrap_or_default();
            let token = match text.split_once(' ') {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
                _ => {
                    let refused = Credentials::Refused("the scheme must be Bearer");
                    return Ok((refused, Carried::Header));
                }
            };
            (token, Carried::Header)
        }
        None => match cookies::value(headers, cookies::ACCESS) {
            Some(token) => (token, Carried::Cookie),
            None => return Ok((Credentials::None, Carried::Header)),
        },
    };
    if token.is_empty() || token.len() > MAX_TOKEN {
        return Ok((Credentials::Refused("malformed"), carried));
    }
    let credentials = match knows.authenticate(token, request).await {
        Ok(caller) => Credentials::Known(caller),
        Err(Unauthenticated::Invalid(reason)) => Credentials::Refused(reason),
        Err(Unauthenticated::Unavailable(error)) => return Err(error.into()),
    };
    Ok((credentials, carried))
}

/// The session whose cookie changes something, where one does.
pub(crate) fn sent_by_cookie(
    request: &Request,
    credentials: &Credentials,
    carried: Carried,
) -> Option<SessionId> {
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    match credentials {
        Credentials::Known(caller) if carried == Carried::Cookie && !safe => {
            caller.session.as_ref().map(|it| it.session)
        }
        _ => None,
    }
}

impl Credentials {
    /// Whoever is known came from there.
    pub(crate) fn came_from(&mut self, origin: impl FnOnce() -> Origin) {
        if let Self::Known(caller) = self {
            caller.cause = caller.cause.clone().from(origin());
        }
    }

    /// Whom to count requests for.
    pub(crate) fn credential(&self) -> Option<String> {
        match self {
            Self::Known(caller) => {
                let actor = caller.actor();
                Some(format!("{}:{}", actor.kind.as_ref(), actor.id))
            }
            Self::None | Self::Refused(_) => None,
        }
    }

    /// The caller, if he may do this.
    pub(crate) fn allow(&self, needed: Permission) -> Result<&Caller, ApiError> {
        let unauthorized = |challenge: &'static str, code, message: String| {
            let error = ApiError::new(StatusCode::UNAUTHORIZED, message);
            let challenge = HeaderValue::from_static(challenge);
            ApiError { code, ..error }.with_header(header::WWW_AUTHENTICATE, challenge)
        };
        match self {
            Self::Known(caller) => {
                caller.require(needed)?;
                Ok(caller)
            }
            Self::None => Err(unauthorized(
                r#"Bearer realm="palimpsest""#,
                "UNAUTHORIZED",
                "this needs a token: sign in with POST /api/v1/auth/login, or send an API key, as \
                 Authorization: Bearer …"
                    .to_owned(),
            )),
            Self::Refused(reason) => Err(unauthorized(
                r#"Bearer realm="palimpsest", error="invalid_token""#,
                "INVALID_TOKEN",
                format!("the token is not valid: {reason}"),
            )),
        }
    }
}

/// A caller who may do what `P` says. The OpenAPI document names the permission, and the door
/// refuses everybody else before it looks at the rest of the request.
pub(crate) struct May<P> {
    pub(crate) caller: Caller,
    needed: PhantomData<P>,
}

/// A permission as a type.
pub(crate) trait Needed: Send + Sync + 'static {
    const PERMISSION: Permission;
}

impl<P> May<P> {
    /// Why the commands of this request are given.
    pub(crate) fn cause(&self) -> &Cause {
        &self.caller.cause
    }
}

impl<'a, P: Needed> ApiExtractor<'a> for May<P> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            SCHEME,
            MetaSecurityScheme {
                ty: "http",
                description: Some(
                    "An API key, `pal_<id>_<secret>`, or the access token of somebody who signed in.",
                ),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: Some("JWT, or pal_<id>_<secret>"),
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    /// Names the permission; [`openapi`](crate::openapi) puts the scheme in its place.
    fn security_schemes() -> Vec<&'static str> {
        vec![P::PERMISSION.as_str()]
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let credentials = request.extensions().get::<Credentials>();
        let caller = credentials.unwrap_or(&Credentials::None).allow(P::PERMISSION)?.clone();
        Ok(Self { caller, needed: PhantomData })
    }
}

/// The name of the security scheme in the OpenAPI document.
pub(crate) const SCHEME: &str = "api_key";

macro_rules! needed {
    ($($name:ident),+ $(,)?) => {$(
        pub(crate) struct $name;

        impl Needed for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    )+};
}

/// The permissions that endpoints ask for.
pub(crate) mod needs {
    use super::{Needed, Permission};

    needed! {
        ApproveSelfEdit,
        AuthorizeRequest,
        ErasePerson,
        ImportHistory,
        ManageApiKey,
        ManageBot,
        ManageConfig,
        ManageIntegration,
        ManageOrganization,
        ManageReplay,
        ManageRole,
        ManageSelfEditing,
        ManageUser,
        ProposeSelfEdit,
        ReadAnalytics,
        ReadAudit,
        ReadConfig,
        ReadConversation,
        ReadHistory,
        ReadIntegration,
        ReadLog,
        ReadProfile,
        ReadSelfEdit,
        ReadUser,
        RollbackSelfEdit,
        WriteConversation,
        WriteProfile,
    }
}
