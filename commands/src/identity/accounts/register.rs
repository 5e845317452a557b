//! New accounts.

use std::collections::BTreeSet;

use domain::identity::{Method, OrganizationCommand, PasswordChange, UserCommand};
use domain::kernel::{Actor, Cause, Ground, Person, Personal, RoleId, UserId};

use super::account::checked_name;
use super::enter::as_user;
use super::log_in::password_name;
use super::{Accounts, Email, Entered, NewAccount, password};
use crate::identity::owner;
use crate::ports::Caller;
use crate::{CommandError, Refusal};

/// Somebody new, checked.
struct Newcomer {
    email: Email,
    name: String,
    password: Option<String>,
    verified: bool,
    roles: BTreeSet<RoleId>,
}

impl Accounts {
    /// Make an account, and let its owner in at once.
    pub async fn register(&self, cause: &Cause, new: NewAccount) -> Result<Entered, CommandError> {
        if !self.settings.registration {
            return Err(CommandError::Rejected(Box::new(Refusal {
                ground: Ground::Person,
                reason: "nobody registers here by himself; ask an administrator for an account"
                    .into(),
                code: None,
                field: None,
                details: None,
            })));
        }
        let NewAccount { email, password, name } = new;
        let email = Email::claimed(&email)?;
        let name = checked_name(&name)?;
        password::check(&password, &email, &name, "password")?;
        let roles = ordinary()?;
        let newcomer = Newcomer { email, name, password: Some(password), verified: false, roles };
        let id = UserId::new();
        self.admit(cause, id, newcomer, Actor::user(id)).await?;
        self.ask_to_verify(id).await?;
        self.enter(cause, id, vec![Method::Password], false, false).await
    }

    /// Make an account for somebody else; whoever calls this has seen to it that the caller may. The address
    /// counts as verified: who made the account answers for it.
    pub async fn create_user(
        &self,
        caller: &Caller,
        email: String,
        password: Option<String>,
        name: String,
        roles: BTreeSet<RoleId>,
    ) -> Result<(UserId, u64), CommandError> {
        let email = Email::parse(&email)?;
        let name = checked_name(&name)?;
        if let Some(password) = &password {
            password::check(password, &email, &name, "password")?;
        }
        let roles = if roles.is_empty() { ordinary()? } else { roles };
        // The same request makes the same user.
        let id = UserId(caller.cause.then("user").command);
        let newcomer = Newcomer { email, name, password, verified: true, roles };
        let position = self.admit(&caller.cause, id, newcomer, caller.actor().clone()).await?;
        Ok((id, position))
    }

    /// Make an account for somebody whose address a provider has verified. His id comes from whoever calls this:
    /// by it the account at the provider is his already.
    pub async fn register_from_provider(
        &self,
        cause: &Cause,
        id: UserId,
        email: &str,
        name: &str,
    ) -> Result<u64, CommandError> {
        let email = Email::parse(email)?;
        let name = checked_name(name).unwrap_or_else(|_| email.local().to_owned());
        let newcomer = Newcomer { email, name, password: None, verified: true, roles: ordinary()? };
        self.admit(cause, id, newcomer, Actor::user(id)).await
    }

    async fn admit(
        &self,
        cause: &Cause,
        id: UserId,
        newcomer: Newcomer,
        by: Actor,
    ) -> Result<u64, CommandError> {
        let Newcomer { email, name, password, verified, roles } = newcomer;
        let himself = by == Actor::user(id);
        let cause = if himself { &as_user(cause, id) } else { cause };
        // Hashed before anything is taken: a server that is too busy has done nothing.
        let hash = match &password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let kind = ("email", "email");
        let email_claim = self.reserve.take(cause, kind, email.as_str(), owner(id)).await?;
        if let Some(hash) = &hash {
            self.vault.put_secret(&password_name(id), hash.as_bytes()).await?;
        }
        let person = Person::user(id);
        let register = UserCommand::Register {
            email: Personal::of(person.clone(), email.as_str().to_owned()),
            email_claim,
            name: Personal::of(person, name),
            verified,
            roles,
            by: by.clone(),
        };
        let registered = self.users.execute(&id, register, &cause.then("register")).await?;
        let mut position = registered.position;
        if hash.is_some() {
            let set = UserCommand::SetPassword { how: PasswordChange::Initial, by };
            let set = self.users.execute(&id, set, &cause.then("password")).await?;
            position = set.position;
        }
        let joined = self.join_by_domain(cause, id).await?;
        Ok(joined.unwrap_or(position))
    }

    /// Puts a user into the organization of his mail domain, when his address counts and he is in none.
    pub(crate) async fn join_by_domain(
        &self,
        cause: &Cause,
        user: UserId,
    ) -> Result<Option<u64>, CommandError> {
        let known = self.users.load(&user).await?.aggregate;
        let counts = known.email_verified() || self.settings.trust_unverified_email;
        let email = known.email().and_then(|it| it.clear()).filter(|_| counts);
        let email = email.map(|it| Email::parse(it)).transpose()?;
        let Some(email) = email.filter(|_| known.organization().is_none()) else { return Ok(None) };
        let Some(id) = email.organization() else { return Ok(None) };

        let by = Actor::system("accounts");
        let cause = cause.then("organization");
        let domain = email.domain().to_owned();
        let create = OrganizationCommand::Create {
            name: domain.clone(),
            domain: Some(domain),
            by: by.clone(),
        };
        self.organizations.execute(&id, create, &cause).await?;
        self.move_user(&cause, user, Some(id), by).await.map(Some)
    }
}

/// What everybody is who registers.
fn ordinary() -> Result<BTreeSet<RoleId>, CommandError> {
    Ok(["user".parse().map_err(CommandError::unavailable)?].into())
}
