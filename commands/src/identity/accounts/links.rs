//! Links for one visit: to a new password, to a verified address.
//!
//! Mailed where there is a mailer. Otherwise administrators find them, sealed in the vault until they run
//! out. The secret stands behind `#`, which browsers send to nobody.

use chrono::{DateTime, TimeDelta, Utc};
use domain::identity::Permission;
use domain::kernel::UserId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::enter::{invalid_token, secret};
use super::{Accounts, Email};
use crate::ports::{Caller, Mail};
use crate::{CommandError, describe};

/// Where the vault keeps links that nobody could mail.
const PENDING: &str = "pending-link/";

/// What a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::AsRefStr)]
#[strum(serialize_all = "kebab-case")]
pub(super) enum Leads {
    ResetPassword,
    VerifyEmail,
}

impl Leads {
    /// How long a link is good.
    fn lasts(self) -> TimeDelta {
        match self {
            Self::ResetPassword => TimeDelta::minutes(30),
            Self::VerifyEmail => TimeDelta::hours(24),
        }
    }

    /// Where one that nobody could mail is kept: one for each user, so that asking often fills nothing.
    fn pending(self, user: UserId) -> String {
        format!("{PENDING}{}/{user}", self.as_ref())
    }
}

/// A link that nobody could mail.
#[derive(Clone, Serialize, Deserialize)]
pub struct PendingLink {
    pub user: UserId,
    /// What it leads to: `reset-password`, `verify-email`.
    pub purpose: String,
    /// The secret that the link ends with.
    pub token: String,
    pub url: String,
    pub expires_at: DateTime<Utc>,
}

/// Whom a link is for. One to nobody makes as much work as any, so that time tells nothing.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) user: Option<UserId>,
    pub(super) email: &'a str,
}

/// What is kept of a link until it is followed.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept<T> {
    /// Putting it back does not make it last longer.
    until: DateTime<Utc>,
    pub(super) said: T,
}

impl Accounts {
    /// Makes a link and sees to it that its reader gets it. `said` is what its visit is told.
    pub(super) async fn send_link(
        &self,
        reader: Reader<'_>,
        leads: Leads,
        said: impl Serialize,
    ) -> Result<(), CommandError> {
        let token = secret();
        let expires_at = self.journal.clock().now() + leads.lasts();
        self.put_back(leads, &token, &Kept { until: expires_at, said }).await?;
        let purpose = leads.as_ref().to_owned();
        let url =
            format!("{}/{purpose}#token={token}", self.settings.public_url.trim_end_matches('/'));
        if self.mailer.is_configured() {
            if reader.user.is_some() {
                self.mail(self.letter(reader.email, leads, &url));
            }
            return Ok(());
        }
        let user = reader.user.unwrap_or(UserId(Uuid::nil()));
        let pending = PendingLink { user, purpose, token, url, expires_at };
        let kept = serde_json::to_vec(&pending).map_err(CommandError::unavailable)?;
        self.vault.put_secret(&leads.pending(user), &kept).await
    }

    /// Sends a mail by the way: whoever asks must not see by the time it takes whether there was one.
    pub(super) fn mail(&self, mail: Mail) {
        if Email::is_of_nobody(&mail.to) {
            return;
        }
        let mailer = self.mailer.clone();
        tokio::spawn(async move {
            if let Err(error) = mailer.send(mail).await {
                tracing::warn!(error = %describe(&error), "a mail could not be sent");
            }
        });
    }

    /// Tells a user of something he should know of, where there is a mailer.
    pub(crate) fn tell_by_mail(&self, to: Option<&str>, what: &str) {
        let Some(to) = to.filter(|_| self.mailer.is_configured()) else { return };
        let product = &self.settings.product;
        let text = format!(
            "{what}\n\nIf it was not you, ask for a new password at once, and tell whoever runs {product}.\n"
        );
        self.mail(Mail { to: to.to_owned(), subject: format!("Your account · {product}"), text });
    }

    fn letter(&self, to: &str, leads: Leads, url: &str) -> Mail {
        let product = &self.settings.product;
        let (subject, what, lasts) = match leads {
            Leads::ResetPassword => ("A new password", "choose a new password", "half an hour"),
            Leads::VerifyEmail => ("Your address", "confirm your address", "a day"),
        };
        let text = format!(
            "Somebody, probably you, asked {product} to let you {what}. Follow this link within {lasts}; it \
             works once:\n\n{url}\n\nIf it was not you, do nothing: nothing changes.\n"
        );
        Mail { to: to.to_owned(), subject: format!("{subject} · {product}"), text }
    }

    /// What a link's visit is told, once.
    pub(super) async fn visit<T: DeserializeOwned>(
        &self,
        leads: Leads,
        token: &str,
    ) -> Result<Kept<T>, CommandError> {
        let void = || invalid_token("the link was used or has run out; ask for another one");
        let kept = self.tickets.take(&name(leads, token)).await?.ok_or_else(void)?;
        let kept: Kept<T> = serde_json::from_str(&kept).map_err(CommandError::unavailable)?;
        if self.journal.clock().now() > kept.until { Err(void()) } else { Ok(kept) }
    }

    /// Keeps a link; also again, when its visit came to nothing.
    pub(super) async fn put_back<T: Serialize>(
        &self,
        leads: Leads,
        token: &str,
        kept: &Kept<T>,
    ) -> Result<(), CommandError> {
        let Ok(left) = (kept.until - self.journal.clock().now()).to_std() else { return Ok(()) };
        let kept = serde_json::to_string(kept).map_err(CommandError::unavailable)?;
        self.tickets.put(&name(leads, token), &kept, left).await
    }

    /// It was followed: nobody needs to tell it any more.
    pub(super) async fn followed(&self, leads: Leads, user: UserId) -> Result<(), CommandError> {
        if self.mailer.is_configured() {
            return Ok(());
        }
        self.vault.delete_secret(&leads.pending(user)).await
    }

    /// The links that nobody could mail: for administrators, to be told to their readers. A link into an
    /// account that may more than the caller is not shown: it would make him more than he is.
    pub async fn pending_links(&self, caller: &Caller) -> Result<Vec<PendingLink>, CommandError> {
        caller.require(Permission::ManageUser)?;
        let now = self.journal.clock().now();
        let mut links = Vec::new();
        for name in self.vault.secrets(PENDING).await? {
            let Some(kept) = self.vault.secret(&name).await? else { continue };
            let link: PendingLink =
                serde_json::from_slice(&kept).map_err(CommandError::unavailable)?;
            let known = self.users.load(&link.user).await?.aggregate;
            if link.expires_at <= now || !known.exists() {
                self.vault.delete_secret(&name).await?;
            } else if caller.permissions.cover(&self.permissions(&known).await?) {
                links.push(link);
            }
        }
        Ok(links)
    }
}

fn name(leads: Leads, token: &str) -> String {
    format!("{}/{token}", leads.as_ref())
}
