//! Coming in by what a provider says.

use domain::identity::{Method, SignInCommand, User};
use domain::kernel::{Actor, Cause, Ground, Origin, SignInId, UserId};

use super::begin::{Bound, is_verifier, stale};
use super::{ACCOUNT, Brought, Providers, account_value, refused};
use crate::CommandError;
use crate::identity::accounts::{Email, Entry};
use crate::identity::owner;
use crate::ports::{ProviderAccount, Redemption};

/// Somebody who is not let in, and whose account he wanted, as far as that is known.
struct Denied {
    error: CommandError,
    user: Option<UserId>,
}

impl From<CommandError> for Denied {
    fn from(error: CommandError) -> Self {
        Self { error, user: None }
    }
}

impl Providers {
    /// Come in by what a provider sent along: with an account that belongs to the account there, or with a new one
    /// when the provider has verified an address that nobody has here. Who has a second factor is asked for it.
    pub async fn finish(
        &self,
        cause: &Cause,
        browser: Option<&str>,
        brought: Brought,
    ) -> Result<Entry, CommandError> {
        self.require(&brought.provider)?;
        let provider = brought.provider.clone();
        let (account, remember) = match self.returned(browser, brought).await {
            Ok(returned) => returned,
            Err(error) => return Err(self.denied(cause, &provider, "", error.into()).await?),
        };
        match self.user_of(cause, &account).await {
            Ok(user) => {
                self.accounts.enter_or_challenge(cause, user, Method::OAuth, remember).await
            }
            Err(denied) => Err(self.denied(cause, &provider, &account.subject, denied).await?),
        }
    }

    /// Who the provider says he is, when he is the one who was sent there.
    async fn returned(
        &self,
        browser: Option<&str>,
        brought: Brought,
    ) -> Result<(ProviderAccount, bool), CommandError> {
        let challenge = match &brought.verifier {
            Some(verifier) if is_verifier(verifier) => Some(self.port.challenge(verifier)),
            Some(_) => {
                let reason = "must have 43 to 128 characters of A-Z a-z 0-9 - . _ ~ (RFC 7636)";
                return Err(CommandError::invalid("code_verifier", reason));
            }
            None => None,
        };
        let bound = match (&challenge, browser) {
            (Some(challenge), _) => Bound::Client(challenge),
            (None, Some(browser)) => Bound::Browser(browser),
            (None, None) => return Err(stale()),
        };
        let (visit, verifier) = self.visit(&bound, &brought).await?.ok_or_else(stale)?;
        let Brought { provider, code, issuer, .. } = brought;
        let (nonce, redirect_uri) = (visit.nonce, visit.redirect_uri);
        let redemption = Redemption { code, verifier, nonce, redirect_uri, issuer };
        Ok((self.port.exchange(&provider, &redemption).await?, visit.remember))
    }

    /// Whose account it is; made on the first visit.
    async fn user_of(&self, cause: &Cause, account: &ProviderAccount) -> Result<UserId, Denied> {
        let ProviderAccount { provider, subject, .. } = account;
        let value = account_value(provider, subject);
        let Some(user) = self.accounts.reserve.user(ACCOUNT.0, &value).await? else {
            return self.newcomer(cause, account).await;
        };
        let known = self.accounts.users.load(&user).await?.aggregate;
        let denied = |error| Denied { error, user: Some(user) };
        if !known.exists() {
            return self.newcomer(cause, account).await;
        }
        if !known.is_active() {
            let reason = "your account is switched off; ask an administrator";
            let (ground, code) = (Ground::Person, Some("INVALID_CREDENTIALS"));
            return Err(denied(refused(ground, code, "switched_off", reason)));
        }
        let claim = self.accounts.reserve.id(ACCOUNT.0, &value)?;
        if known.links().get(provider) == Some(&claim) {
            return Ok(user);
        }
        if is_unfinished(&known) {
            // Whoever made the account was cut off before it was linked.
            self.attach(&cause.then("link").by(Actor::user(user)), user, account, claim).await?;
            return Ok(user);
        }
        let reason = format!(
            "this account at {provider} is not linked any more; sign in as you used to, and link it \
             with POST /api/v1/users/me/links/{provider}"
        );
        Err(denied(refused(Ground::Person, None, "not_linked", reason)))
    }

