//! `/auth/passkeys`: coming in without a password.

use commands::identity::accounts::SecondFactors;
use domain::identity::Method;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use super::entered::In;
use super::mfa::OTHERS;
use super::visitor::Visitor;
use crate::Tag;
use crate::answer::{Created, Found, Result, Written};
use crate::auth::{May, needs};
use crate::conditional::IfMatch;
use crate::request;

/// The API of passkeys.
pub(crate) struct PasskeysApi {
    pub(crate) second_factors: SecondFactors,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct PasskeyWish {
    /// Needed for the first second factor when you signed in more than ten minutes ago.
    #[oai(validator(min_length = 1, max_length = 128))]
    current_password: Option<String>,
}

/// For `navigator.credentials.create`.
#[derive(Object)]
struct PasskeyWanted {
    options: Any<Value>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewPasskey {
    /// How you call it.
    #[oai(validator(min_length = 1, max_length = 100))]
    name: String,
    /// What the browser answered, as JSON (`PublicKeyCredential.toJSON()`).
    credential: Any<Value>,
}

/// A passkey that was just made.
#[derive(Clone, Object)]
struct PasskeyMade {
    id: Uuid,
    name: String,
    /// With the first second factor of an account; they are shown this once, and null ever after.
    backup_codes: Option<Vec<String>>,
}

/// For `navigator.credentials.get`.
#[derive(Object)]
struct PasskeySignInBegun {
    /// A ticket, for once and for five minutes.
    passkey_token: String,
    options: Any<Value>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct PasskeySignIn {
    #[oai(validator(min_length = 1, max_length = 128))]
    passkey_token: String,
    /// What the browser answered, as JSON (`PublicKeyCredential.toJSON()`).
    credential: Any<Value>,
    /// Stay signed in for longer.
    #[oai(default)]
    remember_me: bool,
}

#[derive(Object)]
struct PasskeyList {
    passkeys: Vec<PasskeyView>,
}

#[derive(Object)]
struct PasskeyView {
    id: Uuid,
    name: String,
    added_at: String,
}

#[derive(Object)]
struct PasskeyRemoved {
    id: Uuid,
    removed: bool,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Identity")]
impl PasskeysApi {
    /// List your passkeys
    #[oai(path = "/auth/passkeys", method = "get", operation_id = "listPasskeys")]
    async fn list(&self, may: May<needs::ReadProfile>) -> Result<Found<PasskeyList>> {
        let known = self.second_factors.list(&may.caller).await?;
        let passkeys = known.factors.iter().filter(|(_, it)| it.method == Method::Passkey);
        let passkeys = passkeys.map(|(id, it)| PasskeyView {
            id: *id,
            name: it.name.shown().to_owned(),
            added_at: request::shown(it.added_at),
        });
        let list = PasskeyList { passkeys: passkeys.collect() };
        Ok(Found::of(list).version(known.version))
    }

    /// Begin to make a passkey
    ///
    /// Good for five minutes and one answer, in the same session.
    #[oai(
        path = "/auth/passkeys/register/begin",
        method = "post",
        operation_id = "beginPasskeyRegistration"
    )]
    async fn begin_registration(
        &self,
        may: May<needs::WriteProfile>,
        body: Json<PasskeyWish>,
    ) -> Result<Written<PasskeyWanted>> {
        let password = body.0.current_password.as_deref();
        let options = self.second_factors.begin_passkey(&may.caller, password).await?;
        Ok(Written::nothing(PasskeyWanted { options: Any(options) }))
    }

    /// Keep the passkey that the browser made
    #[oai(
        path = "/auth/passkeys/register/finish",
        method = "post",
        operation_id = "finishPasskeyRegistration"
    )]
    async fn finish_registration(
        &self,
        may: May<needs::WriteProfile>,
        body: Json<NewPasskey>,
    ) -> Result<Created<PasskeyMade>> {
        let NewPasskey { name, credential } = body.0;
        let made = self.second_factors.finish_passkey(&may.caller, name, &credential.0).await?;
        let shown_again = PasskeyMade { id: made.factor, name: made.name, backup_codes: None };
        let shown = PasskeyMade { backup_codes: made.backup_codes, ..shown_again.clone() };
        let path = format!("/api/v1/auth/passkeys/{}", made.factor);
        let answer = Created::at(made.position, shown).repeated_as(shown_again).location(path);
        Ok(answer.saying(OTHERS))
    }

    /// Begin to sign in by a passkey
    #[oai(
        path = "/auth/passkeys/authenticate/begin",
        method = "post",
        operation_id = "beginPasskeySignIn"
    )]
    async fn begin_sign_in(&self) -> Result<Written<PasskeySignInBegun>> {
        let (passkey_token, options) = self.second_factors.begin_sign_in().await?;
        let options = Any(options);
        Ok(Written::nothing(PasskeySignInBegun { passkey_token, options }))
    }

    /// Sign in by a passkey
    ///
    /// Its device has verified who holds it, so it counts as both factors. Answers with tokens as
    /// a login does, at the top level.
    #[oai(
        path = "/auth/passkeys/authenticate/finish",
        method = "post",
        operation_id = "finishPasskeySignIn"
    )]
    async fn finish_sign_in(&self, visitor: Visitor, body: Json<PasskeySignIn>) -> Result<In> {
        let PasskeySignIn { passkey_token, credential, remember_me } = body.0;
        let entered = self
            .second_factors
            .finish_sign_in(&visitor.cause, &passkey_token, &credential.0, remember_me)
            .await?;
        Ok(In::of(entered, &self.second_factors.accounts))
    }

    /// Remove a passkey
    ///
    /// Needs a second factor of the last ten minutes.
    #[oai(path = "/auth/passkeys/:passkey_id", method = "delete", operation_id = "removePasskey")]
    async fn remove(
        &self,
        may: May<needs::WriteProfile>,
        if_match: IfMatch,
        passkey_id: Path<Uuid>,
    ) -> Result<Written<PasskeyRemoved>> {
        let version = if_match.of(self.second_factors.list(&may.caller).await?.version)?;
        let (id, only) = (passkey_id.0, Some(Method::Passkey));
        let position = self.second_factors.remove(&may.caller, id, only, version).await?;
        Ok(Written::at(position, PasskeyRemoved { id, removed: true }).saying(OTHERS))
    }
}
