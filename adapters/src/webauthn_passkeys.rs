//! Passkeys by `webauthn-rs`.
//!
//! A sign-in and a second factor are the same ceremony: the one names no credentials, so that the browser looks for
//! one, the other names those of a known user. Each state goes into a ticket of the platform, which is good for once.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use commands::ports::{Ceremony, KeptPasskey, NewPasskey, Owner, PasskeyError, Passkeys, Proof};
use commands::{CommandError, Refusal};
use domain::kernel::{Ground, UserId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Webauthn, WebauthnBuilder, WebauthnError,
};

/// The relying party; none where the platform has no host name that passkeys could be bound to.
pub struct WebauthnPasskeys(Option<Webauthn>);

impl WebauthnPasskeys {
    /// Passkeys are bound to the host of this address, and asked for by this product.
    pub fn new(public_url: &str, product: &str) -> Self {
        let relying = Url::parse(public_url).ok().and_then(|origin| {
            let host = origin.domain()?.to_owned();
            WebauthnBuilder::new(&host, &origin).ok()?.rp_name(product).build().ok()
        });
        Self(relying)
    }

    fn relying(&self) -> Result<&Webauthn, CommandError> {
        self.0.as_ref().ok_or_else(|| {
            let reason = "passkeys are bound to a host name, and this installation has none: set \
                          identity.public_url";
            CommandError::Rejected(Box::new(Refusal {
                ground: Ground::State,
                reason: reason.to_owned(),
                code: None,
                field: None,
                details: None,
            }))
        })
    }
}

impl Passkeys for WebauthnPasskeys {
    fn begin_registration(
        &self,
        owner: &Owner,
        known: &[KeptPasskey],
    ) -> Result<Ceremony, CommandError> {
        let relying = self.relying()?;
        let known = passkeys(known)?.into_iter().map(|(_, it)| it.cred_id().clone()).collect();
        let (user, account, name) = (owner.user.0, &owner.account, &owner.name);
        let begun = relying.start_passkey_registration(user, account, name, Some(known));
        let (options, state) = begun.map_err(CommandError::unavailable)?;
        let mut options = json(&options)?;
        // A device that can should keep it so that it is found without a user name.
        options["publicKey"]["authenticatorSelection"]["residentKey"] = json!("preferred");
        Ok(Ceremony { options, state: json(&state)?.to_string() })
    }

    fn finish_registration(
        &self,
        state: &str,
        credential: &Value,
    ) -> Result<NewPasskey, PasskeyError> {
        let state: PasskeyRegistration = kept(state.as_bytes())?;
        let shown: RegisterPublicKeyCredential = brought(credential)?;
        let passkey = self.relying()?.finish_passkey_registration(&shown, &state);
        let passkey = json(&passkey.map_err(refused)?)?;
        let counter = passkey["cred"]["counter"].as_u64().unwrap_or_default();
        Ok(NewPasskey { passkey: passkey.to_string().into_bytes(), counter })
    }

    fn ask(&self, known: &[KeptPasskey]) -> Result<Ceremony, CommandError> {
        let begun = self.relying()?.start_discoverable_authentication();
        let (options, state) = begun.map_err(CommandError::unavailable)?;
        let mut options = json(&options)?;
        // Which kind of prompt it is, is for the page to say.
        if let Some(options) = options.as_object_mut() {
            options.remove("mediation");
        }
        let allowed = passkeys(known)?.into_iter().map(|(_, it)| {
            let id = BASE64_URL_SAFE_NO_PAD.encode(it.cred_id());
            json!({ "type": "public-key", "id": id })
        });
        options["publicKey"]["allowCredentials"] = allowed.collect();
        Ok(Ceremony { options, state: json(&state)?.to_string() })
    }

    fn owner(&self, credential: &Value) -> Option<UserId> {
        let shown: PublicKeyCredential = brought(credential).ok()?;
        let (user, _) = self.0.as_ref()?.identify_discoverable_authentication(&shown).ok()?;
        Some(UserId(user))
    }