    /// Makes an account. An address that somebody has here already brings nobody into his account, however well
    /// the provider knows it: who has both links them himself.
    async fn newcomer(&self, cause: &Cause, account: &ProviderAccount) -> Result<UserId, Denied> {
        let ProviderAccount { provider, subject, email, email_verified, name } = account;
        let unverified = || {
            let reason = format!(
                "{provider} has not verified your mail address; verify it there, or make an account here and link \
                 {provider} in it"
            );
            refused(Ground::Person, None, "email_unverified", reason)
        };
        let email = email.as_deref().filter(|_| *email_verified).ok_or_else(unverified)?;
        let email = Email::claimed(email).map_err(|_| unverified())?;
        let taken = || {
            let reason = format!(
                "somebody has an account with this mail address; if it is you, sign in as you used to, and link \
                 {provider} with POST /api/v1/users/me/links/{provider}"
            );
            refused(Ground::State, None, "email_taken", reason)
        };
        if let Some(user) = self.accounts.reserve.user("email", email.as_str()).await?
            && self.accounts.users.load(&user).await?.aggregate.exists()
        {
            return Err(Denied { error: taken(), user: Some(user) });
        }
        if !self.accounts.settings.registration {
            let reason = "nobody registers here by himself; ask an administrator for an account";
            return Err(refused(Ground::Person, None, "no_registration", reason).into());
        }

        // First the account there is his, then he comes to be: cut off, he can go on, and nobody else can.
        let id = UserId::new();
        let value = account_value(provider, subject);
        let claim = self.accounts.reserve.take(cause, ACCOUNT, &value, owner(id)).await?;
        let name = name.as_deref().unwrap_or_default();
        let made = self.accounts.register_from_provider(cause, id, email.as_str(), name).await;
        if let Err(error) = made {
            self.accounts.reserve.release(cause, &claim, owner(id)).await?;
            let rejected = matches!(error, CommandError::Rejected(_));
            return Err(if rejected { taken() } else { error }.into());
        }
        let cause = cause.then("link").by(Actor::user(id));
        self.attach(&cause, id, account, claim).await?;
        Ok(id)
    }

    /// Records that somebody was not let in; answers what he is told. What failed because something is down is no
    /// failed sign-in.
    async fn denied(
        &self,
        cause: &Cause,
        provider: &str,
        subject: &str,
        Denied { error, user }: Denied,
    ) -> Result<CommandError, CommandError> {
        if matches!(error, CommandError::Rejected(_)) {
            self.record_failure(cause, provider, subject, user).await?;
        }
        Ok(error)
    }

    /// A failure is one of the account there, from an address. There is nothing to guess, so it locks nobody out;
    /// the lock only bounds how much of it is recorded.
    pub(super) async fn record_failure(
        &self,
        cause: &Cause,
        provider: &str,
        subject: &str,
        user: Option<UserId>,
    ) -> Result<(), CommandError> {
        let origin = cause.origin.as_ref().and_then(|it| it.clear());
        let address = origin.map_or_else(|| "unknown".to_owned(), Origin::subscriber);
        let tries = format!("{provider}|{subject}|{address}");
        let tries: SignInId = self
            .accounts
            .vault
            .index("sign-in", &tries)
            .parse()
            .map_err(CommandError::unavailable)?;
        let cause = cause.then("sign-in");
        let cause = match user {
            Some(user) => cause.by(Actor::user(user)),
            None => cause,
        };
        let fail = SignInCommand::Fail { user, method: Method::OAuth, now: self.now() };
        match self.accounts.sign_ins.execute(&tries, fail, &cause).await {
            Ok(_) | Err(CommandError::Rejected(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Nobody can take his own last way in away: who has none was never finished.
fn is_unfinished(user: &User) -> bool {
    let passkeys = user.factors().of(Method::Passkey).next().is_some();
    !user.has_password() && user.links().is_empty() && !passkeys
}
