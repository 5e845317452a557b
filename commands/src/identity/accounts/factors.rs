//! Second factors: which ones an account has, showing one, and taking them away.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::identity::{
    Factor, FactorCommand, Method, SessionCommand, User, UserCommand, UserError,
};
use domain::kernel::{Cause, Ground, Person, Personal, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::backup_codes::{codes_name, locked_up};
use super::enter::as_user;
use super::passkeys::Asking;
use super::{Accounts, Entered};
use crate::ports::{Caller, Executed, FRESH, Loaded, Passkeys, Proof, Totp};
use crate::{CommandError, Refusal};

/// The door to second factors and passkeys.
#[derive(Clone)]
pub struct SecondFactors {
    pub accounts: Accounts,
    pub passkeys: Arc<dyn Passkeys>,
    pub totp: Arc<dyn Totp>,
}

/// What somebody shows of what he has.
#[derive(Clone)]
pub enum Evidence {
    BackupCode(String),
    /// What a browser made of what it was asked for.
    Passkey(Value),
    Totp(String),
}

/// What protects an account.
pub struct Protection {
    pub factors: Vec<(Uuid, Factor)>,
    pub backup_codes: usize,
    pub version: u64,
}

/// A factor that its owner showed he has.
pub(super) struct NewFactor {
    pub(super) id: Uuid,
    pub(super) method: Method,
    pub(super) name: String,
    pub(super) counter: u64,
    pub(super) secret: Vec<u8>,
}

impl SecondFactors {
    /// What protects the caller's account.
    pub async fn list(&self, caller: &Caller) -> Result<Protection, CommandError> {
        let Loaded { aggregate, version, .. } = self.own(caller).await?;
        let factors = aggregate.factors();
        Ok(Protection {
            factors: factors.all().map(|(id, factor)| (id, factor.clone())).collect(),
            backup_codes: factors.backup_codes().len(),
            version,
        })
    }

    /// Come in by a second factor, after the first one was right.
    pub async fn complete_login(
        &self,
        cause: &Cause,
        mfa_token: &str,
        evidence: &Evidence,
    ) -> Result<Entered, CommandError> {
        let challenged = self.accounts.take_challenge(mfa_token).await?;
        let asking = Asking::Login(mfa_token.to_owned());
        match self.show(cause, challenged.user, evidence, &asking).await {
            Ok(()) => self.accounts.enter_challenged(cause, challenged, evidence.method()).await,
            Err(error) => {
                self.accounts.put_back_challenge(mfa_token, challenged).await?;
                Err(error)
            }
        }
    }

    /// Show a second factor once more, for what is dangerous; answers until when it counts.
    pub async fn step_up(
        &self,
        caller: &Caller,
        evidence: &Evidence,
    ) -> Result<(DateTime<Utc>, u64), CommandError> {
        let signed = caller.signed()?;
        let asking = Asking::StepUp(signed.session);
        self.show(&caller.cause, signed.user, evidence, &asking).await?;
        let (at, position) = self.shown_here(caller, evidence.method()).await?;
        Ok((at + FRESH, position))
    }

    /// Take away all second factors, if the account still has this version.
    pub async fn disable(
        &self,
        caller: &Caller,
        version: Option<u64>,
    ) -> Result<u64, CommandError> {
        let user = caller.signed()?.user;
        caller.require_fresh(self.now())?;
        let executed = self.tell(user, version, FactorCommand::Disable, &caller.cause).await?;
        for kind in ["passkey", "totp"] {
            for name in self.accounts.vault.secrets(&format!("{kind}/{user}/")).await? {
                self.accounts.vault.delete_secret(&name).await?;
            }
        }
        self.accounts.vault.delete_secret(&codes_name(user)).await?;
        Ok(executed.position)
    }

    /// Take away one second factor. With the last one the backup codes go as well.
    pub async fn remove(
        &self,
        caller: &Caller,
        factor: Uuid,
        only: Option<Method>,
        version: Option<u64>,
    ) -> Result<u64, CommandError> {
        let user = caller.signed()?.user;
        caller.require_fresh(self.now())?;
        let known = self.own(caller).await?.aggregate;
        let found = known.factors().all().find(|(id, _)| *id == factor);
        let found = found.filter(|(_, it)| only.is_none_or(|only| only == it.method));
        let Some((_, Factor { method, .. })) = found else {
            return Err(CommandError::rejected(&UserError::UnknownFactor));
        };
        let remove = FactorCommand::Remove { factor };
        let executed = self.tell(user, version, remove, &caller.cause).await?;
        self.accounts.vault.delete_secret(&secret_name(*method, user, factor)).await?;
        if !self.own(caller).await?.aggregate.factors().enabled() {
            self.accounts.vault.delete_secret(&codes_name(user)).await?;
        }
        Ok(executed.position)
    }

    /// Judges what a user shows. What is right counts once; what is wrong counts towards a lock.
    pub(super) async fn show(
        &self,
        cause: &Cause,
        user: UserId,
        evidence: &Evidence,
        asking: &Asking,
    ) -> Result<(), CommandError> {
        let known = self.accounts.active(user).await?;
        self.require_open(&known)?;
        let now = self.now();
        let cause = as_user(&cause.then("factor"), user);

        let mut changed = None;
        let right = match evidence {
            Evidence::BackupCode(code) => {
                let number = self.number_of(user, code).await?;
                number.map(|number| FactorCommand::UseBackupCode { number, now })
            }
            Evidence::Passkey(credential) => {
                let proof = self.judge(user, credential, asking).await?;
                proof.map(|Proof { factor, counter, changed: keep }| {
                    changed = keep.map(|passkey| (factor, passkey));
                    FactorCommand::Use { factor, counter, now }
                })
            }
            Evidence::Totp(code) => {
                let matched = self.factor_of(user, &known, code).await?;
                matched.map(|(factor, counter)| FactorCommand::Use { factor, counter, now })
            }
        };
        let Some(right) = right else {
            return Err(self.fail(user, evidence.method(), &cause).await?);
        };
        self.use_once(user, right, evidence.method(), &cause).await?;
        if let Some((factor, passkey)) = changed {
            let name = secret_name(Method::Passkey, user, factor);
            self.accounts.vault.put_secret(&name, &passkey).await?;
        }
        Ok(())
    }

    /// Uses what is right. What was used before counts as wrong.
    pub(super) async fn use_once(
        &self,
        user: UserId,
        command: FactorCommand,
        method: Method,
        cause: &Cause,
    ) -> Result<Executed<User>, CommandError> {
        match self.tell(user, None, command, cause).await {
            Err(CommandError::Rejected(no)) if no.code == Some("INVALID_CREDENTIALS") => {
                self.fail(user, method, &cause.then("again")).await?;
                Err(CommandError::Rejected(no))
            }
            other => other,
        }
    }

    /// Counts what was wrong, and says so.
    pub(super) async fn fail(
        &self,
        user: UserId,
        method: Method,
        cause: &Cause,
    ) -> Result<CommandError, CommandError> {
        let fail = FactorCommand::Fail { method, now: self.now() };
        self.tell(user, None, fail, cause).await?;
        Ok(wrong())
    }

    pub(super) fn require_open(&self, user: &User) -> Result<(), CommandError> {
        let Some(wait_s) = user.factors().locked_for(self.now()) else { return Ok(()) };
        let refusal = CommandError::rejected(&UserError::FactorLocked { wait_s });
        let CommandError::Rejected(mut refusal) = refusal else { return Err(refusal) };
        refusal.details = Some(json!({ "retry_after": wait_s }));
        Err(CommandError::Rejected(refusal))
    }

    /// Who adds a factor shows that he is there himself, lest a stolen session locks its owner out: by a
    /// factor where he has one, else by a sign-in of a short while ago or by his password.
    pub(crate) async fn require_owner(
        &self,
        caller: &Caller,
        password: Option<&str>,
    ) -> Result<User, CommandError> {
        let signed = caller.signed()?;
        let known = self.own(caller).await?.aggregate;
        let now = self.now();
        if known.factors().enabled() {
            caller.require_fresh(now)?;
            return Ok(known);
        }
        let session = self.accounts.sessions.load(&signed.session).await?.aggregate;
        let shown = [session.started_at(), session.factor_at()];
        if shown.into_iter().flatten().any(|at| now - at <= FRESH) {
            return Ok(known);
        }
        let Some(password) = password else {
            let reason = "this needs a sign-in of the last ten minutes, or your password as \
                          `current_password`";
            return Err(refused(Ground::Person, reason, Some("STEP_UP_REQUIRED")));
        };
        self.accounts.prove(&caller.cause, signed.user, password).await?;
        Ok(known)
    }

    /// Adds a factor. The first one comes with backup codes, and so does one that brings its own.
    pub(super) async fn add(
        &self,
        caller: &Caller,
        new: NewFactor,
        codes: Option<&[String]>,
    ) -> Result<u64, CommandError> {
        let user = caller.signed()?.user;
        let NewFactor { id, method, name, counter, secret } = new;
        let hashes = match codes {
            Some(codes) => Some(locked_up(&*self.accounts.passwords, codes).await?),
            None => None,
        };
        let secret_name = secret_name(method, user, id);
        self.accounts.vault.put_secret(&secret_name, &secret).await?;
        let name = Personal::of(Person::user(user), name);
        let add = FactorCommand::Add { factor: id, method, name, counter, now: self.now() };
        let added = self.tell(user, None, add, &caller.cause.then("factor")).await;
        let mut position = match added {
            Ok(executed) => executed.position,
            Err(error) => {
                self.accounts.vault.delete_secret(&secret_name).await?;
                return Err(error);
            }
        };
        if let Some(hashes) = hashes {
            position = self.keep_codes(user, &hashes, &caller.cause).await?;
        }
        let (_, shown) = self.shown_here(caller, method).await?;
        Ok(position.max(shown))
    }

    /// In the caller's session a second factor was shown just now.
    async fn shown_here(
        &self,
        caller: &Caller,
        method: Method,
    ) -> Result<(DateTime<Utc>, u64), CommandError> {
        let (session, now) = (caller.signed()?.session, self.now());
        let step_up = SessionCommand::StepUp { method, now };
        let cause = caller.cause.then("step-up");
        let executed = self.accounts.sessions.execute(&session, step_up, &cause).await?;
        Ok((now, executed.position))
    }

    /// The caller's own account.
    pub(super) async fn own(&self, caller: &Caller) -> Result<Loaded<User>, CommandError> {
        self.accounts.users.load(&caller.signed()?.user).await
    }

    pub(super) async fn tell(
        &self,
        user: UserId,
        version: Option<u64>,
        command: FactorCommand,
        cause: &Cause,
    ) -> Result<Executed<User>, CommandError> {
        let command = UserCommand::Factor(command);
        match version {
            Some(version) => self.accounts.users.execute_at(&user, version, command, cause).await,
            None => self.accounts.users.execute(&user, command, cause).await,
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.accounts.journal.clock().now()
    }
}

impl Evidence {
    pub fn method(&self) -> Method {
        match self {
            Self::BackupCode(_) => Method::BackupCode,
            Self::Passkey(_) => Method::Passkey,
            Self::Totp(_) => Method::Totp,
        }
    }
}

/// Where the vault keeps what a factor is known by.
pub(super) fn secret_name(method: Method, user: UserId, factor: Uuid) -> String {
    format!("{}/{user}/{factor}", method.as_ref())
}

/// The same words whatever was wrong.
pub(super) fn wrong() -> CommandError {
    let reason = "this is not a code or passkey of this account, or it was used already";
    refused(Ground::Person, reason, Some("INVALID_CREDENTIALS"))
}

pub(super) fn refused(ground: Ground, reason: &str, code: Option<&'static str>) -> CommandError {
    let reason = reason.to_owned();
    CommandError::Rejected(Box::new(Refusal { ground, reason, code, field: None, details: None }))
}
