//! When an alert about somebody's account is raised, mail him.
//!
//! At most once: what was begun is written down before the mail goes out, so a process that is killed in
//! between leaves an outcome that is unknown, and no second mail.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::identity::{Alert, AlertCommand, AlertEvent, AlertKind, User};
use domain::kernel::{AlertId, Cause, Event, Outcome, Recorded, UserId};

use crate::identity::accounts::Email;
use crate::ports::{Claim, Execute, IdempotencyKeys, Mail, Mailer};
use crate::{CommandError, Reactor, Setback, describe};

/// Under whose name it is written down that a mail was begun, and how long that is kept.
const CREDENTIAL: &str = "system:mail_alerts";
const KEPT_FOR: Duration = Duration::from_hours(30 * 24);

/// See the module.
pub struct MailAlerts {
    pub alerts: Arc<dyn Execute<Alert>>,
    pub begun: Arc<dyn IdempotencyKeys>,
    pub mailer: Arc<dyn Mailer>,
    /// How the installation is called.
    pub product: String,
    /// Where people reach it.
    pub public_url: String,
    pub users: Arc<dyn Execute<User>>,
}

#[async_trait]
impl Reactor for MailAlerts {
    fn name(&self) -> &'static str {
        "mail_alerts"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        self.mailer.is_configured()
            && matches!(&recorded.event, Event::Alert(_, AlertEvent::Raised { user: Some(_), .. }))
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        let Event::Alert(id, AlertEvent::Raised { kind, user: Some(user), details }) =
            &recorded.event
        else {
            return Ok(());
        };
        let Some(details) = details.clear() else { return Ok(()) };
        if self.alerts.load(id).await?.aggregate.told() {
            return Ok(());
        }
        let Some(to) = self.address(*user).await? else { return Ok(()) };
        let mail = self.mail(*kind, to, details);
        let outcome = self.send_once(*id, mail).await?;
        let cause = Cause::answering(recorded, self.name());
        self.alerts.execute(id, AlertCommand::RecordTold { outcome }, &cause).await?;
        Ok(())
    }
}

impl MailAlerts {
    /// Where he reads mail, if he showed that it is his.
    async fn address(&self, user: UserId) -> Result<Option<String>, CommandError> {
        let user = self.users.load(&user).await?.aggregate;
        let address = user.email().filter(|_| user.email_verified());
        let address = address.and_then(|it| it.clear()).filter(|it| !Email::is_of_nobody(it));
        Ok(address.cloned())
    }

    async fn send_once(&self, id: AlertId, mail: Mail) -> Result<Outcome, CommandError> {
        let key = id.to_string();
        match self.begun.claim(CREDENTIAL, &key, "mail", KEPT_FOR).await? {
            Claim::Mine => {}
            // Whoever holds it is a former holder of the lease of reactors, and gone soon.
            Claim::Busy => return Err(CommandError::Conflict),
            Claim::Answered(_) | Claim::Different => {
                let reason = "the process that sent it was killed before it knew".to_owned();
                return Ok(Outcome::Unknown { reason });
            }
        }
        self.begun.keep(CREDENTIAL, &key, b"begun").await?;
        Ok(match self.mailer.send(mail).await {
            Ok(()) => Outcome::Delivered { outside_id: String::new() },
            Err(error) => {
                let error = describe(&error);
                tracing::warn!(alert.id = %id, error, "the mail about an alert was not taken");
                Outcome::Failed { reason: "the mail server did not take it".to_owned() }
            }
        })
    }

    fn mail(&self, kind: AlertKind, to: String, details: &str) -> Mail {
        let what = match kind {
            AlertKind::ImpossibleTravel | AlertKind::NewPlace => "a sign-in from a new place",
            AlertKind::ManyAccounts | AlertKind::ManyFailures => "many failed sign-ins",
            AlertKind::TokenReused => "a token that was used twice",
        };
        let (product, url) = (&self.product, &self.public_url);
        let text = format!(
            "Hello,\n\nthere was {what} with your account at {product}: {details}.\n\n\
             If this was you, there is nothing to do. If not, change your password at {url}, which \
             ends all other sessions, and look at the list of your sessions.\n"
        );
        Mail { to, subject: format!("{product}: {what}"), text }
    }
}
