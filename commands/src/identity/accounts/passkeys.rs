//! Passkeys: making them, coming in by them, and showing one as a second factor.

use std::time::Duration;

use domain::identity::{FactorCommand, Method};
use domain::kernel::{Cause, Ground, SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::enter::{as_user, secret};
use super::factors::{NewFactor, SecondFactors, refused, secret_name, wrong};
use super::{Entered, backup_codes};
use crate::CommandError;
use crate::ports::{Caller, Ceremony, KeptPasskey, Owner, PasskeyError, Proof};

/// How long a browser may take.
const LASTS: Duration = Duration::from_mins(5);

/// What a passkey is asked for; there is one ticket for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asking {
    /// As a second factor at a login, by its ticket.
    Login(String),
    /// To be made, in this session.
    Registration(SessionId),
    /// To come in by, by a ticket of its own.
    SignIn(String),
    /// As a second factor once more, in this session.
    StepUp(SessionId),
}

/// A passkey that was just made.
pub struct MadePasskey {
    pub factor: Uuid,
    pub name: String,
    /// With the first factor of an account; shown this once.
    pub backup_codes: Option<Vec<String>>,
    pub position: u64,
}

/// What was asked for, until it is brought.
#[derive(Serialize, Deserialize)]
struct Asked {
    state: String,
}

impl SecondFactors {
    /// Ask for a new passkey; answers what a browser needs for it.
    pub async fn begin_passkey(
        &self,
        caller: &Caller,
        password: Option<&str>,
    ) -> Result<Value, CommandError> {
        let signed = caller.signed()?;
        let known = self.require_owner(caller, password).await?;
        let text = |it: Option<&domain::kernel::Personal<String>>| {
            it.map_or_else(String::new, |it| it.shown().to_owned())
        };
        let owner =
            Owner { user: signed.user, account: text(known.email()), name: text(known.name()) };
        let kept = self.kept(signed.user).await?;
        let ceremony = self.passkeys.begin_registration(&owner, &kept)?;
        self.keep(&Asking::Registration(signed.session), ceremony).await
    }

    /// Keep the passkey that was asked for. The first factor of an account comes with backup codes.
    pub async fn finish_passkey(
        &self,
        caller: &Caller,
        name: String,
        credential: &Value,
    ) -> Result<MadePasskey, CommandError> {
        let signed = caller.signed()?;
        let asked = self.taken(&Asking::Registration(signed.session)).await?;
        let made = match self.passkeys.finish_registration(&asked.state, credential) {
            Ok(made) => made,
            Err(PasskeyError::Failed(error)) => return Err(error),
            Err(error) => return Err(CommandError::invalid("credential", error.to_string())),
        };
        let known = self.own(caller).await?.aggregate;
        let codes = known.factors().backup_codes().is_empty().then(backup_codes::made);
        let (id, method) = (Uuid::now_v7(), Method::Passkey);
        let (counter, secret) = (made.counter, made.passkey);
        let new = NewFactor { id, method, name: name.clone(), counter, secret };
        let position = self.add(caller, new, codes.as_deref()).await?;
        Ok(MadePasskey { factor: id, name, backup_codes: codes, position })
    }

    /// Ask for any passkey, to come in by: answers a ticket and what a browser needs for it.
    pub async fn begin_sign_in(&self) -> Result<(String, Value), CommandError> {
        let ticket = secret();
        let ceremony = self.passkeys.ask(&[])?;
        let options = self.keep(&Asking::SignIn(ticket.clone()), ceremony).await?;
        Ok((ticket, options))
    }

    /// Come in by a passkey. It is held and unlocked, so it is both factors at once.
    pub async fn finish_sign_in(
        &self,
        cause: &Cause,
        ticket: &str,
        credential: &Value,
        remember: bool,
    ) -> Result<Entered, CommandError> {
        let asked = self.taken(&Asking::SignIn(ticket.to_owned())).await?;
        // Strangers can bring anything: what is wrong says nothing of an account and counts against none.
        let user = self.passkeys.owner(credential).ok_or_else(wrong)?;
        let known = match self.accounts.active(user).await {
            Ok(known) => known,
            Err(CommandError::Rejected(_)) => return Err(wrong()),
            Err(error) => return Err(error),
        };
        let cause = as_user(cause, user);
        let kept = self.kept(user).await?;
        let proof = match self.passkeys.prove(&asked.state, credential, &kept) {
            Ok(proof) => proof,
            Err(PasskeyError::Cloned { factor }) => {
                tracing::warn!(%user, %factor, "the counter of a passkey went back");
                let cause = cause.then("factor");
                return Err(self.fail(user, Method::Passkey, &cause).await?);
            }
            Err(PasskeyError::Failed(error)) => return Err(error),
            Err(PasskeyError::Refused(reason)) => {
                tracing::debug!(reason, "a passkey was refused");
                return Err(wrong());
            }
        };
        self.require_open(&known)?;
        let Proof { factor, counter, changed } = proof;
        let used = FactorCommand::Use { factor, counter, now: self.now() };
        self.use_once(user, used, Method::Passkey, &cause.then("factor")).await?;
        if let Some(changed) = changed {
            let name = secret_name(Method::Passkey, user, factor);
            self.accounts.vault.put_secret(&name, &changed).await?;
        }
        self.accounts.enter(&cause, user, vec![Method::Passkey], true, remember).await
    }

