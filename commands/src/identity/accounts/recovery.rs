//! New passwords and addresses.

use domain::identity::{
    Ending, Method, PasswordChange, SessionCommand, SignInCommand, SignInError, User, UserCommand,
};
use domain::kernel::{Actor, Cause, ClaimId, Ground, Person, Personal, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::enter::{as_user, invalid_credentials, invalid_token};
use super::links::{Kept, Leads, Reader};
use super::log_in::told;
use super::{Accounts, Email, password};
use crate::identity::owner;
use crate::ports::{Caller, Verified};
use crate::{CommandError, Refusal};

/// What a link to a new password is told. With another password or address meanwhile it is void.
#[derive(Serialize, Deserialize)]
struct Reset {
    user: UserId,
    epoch: u64,
    /// The address it went to; none where there is no such account.
    claim: Option<ClaimId>,
}

/// What a link to a verified address is told.
#[derive(Serialize, Deserialize)]
struct Verify {
    user: UserId,
    claim: ClaimId,
    /// The new address, when it is another than before.
    other: Option<Other>,
}

/// Another address. Who changes his password, or whose address was changed, did not ask for it any more: somebody
/// else may have.
#[derive(Serialize, Deserialize)]
struct Other {
    email: String,
    /// The address of before, and the epoch then.
    before: Option<ClaimId>,
    epoch: u64,
}

impl Accounts {
    /// Another password, by who knows the present one. All other sessions end.
    pub async fn change_password(
        &self,
        caller: &Caller,
        old: &str,
        new: &str,
    ) -> Result<u64, CommandError> {
        let signed = caller.signed()?;
        let user = signed.user;
        self.prove(&caller.cause, user, old).await?;
        if old == new {
            return Err(CommandError::invalid("new_password", "is the present one"));
        }
        self.check_new(user, new, "new_password").await?;
        self.keep_password(user, new).await?;
        let set =
            UserCommand::SetPassword { how: PasswordChange::Changed, by: caller.actor().clone() };
        let executed = self.users.execute(&user, set, &caller.cause.then("password")).await?;
        let epoch = self.users.load(&user).await?.aggregate.epoch();
        let keep = SessionCommand::Keep { epoch };
        let kept = self.sessions.execute(&signed.session, keep, &caller.cause.then("keep")).await?;
        let cause = &caller.cause;
        let ended = self.end_void(cause, user, executed.position, Ending::PasswordChanged).await?;
        self.tell_of_password(user).await?;
        Ok(kept.position.max(ended))
    }

    async fn tell_of_password(&self, user: UserId) -> Result<(), CommandError> {
        let known = self.users.load(&user).await?.aggregate;
        let to = known.email().and_then(|it| it.clear());
        self.tell_by_mail(to.map(String::as_str), "The password of your account was changed.");
        Ok(())
    }

    /// Shows once more that he knows his password; counted as sign-ins are.
    pub(super) async fn prove(
        &self,
        cause: &Cause,
        user: UserId,
        password: &str,
    ) -> Result<(), CommandError> {
        let email = self.users.load(&user).await?.aggregate;
        let email = email.email().and_then(|it| it.clear().cloned()).unwrap_or_default();
        let tries = self.tries(cause, &email)?;
        let now = self.journal.clock().now();
        let locked = self.sign_ins.load(&tries).await?.aggregate.locked_for(now);
        if let Some(wait_s) = locked {
            return Err(told(CommandError::rejected(&SignInError::Locked { wait_s })));
        }
        let attempt = cause.then("prove");
        let Some(kept) = self.password_hash(user).await? else {
            return Err(CommandError::Rejected(Box::new(Refusal {
                ground: Ground::State,
                reason: "this account has no password yet; ask for a link to choose one with POST \
                         /api/v1/auth/password/forgot"
                    .to_owned(),
                code: None,
                field: None,
                details: None,
            })));
        };
        if self.passwords.verify(password, Some(&kept)).await? == Verified::No {
            let fail = SignInCommand::Fail { user: Some(user), method: Method::Password, now };
            self.sign_ins.execute(&tries, fail, &attempt).await.map_err(told)?;
            return Err(invalid_credentials());
        }
        let succeed = SignInCommand::Succeed { now };
        self.sign_ins.execute(&tries, succeed, &attempt).await.map(|_| ()).map_err(told)
    }

    async fn check_new(&self, user: UserId, new: &str, field: &str) -> Result<(), CommandError> {
        let known = self.users.load(&user).await?.aggregate;
        let name = known.name().and_then(|it| it.clear().cloned()).unwrap_or_default();
        let email =
            known.email().and_then(|it| it.clear()).map(|it| Email::parse(it)).transpose()?;
        let email = email.ok_or_else(|| CommandError::NotFound("user".to_owned()))?;
        password::check(new, &email, &name, field)
    }

    /// Asks for a link to a new password. The answer is the same whether there is such an account, and so
    /// is the work.
    pub async fn forget_password(&self, _: &Cause, email: &str) -> Result<(), CommandError> {
        let email = Email::parse(email)?;
        let found = self.reserve.user("email", email.as_str()).await?;
        let user = found.unwrap_or(UserId(Uuid::nil()));
        let known = self.users.load(&user).await?.aggregate;
        let reset = Reset { user, epoch: known.epoch(), claim: known.email_claim().cloned() };
        let reader = Reader { user: found.filter(|_| known.is_active()), email: email.as_str() };
        self.send_link(reader, Leads::ResetPassword, reset).await
    }

    /// A new password by a link. It lets nobody in: who has a second factor still shows it.
    pub async fn reset_password(
        &self,
        cause: &Cause,
        token: &str,
        new: &str,
    ) -> Result<u64, CommandError> {
        let leads = Leads::ResetPassword;
        let kept: Kept<Reset> = self.visit(leads, token).await?;
        let Reset { user, epoch, claim } = &kept.said;
        let user = *user;
        let known = self.users.load(&user).await?.aggregate;
        let same = known.epoch() <= *epoch && known.email_claim() == claim.as_ref();
        if !known.is_active() || !same {
            return Err(invalid_token("the link is void; ask for another one"));
        }
        if let Err(error) = self.check_new(user, new, "new_password").await {
            // The link is still good for a better one.
            self.put_back(leads, token, &kept).await?;
            return Err(error);
        }
        let (cause, by) = (as_user(cause, user), Actor::user(user));
        if !known.email_verified() {
            // First: whoever is cut off in between asks for another link, and all of it is done again.
            self.forget_ways_in(&cause, user, &known).await?;
        }
        let recover = UserCommand::Recover { by };
        let mut position = self.new_password(&cause, user, new, recover).await?;
        if !known.email_verified() {
            position = position.max(self.join_by_domain(&cause, user).await?.unwrap_or_default());
        }
        self.followed(leads, user).await?;
        Ok(position)
    }

    /// Gives up what the ways into an account were known by that it had until now.
    async fn forget_ways_in(
        &self,
        cause: &Cause,
        user: UserId,
        before: &User,
    ) -> Result<(), CommandError> {
        for claim in before.links().values() {
            self.reserve.release(cause, claim, owner(user)).await?;
        }
        for kind in ["backup-codes/", "link/", "passkey/", "totp/"] {
            for name in self.vault.secrets(&format!("{kind}{user}")).await? {
                self.vault.delete_secret(&name).await?;
            }
        }
        Ok(())
    }

    /// A new password by an administrator; whoever calls this has seen to it that the caller may.
    pub async fn set_password(
        &self,
        caller: &Caller,
        user: UserId,
        new: &str,
    ) -> Result<u64, CommandError> {
        self.check_new(user, new, "password").await?;
        let (how, by) = (PasswordChange::Administrator, caller.actor().clone());
        self.new_password(&caller.cause, user, new, UserCommand::SetPassword { how, by }).await
    }

    async fn new_password(
        &self,
        cause: &Cause,
        user: UserId,
        new: &str,
        set: UserCommand,
    ) -> Result<u64, CommandError> {
        self.keep_password(user, new).await?;
        let executed = self.users.execute(&user, set, &cause.then("password")).await?;
        let ended = self.end_void(cause, user, executed.position, Ending::PasswordChanged).await?;
        self.tell_of_password(user).await?;
        Ok(ended)
    }

    /// Sends a link that verifies the present address.
    pub async fn send_verification(&self, caller: &Caller) -> Result<(), CommandError> {
        self.ask_to_verify(caller.signed()?.user).await
    }

    pub(super) async fn ask_to_verify(&self, user: UserId) -> Result<(), CommandError> {
        let known = self.users.load(&user).await?.aggregate;
        let (Some(email), Some(claim)) =
            (known.email().and_then(|it| it.clear()), known.email_claim())
        else {
            return Ok(());
        };
        if known.email_verified() {
            return Ok(());
        }
        let verify = Verify { user, claim: claim.clone(), other: None };
        self.send_link(Reader { user: Some(user), email }, Leads::VerifyEmail, verify).await
    }

    /// Another address, by who knows the password: it counts once the link mailed there was followed.
    pub async fn change_email(
        &self,
        caller: &Caller,
        password: &str,
        email: &str,
    ) -> Result<(), CommandError> {
        let user = caller.signed()?.user;
        let email = Email::claimed(email)?;
        caller.require_fresh(self.journal.clock().now())?;
        self.prove(&caller.cause, user, password).await?;
        let claim = self.reserve.id("email", email.as_str())?;
        let known = self.users.load(&user).await?.aggregate;
        let (before, epoch) = (known.email_claim().cloned(), known.epoch());
        let other = Some(Other { email: email.as_str().to_owned(), before, epoch });
        let verify = Verify { user, claim, other };
        let reader = Reader { user: Some(user), email: email.as_str() };
        self.send_link(reader, Leads::VerifyEmail, verify).await
    }

    /// The link that was mailed to an address was followed.
    pub async fn verify_email(&self, cause: &Cause, token: &str) -> Result<u64, CommandError> {
        let kept: Kept<Verify> = self.visit(Leads::VerifyEmail, token).await?;
        let Verify { user, claim, other } = kept.said;
        let known = self.users.load(&user).await?.aggregate;
        let same = other.as_ref().is_none_or(|it| {
            known.epoch() <= it.epoch && known.email_claim() == it.before.as_ref()
        });
        if !known.is_active() || !same {
            return Err(invalid_token("the link is void; ask for another one"));
        }
        let cause = &as_user(cause, user);
        let position = match other {
            None => {
                let verify = UserCommand::VerifyEmail { email_claim: claim };
                self.users.execute(&user, verify, cause).await?.position
            }
            Some(other) => {
                let email = Email::parse(&other.email)?;
                self.move_to(cause, user, &email, true, Actor::user(user)).await?
            }
        };
        let joined = self.join_by_domain(cause, user).await?;
        self.followed(Leads::VerifyEmail, user).await?;
        Ok(position.max(joined.unwrap_or_default()))
    }

    /// Gives a user another address. With the mail domain he leaves its organization.
    pub(crate) async fn move_to(
        &self,
        cause: &Cause,
        user: UserId,
        email: &Email,
        verified: bool,
        by: Actor,
    ) -> Result<u64, CommandError> {
        let known = self.users.load(&user).await?.aggregate;
        let before = known.email_claim().cloned();
        let old = known.email().and_then(|it| it.clear()).map(|it| Email::parse(it)).transpose()?;
        let kind = ("email", "email");
        let claim = self.reserve.take(cause, kind, email.as_str(), owner(user)).await?;
        let change = UserCommand::ChangeEmail {
            email: Personal::of(Person::user(user), email.as_str().to_owned()),
            email_claim: claim.clone(),
            verified,
            by,
        };
        let changed = self.users.execute(&user, change, &cause.then("email")).await?;
        let mut position = changed.position;
        if let Some(before) = before.filter(|it| *it != claim) {
            self.reserve.release(cause, &before, owner(user)).await?;
            let to = old.as_ref().map(Email::as_str);
            self.tell_by_mail(to, "The address of your account was changed to another one.");
        }
        let left = old.and_then(|it| it.organization());
        if let Some(left) = left.filter(|it| email.organization() != Some(*it))
            && known.organization() == Some(left)
        {
            let by = Actor::system("accounts");
            position = self.move_user(&cause.then("leave"), user, None, by).await?;
        }
        Ok(position)
    }
}
