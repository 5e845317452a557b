//! Passkeys (WebAuthn): asks browsers for them, and judges what browsers bring.

use domain::kernel::UserId;
use serde_json::Value;
use uuid::Uuid;

use crate::CommandError;

/// Something a browser was asked for.
#[derive(Clone)]
pub struct Ceremony {
    /// For `navigator.credentials.create` or `get`, as JSON.
    pub options: Value,
    /// What judges the answer; it never leaves the platform.
    pub state: String,
}

/// For whom a passkey is made.
#[derive(Clone)]
pub struct Owner {
    pub user: UserId,
    /// How his device lists it.
    pub account: String,
    pub name: String,
}

/// A passkey as it is kept, under the id of its factor.
#[derive(Clone)]
pub struct KeptPasskey {
    pub factor: Uuid,
    pub passkey: Vec<u8>,
}

/// A passkey that was just made.
pub struct NewPasskey {
    pub passkey: Vec<u8>,
    pub counter: u64,
}

/// A passkey was shown, and is the one.
pub struct Proof {
    pub factor: Uuid,
    pub counter: u64,
    /// It is to be kept like this from now on.
    pub changed: Option<Vec<u8>>,
}

/// Why a passkey is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// The signature is right and the counter went back: there are two of it.
    #[error("the counter of a passkey went back")]
    Cloned { factor: Uuid },
    /// Nobody can say.
    #[error(transparent)]
    Failed(#[from] CommandError),
    /// Another challenge, origin, key or form; the reason is for the log.
    #[error("the passkey was not accepted: {0}")]
    Refused(String),
}

/// Asks for passkeys and judges them. The user is always verified by his device, so one counts as two factors.
pub trait Passkeys: Send + Sync {
    /// Asks for a new one, other than those known.
    fn begin_registration(
        &self,
        owner: &Owner,
        known: &[KeptPasskey],
    ) -> Result<Ceremony, CommandError>;

    fn finish_registration(
        &self,
        state: &str,
        credential: &Value,
    ) -> Result<NewPasskey, PasskeyError>;

    /// Asks for one of these; for whichever the browser finds when there are none.
    fn ask(&self, known: &[KeptPasskey]) -> Result<Ceremony, CommandError>;

    /// Whose the passkey says it is; it may lie.
    fn owner(&self, credential: &Value) -> Option<UserId>;

    /// Judges what was shown, against the one of these that it says it is.
    fn prove(
        &self,
        state: &str,
        credential: &Value,
        known: &[KeptPasskey],
    ) -> Result<Proof, PasskeyError>;
}
