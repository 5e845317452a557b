//! Sends mail.

use async_trait::async_trait;

use crate::CommandError;

/// One mail, in plain text.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
}

/// Who carries mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Whether there is anybody to carry it.
    fn is_configured(&self) -> bool;

    /// Hands it over. Fails with [`CommandError::Unavailable`].
    async fn send(&self, mail: Mail) -> Result<(), CommandError>;
}
