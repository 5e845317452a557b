//! Mail over SMTP.

use std::time::Duration;

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{Mail, Mailer};
use lettre::message::{Mailbox, header::ContentType};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

/// How long the mail server may take for each step.
const PATIENCE: Duration = Duration::from_secs(15);

/// See the module.
pub struct SmtpMailer {
    from: Mailbox,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

/// Why there is no mailer. It says nothing of what stood in the address: that may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    #[error("it is no address such as smtps://user:password@mail.example.com")]
    Address,
    #[error("“{0}” is no sender such as Palimpsest <bot@example.com>")]
    Sender(String),
}

impl SmtpMailer {
    /// `smtp://`, or `smtps://` for TLS from the start; `?tls=required` asks for STARTTLS.
    pub fn new(url: &str, from: &str) -> Result<Self, SmtpError> {
        let sender = || SmtpError::Sender(from.to_owned());
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url);
        Ok(Self {
            from: from.parse().map_err(|_| sender())?,
            transport: transport.map_err(|_| SmtpError::Address)?.timeout(Some(PATIENCE)).build(),
        })
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    fn is_configured(&self) -> bool {
        true
    }

    async fn send(&self, mail: Mail) -> Result<(), CommandError> {
        let Mail { to, subject, text } = mail;
        let to = to.parse().map_err(|_| CommandError::invalid("email", "takes no mail"))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(CommandError::unavailable)?;
        self.transport.send(message).await.map(|_| ()).map_err(CommandError::unavailable)
    }
}

/// Nobody carries mail: links are kept for administrators.
pub struct NoMailer;

#[async_trait]
impl Mailer for NoMailer {
    fn is_configured(&self) -> bool {
        false
    }

    async fn send(&self, _: Mail) -> Result<(), CommandError> {
        Err(CommandError::unavailable("no mail server is configured"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_that_cannot_work_are_told_without_their_passwords() {
        assert!(
            SmtpMailer::new("smtps://ana:s3cret@mail.example.com", "Bot <bot@example.com>").is_ok()
        );
        assert!(SmtpMailer::new("smtp://localhost:2525", "bot@example.com").is_ok());
        for (url, from) in [
            ("https://ana:s3cret@mail.example.com", "bot@example.com"),
            ("ana:s3cret", "bot@example.com"),
            ("smtp://localhost", "nobody"),
        ] {
            let Err(error) = SmtpMailer::new(url, from) else { panic!("{url}, {from}") };
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[tokio::test]
    async fn no_address_smuggles_a_header() {
        let mailer = SmtpMailer::new("smtp://localhost:9", "bot@example.com").unwrap();
        let mail = |to: &str, subject: &str| Mail {
            to: to.to_owned(),
            subject: subject.to_owned(),
            text: String::new(),
        };
        let odd = mail("ana@example.com\r\nBcc: eve@example.com", "hello");
        assert!(matches!(mailer.send(odd).await, Err(CommandError::Rejected(_))));
    }
}
