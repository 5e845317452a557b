//! Providers that people sign in by: who they are is said elsewhere, and believed here.

use async_trait::async_trait;

use crate::CommandError;

/// What a person is sent to a provider with.
#[derive(Debug, Clone)]
pub struct Authorization {
    pub state: String,
    /// Comes back in the ID token, where the provider gives one.
    pub nonce: String,
    /// PKCE (RFC 7636), S256.
    pub challenge: String,
    pub redirect_uri: String,
}

/// What a person brought back, and what he was sent with.
#[derive(Clone)]
pub struct Redemption {
    pub code: String,
    pub verifier: String,
    pub nonce: String,
    pub redirect_uri: String,
    /// Who sent him back, where the provider says it (RFC 9207).
    pub issuer: Option<String>,
}

/// Who a provider says somebody is.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderAccount {
    pub provider: String,
    /// The provider's own id of the account; it never belongs to somebody else.
    pub subject: String,
    pub email: Option<String>,
    /// Whether the provider knows that the address is his.
    pub email_verified: bool,
    pub name: Option<String>,
}

/// The providers that are configured.
#[async_trait]
pub trait SignInProviders: Send + Sync {
    /// Their names, in order.
    fn names(&self) -> Vec<String>;

    /// What a verifier is challenged with: BASE64URL(SHA-256(verifier)).
    fn challenge(&self, verifier: &str) -> String;

    /// Where a person signs in at one of them.
    async fn authorization_url(
        &self,
        provider: &str,
        authorization: &Authorization,
    ) -> Result<String, CommandError>;

    /// Trades a code for who somebody is. What cannot be believed is a refusal with the code `INVALID_TOKEN`; a
    /// code that is not taken is one with `INVALID_CREDENTIALS`.
    async fn exchange(
        &self,
        provider: &str,
        redemption: &Redemption,
    ) -> Result<ProviderAccount, CommandError>;
}
