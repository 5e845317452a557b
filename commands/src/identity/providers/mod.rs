//! Signing in by providers, and which accounts at them belong to whom.
//!
//! An account at a provider is known by the provider and the provider's own id of it, never by a mail address: those
//! change hands. An account here and one there are only brought together by somebody who is in both.

mod begin;
mod finish;
mod links;
mod redirects;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::kernel::{Ground, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use links::Link;
pub use redirects::{RedirectUris, WrongRedirect};

use super::accounts::{Accounts, SecondFactors};
use crate::ports::SignInProviders;
use crate::{CommandError, Refusal};

/// The door to providers.
#[derive(Clone)]
pub struct Providers {
    pub accounts: Accounts,
    pub port: Arc<dyn SignInProviders>,
    pub redirects: RedirectUris,
    pub second_factors: SecondFactors,
}

/// Who wants to be sent to a provider.
#[derive(Clone, Default)]
pub struct Wish {
    pub provider: String,
    /// Where he shall come back to; our own callback without one.
    pub redirect_uri: Option<String>,
    /// One of the client's own.
    pub state: Option<String>,
    /// The client has the verifier, and brings it in the end.
    pub challenge: Option<String>,
    /// Stay signed in for longer.
    pub remember: bool,
}

/// Where to send him.
pub struct Begun {
    pub authorization_url: String,
    pub state: String,
}

/// What a person brought back from a provider.
#[derive(Clone)]
pub struct Brought {
    pub provider: String,
    pub code: String,
    pub state: String,
    /// Where the client made the challenge.
    pub verifier: Option<String>,
    /// Who sent him back, where the provider says it (RFC 9207).
    pub issuer: Option<String>,
}

/// What is kept of a visit to a provider until he is back.
#[derive(Serialize, Deserialize)]
struct Visit {
    nonce: String,
    redirect_uri: String,
    challenge: String,
    /// None when the client has it.
    verifier: Option<String>,
    remember: bool,
    /// Who links an account to his own.
    user: Option<UserId>,
    until: DateTime<Utc>,
}

impl Providers {
    /// The names of the providers that are configured.
    pub fn names(&self) -> Vec<String> {
        self.port.names()
    }

    /// Refuses a provider that there is not.
    fn require(&self, provider: &str) -> Result<(), CommandError> {
        let names = self.port.names();
        if names.iter().any(|it| it == provider) {
            return Ok(());
        }
        let reason = match names.as_slice() {
            [] => "no provider is configured to sign in by".to_owned(),
            names => format!("there is no such provider; there are {}", names.join(", ")),
        };
        let details = Some(json!({ "providers": names }));
        let (ground, code, field) = (Ground::Missing, None, None);
        Err(CommandError::Rejected(Box::new(Refusal { ground, reason, code, field, details })))
    }

    fn now(&self) -> DateTime<Utc> {
        self.accounts.journal.clock().now()
    }
}

/// A refusal with a word for pages that show it in words of their own.
fn refused(
    ground: Ground,
    code: Option<&'static str>,
    word: &str,
    reason: impl Into<String>,
) -> CommandError {
    let (reason, details) = (reason.into(), Some(json!({ "reason": word })));
    CommandError::Rejected(Box::new(Refusal { ground, reason, code, field: None, details }))
}

/// How the claim of an account at a provider is called: the value's kind, and the field that is refused.
const ACCOUNT: (&str, &str) = ("account", "account");

/// What an account at a provider is claimed by.
fn account_value(provider: &str, subject: &str) -> String {
    format!("{provider}|{subject}")
}
