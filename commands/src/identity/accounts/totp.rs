//! One-time codes of an authenticator app: setting the app up, and confirming that it works.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::identity::{Method, User};
use domain::kernel::{Ground, SessionId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::backup_codes;
use super::factors::{NewFactor, SecondFactors, refused, secret_name};
use crate::CommandError;
use crate::ports::Caller;

/// How long somebody has to set his app up.
const SETUP_LASTS: Duration = Duration::from_mins(10);

/// What is shown once to who sets an app up.
pub struct TotpSetup {
    /// A PNG.
    pub qr_code: Vec<u8>,
    /// In Base32.
    pub secret: String,
    pub backup_codes: Vec<String>,
    pub uri: String,
}

/// A set-up that waits to be confirmed; the ticket it is in is sealed.
#[derive(Serialize, Deserialize)]
struct Pending {
    factor: Uuid,
    name: String,
    secret: Vec<u8>,
    backup_codes: Vec<String>,
    until: DateTime<Utc>,
}

impl SecondFactors {
    /// Begin to set an authenticator app up. It counts once a code of it was shown; its backup codes then
    /// take the place of earlier ones.
    pub async fn begin_totp(
        &self,
        caller: &Caller,
        name: Option<String>,
        password: Option<&str>,
    ) -> Result<TotpSetup, CommandError> {
        let session = caller.signed()?.session;
        let known = self.require_owner(caller, password).await?;
        let account = known.email().map_or("", |it| it.shown()).to_owned();
        let enrollment = self.totp.enroll(&self.accounts.settings.product, &account)?;
        let backup_codes = backup_codes::made();
        let pending = Pending {
            factor: Uuid::now_v7(),
            name: name.unwrap_or_else(|| "Authenticator app".to_owned()),
            secret: enrollment.secret,
            backup_codes: backup_codes.clone(),
            until: self.now() + SETUP_LASTS,
        };
        self.keep_pending(session, &pending).await?;
        let (qr_code, secret) = (enrollment.qr_code, enrollment.shown);
        Ok(TotpSetup { qr_code, secret, backup_codes, uri: enrollment.uri })
    }

    /// Confirm that the app shows the right codes; answers how many backup codes there are, and the last
    /// commit.
    pub async fn confirm_totp(
        &self,
        caller: &Caller,
        code: &str,
    ) -> Result<(usize, u64), CommandError> {
        let signed = caller.signed()?;
        self.require_open(&self.own(caller).await?.aggregate)?;
        let none = || {
            let reason = "no set-up waits to be confirmed in this session, or it took longer than ten \
                          minutes; begin again with POST /api/v1/auth/mfa/setup";
            refused(Ground::State, reason, None)
        };
        let kept = self.accounts.tickets.take(&pending_name(signed.session)).await?;
        let pending: Pending =
            serde_json::from_str(&kept.ok_or_else(none)?).map_err(CommandError::unavailable)?;
        if self.now() > pending.until {
            return Err(none());
        }
        let Some(counter) = self.totp.step(&pending.secret, code, self.now()) else {
            self.keep_pending(signed.session, &pending).await?;
            return Err(self.fail(signed.user, Method::Totp, &caller.cause).await?);
        };
        let Pending { factor, name, secret, backup_codes, .. } = pending;
        let new = NewFactor { id: factor, method: Method::Totp, name, counter, secret };
        let position = self.add(caller, new, Some(&backup_codes)).await?;
        Ok((backup_codes.len(), position))
    }

    async fn keep_pending(
        &self,
        session: SessionId,
        pending: &Pending,
    ) -> Result<(), CommandError> {
        let Ok(left) = (pending.until - self.now()).to_std() else { return Ok(()) };
        let kept = serde_json::to_string(pending).map_err(CommandError::unavailable)?;
        self.accounts.tickets.put(&pending_name(session), &kept, left).await
    }

    /// The app of a user whose code this is, and the time step it is of.
    pub(super) async fn factor_of(
        &self,
        user: UserId,
        known: &User,
        code: &str,
    ) -> Result<Option<(Uuid, u64)>, CommandError> {
        let now = self.now();
        for (factor, _) in known.factors().of(Method::Totp) {
            let name = secret_name(Method::Totp, user, factor);
            let Some(secret) = self.accounts.vault.secret(&name).await? else { continue };
            if let Some(step) = self.totp.step(&secret, code, now) {
                return Ok(Some((factor, step)));
            }
        }
        Ok(None)
    }
}

fn pending_name(session: SessionId) -> String {
    format!("mfa-setup/{session}")
}
