//! Coming in by address and password.

use domain::identity::{Method, SignInCommand};
use domain::kernel::{Cause, Origin, SignInId, UserId};
use serde_json::json;
use uuid::Uuid;

use super::enter::{as_user, invalid_credentials};
use super::{Accounts, Entry, LogIn};
use crate::CommandError;
use crate::ports::Verified;

/// Longer addresses are cut before they are looked for; no account has one.
const LONGEST: usize = 254;

/// Longer passwords are wrong without being hashed, in bytes; those of accounts have 128 letters at most.
const LONGEST_PASSWORD: usize = 1_024;

impl Accounts {
    /// Come in by address and password. An unknown address takes as long as a wrong password, and is told
    /// the same; too many failures lock the pair of account and address.
    pub async fn log_in(&self, cause: &Cause, log_in: LogIn) -> Result<Entry, CommandError> {
        let LogIn { email, password, remember } = log_in;
        let email: String = email.trim().to_lowercase().chars().take(LONGEST).collect();
        let tries = self.tries(cause, &email)?;
        let now = self.journal.clock().now();
        if let Some(wait_s) = self.sign_ins.load(&tries).await?.aggregate.locked_for(now) {
            return Err(locked(wait_s));
        }

        // Who is unknown is looked for like anybody else: as nobody, who never has a password.
        let found = self.reserve.user("email", &email).await?;
        let user = found.unwrap_or(UserId(Uuid::nil()));
        // Before the password is looked at: a session goes with what was known of its user then, so that
        // one begun by a password that is changed meanwhile is void.
        let known = self.users.load(&user).await?;
        let found = found.filter(|_| known.aggregate.is_active());
        let kept = self.password_hash(user).await?.filter(|_| found.is_some());
        let fits = password.len() <= LONGEST_PASSWORD;
        let tried = if fits { password.as_str() } else { "" };
        let kept = kept.filter(|_| fits);
        let verified = self.passwords.verify(tried, kept.as_deref()).await?;
        let attempt = match found {
            Some(user) => as_user(&cause.then("sign-in"), user),
            None => cause.then("sign-in"),
        };
        let (Some(user), Verified::Yes | Verified::YesByOld) = (found, verified) else {
            let fail = SignInCommand::Fail { user: found, method: Method::Password, now };
            return match self.sign_ins.execute(&tries, fail, &attempt).await {
                Ok(_) => Err(invalid_credentials()),
                Err(error) => Err(told(error)),
            };
        };
        // Many tries at once all pass the first look: what counts is decided here, one after the other.
        let succeed = SignInCommand::Succeed { now };
        self.sign_ins.execute(&tries, succeed, &attempt).await.map_err(told)?;
        if verified == Verified::YesByOld {
            self.hash_anew(user, &password, kept).await?;
        }
        self.go_on(cause, (user, known), Method::Password, remember).await
    }

    /// The settings of hashing have grown. A password that was changed meanwhile stays.
    async fn hash_anew(
        &self,
        user: UserId,
        password: &str,
        before: Option<String>,
    ) -> Result<(), CommandError> {
        let hash = self.passwords.hash(password).await?;
        if self.password_hash(user).await? == before {
            self.vault.put_secret(&password_name(user), hash.as_bytes()).await?;
        }
        Ok(())
    }

    /// The stream of tries of an account from an address.
    pub(super) fn tries(&self, cause: &Cause, email: &str) -> Result<SignInId, CommandError> {
        let origin = cause.origin.as_ref().and_then(|it| it.clear());
        let address = origin.map_or_else(|| "unknown".to_owned(), Origin::subscriber);
        let id = self.vault.index("sign-in", &format!("{email}|{address}"));
        id.parse().map_err(CommandError::unavailable)
    }

    pub(super) async fn password_hash(&self, user: UserId) -> Result<Option<String>, CommandError> {
        let kept = self.vault.secret(&password_name(user)).await?;
        kept.map(String::from_utf8).transpose().map_err(CommandError::unavailable)
    }

    /// Keeps the hash of a password.
    pub(super) async fn keep_password(
        &self,
        user: UserId,
        password: &str,
    ) -> Result<(), CommandError> {
        let hash = self.passwords.hash(password).await?;
        self.vault.put_secret(&password_name(user), hash.as_bytes()).await
    }
}

pub(super) fn password_name(user: UserId) -> String {
    format!("password/{user}")
}

/// A lock is told with the time it lasts.
pub(super) fn told(error: CommandError) -> CommandError {
    match error {
        CommandError::Rejected(mut refusal) if refusal.code == Some("RATE_LIMIT_EXCEEDED") => {
            let digits: String = refusal.reason.chars().filter(char::is_ascii_digit).collect();
            refusal.details = digits.parse::<u64>().ok().map(|wait| json!({ "retry_after": wait }));
            CommandError::Rejected(refusal)
        }
        other => other,
    }
}

fn locked(wait_s: u64) -> CommandError {
    told(CommandError::rejected(&domain::identity::SignInError::Locked { wait_s }))
}