    /// Ask for one of the passkeys of who is signing in and has shown his password.
    pub async fn ask_at_login(&self, mfa_token: &str) -> Result<Value, CommandError> {
        let user = self.accounts.look_at_challenge(mfa_token).await?.user;
        self.ask_for_one(user, &Asking::Login(mfa_token.to_owned())).await
    }

    /// Ask the caller for one of his passkeys, to step up.
    pub async fn ask_to_step_up(&self, caller: &Caller) -> Result<Value, CommandError> {
        let signed = caller.signed()?;
        self.ask_for_one(signed.user, &Asking::StepUp(signed.session)).await
    }

    async fn ask_for_one(&self, user: UserId, asking: &Asking) -> Result<Value, CommandError> {
        let kept = self.kept(user).await?;
        if kept.is_empty() {
            let reason = "this account has no passkey; show another factor";
            return Err(refused(Ground::State, reason, None));
        }
        let ceremony = self.passkeys.ask(&kept)?;
        self.keep(asking, ceremony).await
    }

    /// Judges a passkey as a second factor; none when it is not the user's.
    pub(super) async fn judge(
        &self,
        user: UserId,
        credential: &Value,
        asking: &Asking,
    ) -> Result<Option<Proof>, CommandError> {
        let asked = self.taken(asking).await?;
        if self.passkeys.owner(credential).is_some_and(|it| it != user) {
            return Ok(None);
        }
        let kept = self.kept(user).await?;
        match self.passkeys.prove(&asked.state, credential, &kept) {
            Ok(proof) => Ok(Some(proof)),
            Err(PasskeyError::Failed(error)) => Err(error),
            Err(PasskeyError::Cloned { factor }) => {
                tracing::warn!(%user, %factor, "the counter of a passkey went back");
                Ok(None)
            }
            Err(PasskeyError::Refused(reason)) => {
                tracing::debug!(%user, reason, "a passkey was refused");
                Ok(None)
            }
        }
    }

    /// The passkeys of a user.
    async fn kept(&self, user: UserId) -> Result<Vec<KeptPasskey>, CommandError> {
        let known = self.accounts.users.load(&user).await?.aggregate;
        let mut kept = Vec::new();
        for (factor, _) in known.factors().of(Method::Passkey) {
            let name = secret_name(Method::Passkey, user, factor);
            if let Some(passkey) = self.accounts.vault.secret(&name).await? {
                kept.push(KeptPasskey { factor, passkey });
            }
        }
        Ok(kept)
    }

    async fn keep(&self, asking: &Asking, ceremony: Ceremony) -> Result<Value, CommandError> {
        let Ceremony { options, state } = ceremony;
        let asked = serde_json::to_string(&Asked { state }).map_err(CommandError::unavailable)?;
        self.accounts.tickets.put(&asking.ticket(), &asked, LASTS).await?;
        Ok(options)
    }

    /// What was asked for, once.
    async fn taken(&self, asking: &Asking) -> Result<Asked, CommandError> {
        let Some(asked) = self.accounts.tickets.take(&asking.ticket()).await? else {
            let reason =
                "no passkey was asked for, or it took longer than five minutes; begin again";
            return Err(refused(Ground::State, reason, None));
        };
        serde_json::from_str(&asked).map_err(CommandError::unavailable)
    }
}

impl Asking {
    fn ticket(&self) -> String {
        match self {
            Self::Login(token) => format!("passkey/login/{token}"),
            Self::Registration(session) => format!("passkey/registration/{session}"),
            Self::SignIn(ticket) => format!("passkey/sign-in/{ticket}"),
            Self::StepUp(session) => format!("passkey/step-up/{session}"),
        }
    }
}
