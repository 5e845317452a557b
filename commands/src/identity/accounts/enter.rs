//! Lets somebody in who showed who he is, or asks for one thing more.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::identity::{Method, SessionCommand, User};
use domain::kernel::{Actor, Cause, Ground, Personal, SessionId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Accounts, Challenge, Entered, Entry};
use crate::ports::{Claims, Loaded};
use crate::{CommandError, Refusal};

/// How long somebody has to show his second factor, and how often he may try with one ticket.
const CHALLENGE_LASTS: TimeDelta = TimeDelta::minutes(5);
const TRIES: u32 = 5;

/// Somebody whose password was right, and who has to show something more.
#[derive(Clone, Serialize, Deserialize)]
pub struct Challenged {
    pub user: UserId,
    /// How he came so far.
    pub methods: Vec<Method>,
    pub remember: bool,
    /// The user's epoch then: with a new password meanwhile, it is void.
    epoch: u64,
    tries: u32,
    /// Looking at it or trying does not make it last longer.
    until: DateTime<Utc>,
}

impl Accounts {
    /// Somebody showed who he is by this: he is in, or has to show a second factor when he has one.
    pub async fn enter_or_challenge(
        &self,
        cause: &Cause,
        user: UserId,
        method: Method,
        remember: bool,
    ) -> Result<Entry, CommandError> {
        let known = self.users.load(&user).await?;
        self.go_on(cause, (user, known), method, remember).await
    }

    /// The same for a user as he was before he showed it: when his password is changed meanwhile, what
    /// begins here is void from the start.
    pub(super) async fn go_on(
        &self,
        cause: &Cause,
        (user, known): (UserId, Loaded<User>),
        method: Method,
        remember: bool,
    ) -> Result<Entry, CommandError> {
        // A passkey is held and unlocked: both factors at once.
        let whole = method == Method::Passkey;
        if !known.aggregate.factors().enabled() || whole {
            let started =
                self.start(cause, (user, &known.aggregate), vec![method], whole, remember);
            return Ok(Entry::In(Box::new(started.await?)));
        }
        self.ask(user, &known, vec![method], remember).await.map(Entry::Challenge)
    }

    /// Lets somebody in who was asked for more and showed it. With another password since he was asked, it is void.
    pub(super) async fn enter_challenged(
        &self,
        cause: &Cause,
        challenged: Challenged,
        shown: Method,
    ) -> Result<Entered, CommandError> {
        let Challenged { user, mut methods, remember, epoch, .. } = challenged;
        let known = self.active(user).await?;
        if known.epoch() > epoch {
            return Err(invalid_token("the password was changed meanwhile; sign in again"));
        }
        methods.push(shown);
        self.start(cause, (user, &known), methods, true, remember).await
    }

    /// Starts a session, and makes its tokens. Whoever calls this has seen who it is.
    pub async fn enter(
        &self,
        cause: &Cause,
        user: UserId,
        methods: Vec<Method>,
        factor: bool,
        remember: bool,
    ) -> Result<Entered, CommandError> {
        let known = self.active(user).await?;
        self.start(cause, (user, &known), methods, factor, remember).await
    }

    async fn start(
        &self,
        cause: &Cause,
        (user, known): (UserId, &User),
        methods: Vec<Method>,
        factor: bool,
        remember: bool,
    ) -> Result<Entered, CommandError> {
        if !known.is_active() {
            return Err(invalid_credentials());
        }
        let id = SessionId::new();
        let lasts = if remember { self.settings.remembered } else { self.settings.refresh };
        let start = SessionCommand::Start {
            user,
            organization: known.organization(),
            methods,
            factor,
            remember,
            lasts,
            epoch: known.epoch(),
            now: self.journal.clock().now(),
        };
        let cause = as_user(&cause.then("session"), user);
        let executed = self.sessions.execute(&id, start, &cause).await?;
        self.entered(user, id, executed.position).await
    }

    /// The tokens of a session as it is now.
    pub(super) async fn entered(
        &self,
        user: UserId,
        id: SessionId,
        position: u64,
    ) -> Result<Entered, CommandError> {
        let session = self.sessions.load(&id).await?.aggregate;
        let account = self.account(user).await?;
        let now = self.journal.clock().now();
        let ends = session.expires_at().unwrap_or(now);
        let expires_at = ends.min(now + self.settings.access);
        let claims = Claims {
            id: Uuid::now_v7(),
            user,
            email: account.email.shown().to_owned(),
            name: account.name.shown().to_owned(),
            roles: account.roles.iter().map(ToString::to_string).collect(),
            organization: account.organization,
            session: id,
            issued_at: now,
            expires_at,
        };
        let seconds = |until: DateTime<Utc>| (until - now).num_seconds().max(0).unsigned_abs();
        Ok(Entered {
            access_token: self.tokens.sign(&claims).await?,
            refresh_token: self.refresh_token(id, session.turn()),
            expires_in: seconds(expires_at),
            refresh_expires_in: seconds(ends),
            account,
            session: id,
            position,
        })
    }

