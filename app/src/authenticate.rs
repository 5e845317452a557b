//! Who holds a token: a person who signed in, an API key, or a command of this very process.

use api::{Authenticate, Unauthenticated};
use async_trait::async_trait;
use commands::behaviors::powers_of;
use commands::identity::accounts::Accounts;
use commands::identity::{ApiToken, Identity, NoEntry};
use commands::ports::Caller;
use domain::identity::Permissions;
use domain::kernel::{Actor, Cause, Source};
use uuid::Uuid;

/// See the module.
pub(crate) struct Keys {
    pub accounts: Accounts,
    pub identity: Identity,
    /// Set when the process serves nobody but its own command line; it is never written down.
    pub own: Option<OwnToken>,
}

/// A token that lives as long as the process.
#[derive(Clone)]
pub struct OwnToken(blake3::Hash);

impl OwnToken {
    /// A fresh one, and its text.
    pub fn make() -> (Self, String) {
        let text = format!("own_{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        (Self(blake3::hash(text.as_bytes())), text)
    }
}

#[async_trait]
impl Authenticate for Keys {
    async fn authenticate(&self, token: &str, request: Uuid) -> Result<Caller, Unauthenticated> {
        // Hashes compare in constant time.
        if self.own.as_ref().is_some_and(|own| own.0 == blake3::hash(token.as_bytes())) {
            let cause = Cause::asked(Actor::system("cli"), request, Source::Cli);
            let permissions = Permissions::all();
            let powers = powers_of(&permissions);
            return Ok(Caller::new(cause, permissions, powers));
        }
        let found = if ApiToken::parse(token).is_some() {
            self.identity.authenticate(token, request, Source::Api).await
        } else {
            self.accounts.authenticate(token, request, Source::Api).await
        };
        found.map_err(|no| match no {
            NoEntry::Invalid => Unauthenticated::Invalid("it is unknown, revoked or expired"),
            NoEntry::Unavailable(error) => Unauthenticated::Unavailable(error),
        })
    }
}
