//! Which accounts at providers belong to somebody: linking them, taking them away, telling them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::identity::{User, UserCommand, UserError, UserEvent};
use domain::kernel::{Cause, ClaimId, Event, Expected, Person, Personal, StreamId, UserId};

use super::begin::Bound;
use super::{ACCOUNT, Brought, Providers, account_value};
use crate::CommandError;
use crate::identity::accounts::Accounts;
use crate::identity::owner;
use crate::ports::{Caller, Loaded, ProviderAccount, Redemption};

/// How many commits of a user are read at once.
const PAGE: usize = 500;

/// An account at a provider that belongs to somebody.
#[derive(Debug, Clone)]
pub struct Link {
    pub provider: String,
    /// How the provider calls it, for people: an address or a name.
    pub shown: Personal<String>,
    pub linked_at: DateTime<Utc>,
}

impl Providers {
    /// Link the account that its owner has just shown at a provider; none when no such visit was begun in this
    /// session. Doing it twice changes nothing.
    pub async fn link(
        &self,
        caller: &Caller,
        brought: &Brought,
    ) -> Result<Option<u64>, CommandError> {
        self.require(&brought.provider)?;
        let signed = caller.signed()?;
        let bound = Bound::Session(signed.session);
        let Some((visit, verifier)) = self.visit(&bound, brought).await? else { return Ok(None) };
        if visit.user != Some(signed.user) {
            return Ok(None);
        }
        let provider = &brought.provider;
        let redemption = Redemption {
            code: brought.code.clone(),
            verifier,
            nonce: visit.nonce,
            redirect_uri: visit.redirect_uri,
            issuer: brought.issuer.clone(),
        };
        let account = match self.port.exchange(provider, &redemption).await {
            Ok(account) => account,
            Err(error @ CommandError::Rejected(_)) => {
                let user = Some(signed.user);
                self.record_failure(&caller.cause, provider, "", user).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };

        let user = signed.user;
        let value = account_value(provider, &account.subject);
        let claim = self.accounts.reserve.id(ACCOUNT.0, &value)?;
        let Loaded { aggregate: known, position, .. } = self.accounts.users.load(&user).await?;
        match known.links().get(provider) {
            Some(linked) if *linked == claim => return Ok(Some(position)),
            Some(_) => return Err(CommandError::rejected(&UserError::LinkedOtherwise)),
            None => {}
        }
        self.accounts.reserve.take(&caller.cause, ACCOUNT, &value, owner(user)).await?;
        let linked = self.attach(&caller.cause.then("link"), user, &account, claim.clone()).await;
        if let Err(CommandError::Rejected(_)) = &linked {
            // Another account there was linked just now.
            self.accounts.reserve.release(&caller.cause, &claim, owner(user)).await?;
        }
        let position = linked?;
        self.tell(user, &format!("An account at {provider} was linked to yours: it signs you in."))
            .await?;
        Ok(Some(position))
    }

    /// Says that an account at a provider, which is claimed already, is a user's.
    pub(super) async fn attach(
        &self,
        cause: &Cause,
        user: UserId,
        account: &ProviderAccount,
        claim: ClaimId,
    ) -> Result<u64, CommandError> {
        let ProviderAccount { provider, subject, email, name, .. } = account;
        // What he has there is his data; whoever erases him finds by it what else he is called.
        let secret = secret_name(user, provider);
        let before = self.accounts.vault.secret(&secret).await?;
        self.accounts.vault.put_secret(&secret, subject.as_bytes()).await?;
        let shown = email.as_ref().or(name.as_ref()).unwrap_or(subject);
        let link = UserCommand::Link {
            provider: provider.clone(),
            account: claim,
            shown: Personal::of(Person::user(user), shown.clone()),
            by: cause.actor.clone(),
        };
        match self.accounts.users.execute(&user, link, cause).await {
            Ok(executed) => Ok(executed.position),
            Err(error) => {
                match before {
                    Some(before) => self.accounts.vault.put_secret(&secret, &before).await?,
                    None => self.accounts.vault.delete_secret(&secret).await?,
                }
                Err(error)
            }
        }
    }

    /// Take an account at a provider away, if one's own account still has this version. The last way in stays.
    pub async fn unlink(
        &self,
        caller: &Caller,
        provider: &str,
        version: Option<u64>,
    ) -> Result<u64, CommandError> {
        let user = caller.signed()?.user;
        caller.require_fresh(self.now())?;
        let known = self.accounts.users.load(&user).await?.aggregate;
        let linked = known.links().get(provider).cloned();
        let claim = linked.ok_or_else(|| CommandError::NotFound("link".to_owned()))?;
        let by = caller.actor().clone();
        let unlink = UserCommand::Unlink { provider: provider.to_owned(), by };
        let cause = caller.cause.then("unlink");
        let executed = match version {
            Some(version) => self.accounts.users.execute_at(&user, version, unlink, &cause).await?,
            None => self.accounts.users.execute(&user, unlink, &cause).await?,
        };
        self.accounts.reserve.release(&caller.cause, &claim, owner(user)).await?;
        self.accounts.vault.delete_secret(&secret_name(user, provider)).await?;
        self.tell(user, &format!("Your account at {provider} does not sign you in any more."))
            .await?;
        Ok(executed.position)
    }

    /// The accounts at providers that are linked to the caller's own, by provider.
    pub async fn linked(&self, caller: &Caller) -> Result<Loaded<Vec<Link>>, CommandError> {
        let user = caller.signed()?.user;
        let Loaded { aggregate, version, position } = self.accounts.users.load(&user).await?;
        let mut found: BTreeMap<String, Link> = BTreeMap::new();
        let (stream, mut after) = (StreamId::of::<User>(&user), Expected::New);
        // How it is shown and since when stands in the events alone.
        while !aggregate.links().is_empty() && after.version() < version {
            let page = self.accounts.journal.read_stream(&stream, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Expected::Exact { version: last.version, position: last.position };
            for recorded in page {
                if let Event::User(_, UserEvent::Linked { provider, shown, .. }) = recorded.event {
                    let linked_at = recorded.recorded_at;
                    let link = Link { provider: provider.clone(), shown, linked_at };
                    found.insert(provider, link);
                }
            }
        }
        found.retain(|provider, _| aggregate.links().contains_key(provider));
        Ok(Loaded { aggregate: found.into_values().collect(), version, position })
    }

    /// What changes who comes into an account is told its owner.
    async fn tell(&self, user: UserId, what: &str) -> Result<(), CommandError> {
        let known = self.accounts.users.load(&user).await?.aggregate;
        let to = known.email().and_then(|it| it.clear());
        self.accounts.tell_by_mail(to.map(String::as_str), what);
        Ok(())
    }
}

impl Accounts {
    /// Whose account this one at a provider is, if he may come in: of Discord, the subject is the id of its user.
    pub async fn linked_to(
        &self,
        provider: &str,
        subject: &str,
    ) -> Result<Option<UserId>, CommandError> {
        let value = account_value(provider, subject);
        let Some(user) = self.reserve.user(ACCOUNT.0, &value).await? else { return Ok(None) };
        let claim = self.reserve.id(ACCOUNT.0, &value)?;
        let known = self.users.load(&user).await?.aggregate;
        let linked = known.is_active() && known.links().get(provider) == Some(&claim);
        Ok(linked.then_some(user))
    }
}

/// Where the vault keeps the provider's id of a linked account.
fn secret_name(user: UserId, provider: &str) -> String {
    format!("link/{user}/{provider}")
}