    /// Asks for a second factor.
    pub async fn challenge(
        &self,
        _: &Cause,
        user: UserId,
        methods: Vec<Method>,
        remember: bool,
    ) -> Result<Challenge, CommandError> {
        let known = self.users.load(&user).await?;
        self.ask(user, &known, methods, remember).await
    }

    async fn ask(
        &self,
        user: UserId,
        loaded: &Loaded<User>,
        methods: Vec<Method>,
        remember: bool,
    ) -> Result<Challenge, CommandError> {
        let known = &loaded.aggregate;
        let mfa_token = secret();
        let (epoch, tries) = (known.epoch(), 0);
        let until = self.journal.clock().now() + CHALLENGE_LASTS;
        let challenged = Challenged { user, methods, remember, epoch, tries, until };
        self.keep_challenge(&mfa_token, &challenged).await?;

        let mut can = Vec::new();
        for method in [Method::Totp, Method::Passkey] {
            if known.factors().of(method).next().is_some() {
                can.push(method);
            }
        }
        if !known.factors().backup_codes().is_empty() {
            can.push(Method::BackupCode);
        }
        Ok(Challenge { mfa_token, methods: can, position: loaded.position })
    }

    /// Who was asked, for one try.
    pub async fn take_challenge(&self, mfa_token: &str) -> Result<Challenged, CommandError> {
        let no = || {
            invalid_token("the second step took too long, or was tried too often; sign in again")
        };
        let kept = self.tickets.take(&name(mfa_token)).await?.ok_or_else(no)?;
        let challenged: Challenged =
            serde_json::from_str(&kept).map_err(CommandError::unavailable)?;
        let known = self.users.load(&challenged.user).await?.aggregate;
        let late = self.journal.clock().now() > challenged.until;
        if late || !known.is_active() || known.epoch() > challenged.epoch {
            return Err(no());
        }
        Ok(challenged)
    }

    /// Who was asked; it is no try.
    pub(super) async fn look_at_challenge(
        &self,
        mfa_token: &str,
    ) -> Result<Challenged, CommandError> {
        let challenged = self.take_challenge(mfa_token).await?;
        self.keep_challenge(mfa_token, &challenged).await?;
        Ok(challenged)
    }

    /// The code was wrong: he may try again, a few times.
    pub async fn put_back_challenge(
        &self,
        mfa_token: &str,
        mut challenged: Challenged,
    ) -> Result<(), CommandError> {
        challenged.tries += 1;
        if challenged.tries >= TRIES {
            return Ok(());
        }
        self.keep_challenge(mfa_token, &challenged).await
    }

    async fn keep_challenge(
        &self,
        token: &str,
        challenged: &Challenged,
    ) -> Result<(), CommandError> {
        let Ok(left) = (challenged.until - self.journal.clock().now()).to_std() else {
            return Ok(());
        };
        let kept = serde_json::to_string(challenged).map_err(CommandError::unavailable)?;
        self.tickets.put(&name(token), &kept, left).await
    }

    /// A user who may come in.
    pub(super) async fn active(&self, user: UserId) -> Result<User, CommandError> {
        let known = self.users.load(&user).await?.aggregate;
        if known.is_active() { Ok(known) } else { Err(invalid_credentials()) }
    }
}

/// What a user does at a door where nobody knew him yet. From where he came is his own data from here on,
/// so that it goes when he is erased.
pub(crate) fn as_user(cause: &Cause, user: UserId) -> Cause {
    let actor = Actor::user(user);
    let origin = cause.origin.as_ref().and_then(|it| it.clear().cloned());
    let origin = origin.map(|it| Arc::new(Personal::of(actor.person(), it)));
    Cause { actor, origin, ..cause.clone() }
}

fn name(mfa_token: &str) -> String {
    format!("mfa/{mfa_token}")
}

/// 256 random bits, as text.
pub(super) fn secret() -> String {
    blake3::Hash::from_bytes(rand::random()).to_hex().to_string()
}

/// The same words whatever was wrong, so that they tell nobody what was right.
pub(crate) fn invalid_credentials() -> CommandError {
    refused("the address or the password is wrong", "INVALID_CREDENTIALS")
}

pub(crate) fn invalid_token(reason: &str) -> CommandError {
    refused(reason, "INVALID_TOKEN")
}

fn refused(reason: &str, code: &'static str) -> CommandError {
    CommandError::Rejected(Box::new(Refusal {
        ground: Ground::Person,
        reason: reason.to_owned(),
        code: Some(code),
        field: None,
        details: None,
    }))
}
