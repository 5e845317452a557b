//! Discord's OAuth, as far as an installation needs it.

use async_trait::async_trait;

use crate::CommandError;

/// What Discord gave for a code.
#[derive(Clone)]
pub struct Grant {
    /// The whole answer, tokens included, for the vault.
    pub secret: Vec<u8>,
    pub scope: String,
    /// The server the bot was added to.
    pub guild: Option<(String, String)>,
}

/// Sends people to Discord and redeems what they bring back.
#[async_trait]
pub trait OAuth: Send + Sync {
    /// Where a person agrees to the installation.
    fn install_url(&self, state: &str) -> Result<String, CommandError>;

    /// Trades the code for tokens.
    async fn redeem(&self, code: &str) -> Result<Grant, CommandError>;
}