    fn prove(
        &self,
        state: &str,
        credential: &Value,
        known: &[KeptPasskey],
    ) -> Result<Proof, PasskeyError> {
        let relying = self.relying()?;
        let state: DiscoverableAuthentication = kept(state.as_bytes())?;
        let shown: PublicKeyCredential = brought(credential)?;
        let known = passkeys(known)?.into_iter();
        let mut known =
            known.filter(|(_, it)| it.cred_id().as_slice() == shown.get_credential_id());
        let Some((factor, mut passkey)) = known.next() else {
            return Err(PasskeyError::Refused("a credential that is not known".to_owned()));
        };
        let key = DiscoverableKey::from(&passkey);
        let proved = match relying.finish_discoverable_authentication_v2(&shown, state, key) {
            Ok(proved) => proved,
            Err(WebauthnError::CredentialPossibleCompromise) => {
                return Err(PasskeyError::Cloned { factor });
            }
            Err(error) => return Err(refused(error)),
        };
        let changed = match passkey.update_credential(&proved) {
            Some(true) => Some(json(&passkey)?.to_string().into_bytes()),
            Some(false) | None => None,
        };
        Ok(Proof { factor, counter: proved.counter().into(), changed })
    }
}

fn passkeys(known: &[KeptPasskey]) -> Result<Vec<(uuid::Uuid, Passkey)>, CommandError> {
    known.iter().map(|it| Ok((it.factor, kept(&it.passkey)?))).collect()
}

/// What the platform kept itself.
fn kept<T: DeserializeOwned>(text: &[u8]) -> Result<T, CommandError> {
    serde_json::from_slice(text).map_err(CommandError::unavailable)
}

/// What a browser brought.
fn brought<T: DeserializeOwned>(credential: &Value) -> Result<T, PasskeyError> {
    T::deserialize(credential).map_err(|error| PasskeyError::Refused(error.to_string()))
}

fn json(value: &impl serde::Serialize) -> Result<Value, CommandError> {
    serde_json::to_value(value).map_err(CommandError::unavailable)
}

fn refused(error: WebauthnError) -> PasskeyError {
    PasskeyError::Refused(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_need_a_host_name() {
        for (url, works) in [
            ("https://pal.example.com", true),
            ("https://pal.example.com:8443/dashboard", true),
            ("http://localhost:8080", true),
            ("http://127.0.0.1:8080", false),
            ("", false),
        ] {
            let asked = WebauthnPasskeys::new(url, "Palimpsest").ask(&[]);
            assert_eq!(asked.is_ok(), works, "{url}");
        }
    }

    #[test]
    fn a_sign_in_asks_for_any_passkey_of_this_host() {
        let passkeys = WebauthnPasskeys::new("https://pal.example.com", "Palimpsest");
        let options = passkeys.ask(&[]).unwrap().options;
        assert_eq!(options["publicKey"]["rpId"], "pal.example.com");
        assert_eq!(options["publicKey"]["userVerification"], "required");
        assert_eq!(options["publicKey"]["allowCredentials"], json!([]));
        let again = passkeys.ask(&[]).unwrap().options;
        assert_ne!(options["publicKey"]["challenge"], again["publicKey"]["challenge"]);
    }

    #[test]
    fn a_registration_wants_what_is_found_again() {
        let passkeys = WebauthnPasskeys::new("https://pal.example.com", "Palimpsest");
        let user = UserId(uuid::Uuid::from_u128(7));
        let owner = Owner { user, account: "ana@acme.com".into(), name: "Ana".into() };
        let options = passkeys.begin_registration(&owner, &[]).unwrap().options;
        let selection = &options["publicKey"]["authenticatorSelection"];
        assert_eq!(selection["residentKey"], "preferred");
        assert_eq!(selection["userVerification"], "required");
        assert_eq!(options["publicKey"]["attestation"], "none");
        assert_eq!(options["publicKey"]["user"]["name"], "ana@acme.com");
    }

    #[test]
    fn what_is_no_credential_is_refused() {
        let passkeys = WebauthnPasskeys::new("https://pal.example.com", "Palimpsest");
        let state = passkeys.ask(&[]).unwrap().state;
        for wrong in [json!({}), json!([]), json!({ "id": "a", "rawId": "!", "type": 7 })] {
            let refused = passkeys.prove(&state, &wrong, &[]);
            assert!(matches!(refused, Err(PasskeyError::Refused(_))), "{wrong}");
            assert!(passkeys.owner(&wrong).is_none());
        }
    }
}
