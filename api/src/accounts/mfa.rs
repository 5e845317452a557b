//! `/auth/mfa`: second factors.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use commands::identity::accounts::{Evidence, SecondFactors};
use domain::identity::{Factor, Permission};
use poem::{FromRequest, IntoResponse, Request, RequestBody, Response};
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Any;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use super::entered::In;
use super::visitor::Visitor;
use crate::Tag;
use crate::answer::{Found, Result, Written};
use crate::auth::{Credentials, May, needs};
use crate::conditional::IfMatch;
use crate::error::ApiError;
use crate::request;

/// The API of second factors.
pub(crate) struct MfaApi {
    pub(crate) second_factors: SecondFactors,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct MfaSetup {
    /// `totp`; `sms` is refused until there is a gateway for it, and passkeys are made under
    /// `/auth/passkeys`.
    #[oai(validator(max_length = 20))]
    method: String,
    /// Where `sms` would go.
    #[oai(validator(max_length = 32))]
    phone: Option<String>,
    /// How you call the device.
    #[oai(validator(min_length = 1, max_length = 100))]
    name: Option<String>,
    /// Needed for the first second factor when you signed in more than ten minutes ago.
    #[oai(validator(min_length = 1, max_length = 128))]
    current_password: Option<String>,
}

/// What is shown once to who sets an authenticator app up; null in a repeat of the request.
#[derive(Clone, Object)]
struct MfaSetupBegun {
    /// A PNG as a data URL, for the app's camera.
    qr_code: Option<String>,
    /// The secret in Base32, to type it.
    secret: Option<String>,
    /// Each lets you in once without your device. They count once the set-up is confirmed.
    backup_codes: Option<Vec<String>>,
    /// `otpauth://totp/…`
    setup_uri: Option<String>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct MfaVerify {
    /// The six digits of the app, or a backup code.
    #[oai(validator(max_length = 64))]
    token: Option<String>,
    /// `totp`, `backup_code` or `passkey`.
    #[oai(validator(max_length = 20))]
    method: String,
    /// What the login answered with; without it this confirms a set-up.
    #[oai(validator(min_length = 1, max_length = 128))]
    mfa_token: Option<String>,
    /// What the browser answered to `POST /auth/mfa/passkey`, for the method `passkey`.
    credential: Option<Any<Value>>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct MfaStepUp {
    /// The six digits of the app, or a backup code.
    #[oai(validator(max_length = 64))]
    token: Option<String>,
    /// `totp`, `backup_code` or `passkey`.
    #[oai(validator(max_length = 20))]
    method: String,
    /// What the browser answered to `POST /auth/mfa/passkey`, for the method `passkey`.
    credential: Option<Any<Value>>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct MfaPasskey {
    /// What the login answered with; without it the passkey is for a step-up.
    #[oai(validator(min_length = 1, max_length = 128))]
    mfa_token: Option<String>,
}

/// A set-up is confirmed.
#[derive(Object)]
struct MfaConfirmed {
    verified: bool,
    remaining_backup_codes: u64,
}

/// A set-up is confirmed, or a login is finished.
enum Verified {
    Confirmed(Written<MfaConfirmed>),
    In(In),
}

/// Somebody who is signed in, or nobody yet.
struct Anybody {
    credentials: Credentials,
    visitor: Visitor,
}

/// For `navigator.credentials.get`.
#[derive(Object)]
struct PasskeyAsked {
    options: Any<Value>,
}

#[derive(Object)]
struct SteppedUp {
    verified: bool,
    /// Until then what is dangerous asks for nothing more.
    fresh_until: String,
}

/// What protects an account besides its password.
#[derive(Object)]
struct Mfa {
    enabled: bool,
    factors: Vec<FactorView>,
    remaining_backup_codes: u64,
}

#[derive(Object)]
struct FactorView {
    id: Uuid,
    /// `totp` or `passkey`.
    method: String,
    name: String,
    added_at: String,
}

/// Null in a repeat of the request.
#[derive(Clone, Object)]
struct BackupCodes {
    backup_codes: Option<Vec<String>>,
}

#[derive(Object)]
struct MfaOff {
    enabled: bool,
}

#[derive(Object)]
struct FactorRemoved {
    id: Uuid,
    removed: bool,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Identity")]
impl MfaApi {
    /// See what protects your account besides its password
    #[oai(path = "/auth/mfa", method = "get", operation_id = "getMfa")]
    async fn list(&self, may: May<needs::ReadProfile>) -> Result<Found<Mfa>> {
        let known = self.second_factors.list(&may.caller).await?;
        let factors: Vec<_> = known.factors.iter().map(FactorView::of).collect();
        let enabled = !factors.is_empty();
        let remaining_backup_codes = known.backup_codes as u64;
        let mfa = Mfa { enabled, factors, remaining_backup_codes };
        Ok(Found::of(mfa).version(known.version))
    }

    /// Begin to set an authenticator app up
    ///
    /// It counts once `POST /auth/mfa/verify` has seen a code of it, within ten minutes and in the
    /// same session.
    #[oai(path = "/auth/mfa/setup", method = "post", operation_id = "setUpMfa")]
    async fn set_up(
        &self,
        may: May<needs::WriteProfile>,
        body: Json<MfaSetup>,
    ) -> Result<Written<MfaSetupBegun>> {
        let MfaSetup { method, phone, name, current_password } = body.0;
        if method != "totp" {
            return Err(no_method(&method, "totp"));
        }
        if phone.is_some() {
            return Err(ApiError::field("phone", "is for the method sms alone"));
        }
        let password = current_password.as_deref();
        let begun = self.second_factors.begin_totp(&may.caller, name, password).await?;
        let qr_code = BASE64_STANDARD.encode(begun.qr_code);
        let shown_again =
            MfaSetupBegun { qr_code: None, secret: None, backup_codes: None, setup_uri: None };
        let shown = MfaSetupBegun {
            qr_code: Some(format!("data:image/png;base64,{qr_code}")),
            secret: Some(begun.secret),
            backup_codes: Some(begun.backup_codes),
            setup_uri: Some(begun.uri),
        };
        let answer = Written::nothing(shown).repeated_as(shown_again);
        Ok(answer.saying("confirm it with a code of the app; keep the backup codes"))
    }

    /// Confirm a set-up, or finish a login
    ///
    /// Without `mfa_token` this confirms the set-up that was begun in this session. With it, it is
    /// the second step of a login and answers with tokens as a login does, at the top level. Five
    /// wrong codes lock the second factors for a growing time.
    #[oai(path = "/auth/mfa/verify", method = "post", operation_id = "verifyMfa")]
    async fn verify(&self, anybody: Anybody, body: Json<MfaVerify>) -> Result<Verified> {
        let MfaVerify { token, method, mfa_token, credential } = body.0;
        let Some(mfa_token) = mfa_token else {
            let caller = anybody.credentials.allow(Permission::WriteProfile)?;
            if method != "totp" {
                return Err(no_method(&method, "totp"));
            }
            let code = token.ok_or_else(|| ApiError::field("token", "is required"))?;
            let (codes, position) = self.second_factors.confirm_totp(caller, &code).await?;
            let data = MfaConfirmed { verified: true, remaining_backup_codes: codes as u64 };
            return Ok(Verified::Confirmed(Written::at(position, data).saying(OTHERS)));
        };
        let evidence = evidence(&method, token, credential)?;
        let SecondFactors { accounts, .. } = &self.second_factors;
        let cause = &anybody.visitor.cause;
        let entered = self.second_factors.complete_login(cause, &mfa_token, &evidence).await?;
        Ok(Verified::In(In::of(entered, accounts)))
    }

    /// Show a second factor once more
    ///
    /// What is dangerous wants one of the last ten minutes: it answers 403 `STEP_UP_REQUIRED`
    /// without.
    #[oai(path = "/auth/mfa/step-up", method = "post", operation_id = "stepUp")]
    async fn step_up(
        &self,
        may: May<needs::ReadProfile>,
        body: Json<MfaStepUp>,
    ) -> Result<Written<SteppedUp>> {
        let MfaStepUp { token, method, credential } = body.0;
        let evidence = evidence(&method, token, credential)?;
        let (until, position) = self.second_factors.step_up(&may.caller, &evidence).await?;
        let data = SteppedUp { verified: true, fresh_until: request::shown(until) };
        Ok(Written::at(position, data))
    }

    /// Ask for a passkey as a second factor
    ///
    /// For a login that answered with `mfa_token`, or, signed in, for a step-up. Good for five
    /// minutes and one answer.
    #[oai(path = "/auth/mfa/passkey", method = "post", operation_id = "askForPasskey")]
    async fn ask(&self, anybody: Anybody, body: Json<MfaPasskey>) -> Result<Written<PasskeyAsked>> {
        let options = match &body.0.mfa_token {
            Some(mfa_token) => self.second_factors.ask_at_login(mfa_token).await?,
            None => {
                let caller = anybody.credentials.allow(Permission::ReadProfile)?;
                self.second_factors.ask_to_step_up(caller).await?
            }
        };
        Ok(Written::nothing(PasskeyAsked { options: Any(options) }))
    }

    /// Make new backup codes
    ///
    /// Those before are void. Needs a second factor of the last ten minutes.
    #[oai(path = "/auth/mfa/backup-codes", method = "post", operation_id = "makeBackupCodes")]
    async fn backup_codes(&self, may: May<needs::WriteProfile>) -> Result<Written<BackupCodes>> {
        let (codes, position) = self.second_factors.make_backup_codes(&may.caller).await?;
        let shown = BackupCodes { backup_codes: Some(codes) };
        let answer = Written::at(position, shown).repeated_as(BackupCodes { backup_codes: None });
        Ok(answer.saying("keep the codes: they are not shown again"))
    }

    /// Turn second factors off
    ///
    /// All of them, passkeys and backup codes included. Needs a second factor of the last ten
    /// minutes.
    #[oai(path = "/auth/mfa", method = "delete", operation_id = "disableMfa")]
    async fn disable(
        &self,
        may: May<needs::WriteProfile>,
        if_match: IfMatch,
    ) -> Result<Written<MfaOff>> {
        let version = if_match.of(self.second_factors.list(&may.caller).await?.version)?;
        let position = self.second_factors.disable(&may.caller, version).await?;
        Ok(Written::at(position, MfaOff { enabled: false }).saying(OTHERS))
    }

    /// Remove one second factor
    ///
    /// With the last one the backup codes go as well. Needs a second factor of the last ten
    /// minutes.
    #[oai(path = "/auth/mfa/factors/:factor_id", method = "delete", operation_id = "removeFactor")]
    async fn remove(
        &self,
        may: May<needs::WriteProfile>,
        if_match: IfMatch,
        factor_id: Path<Uuid>,
    ) -> Result<Written<FactorRemoved>> {
        let version = if_match.of(self.second_factors.list(&may.caller).await?.version)?;
        let id = factor_id.0;
        let position = self.second_factors.remove(&may.caller, id, None, version).await?;
        Ok(Written::at(position, FactorRemoved { id, removed: true }).saying(OTHERS))
    }
}

/// What is offered after a change of what protects an account.
pub(super) const OTHERS: &str =
    "done; if somebody else may be signed in, end your other sessions with DELETE /api/v1/sessions";

/// What somebody shows, as he calls it.
fn evidence(
    method: &str,
    token: Option<String>,
    credential: Option<Any<Value>>,
) -> Result<Evidence> {
    let code = || token.ok_or_else(|| ApiError::field("token", "is required"));
    match method {
        "backup_code" => Ok(Evidence::BackupCode(code()?)),
        "passkey" => match credential {
            Some(credential) => Ok(Evidence::Passkey(credential.0)),
            None => Err(ApiError::field("credential", "is required for a passkey")),
        },
        "totp" => Ok(Evidence::Totp(code()?)),
        other => Err(no_method(other, "backup_code, passkey or totp")),
    }
}

fn no_method(method: &str, instead: &str) -> ApiError {
    let reason = match method {
        "sms" => "there is no gateway for text messages; use totp".to_owned(),
        _ => format!("must be {instead} here"),
    };
    ApiError::field("method", reason)
}

impl FactorView {
    fn of((id, factor): &(Uuid, Factor)) -> Self {
        Self {
            id: *id,
            method: factor.method.as_ref().to_owned(),
            name: factor.name.shown().to_owned(),
            added_at: request::shown(factor.added_at),
        }
    }
}

impl<'a> FromRequest<'a> for Anybody {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let credentials = request.extensions().get::<Credentials>();
        let credentials = credentials.cloned().unwrap_or(Credentials::None);
        Ok(Self { credentials, visitor: Visitor::from_request(request, body).await? })
    }
}

impl IntoResponse for Verified {
    fn into_response(self) -> Response {
        match self {
            Self::Confirmed(answer) => answer.into_response(),
            Self::In(answer) => answer.into_response(),
        }
    }
}

impl ApiResponse for Verified {
    fn meta() -> MetaResponses {
        let both = [Written::<MfaConfirmed>::meta(), In::meta()];
        let both = both.into_iter().flat_map(|it| it.responses).flat_map(|it| it.content);
        let one_of = both.map(|it| it.schema).collect();
        let schema = MetaSchema { one_of, ..MetaSchema::ANY };
        let schema = MetaSchemaRef::Inline(Box::new(schema));
        let response = MetaResponse {
            description: "It was right; tokens come as cookies too.",
            status: Some(200),
            status_range: None,
            content: vec![MetaMediaType { content_type: "application/json", schema }],
            headers: Vec::new(),
        };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        Written::<MfaConfirmed>::register(registry);
        In::register(registry);
    }
}
