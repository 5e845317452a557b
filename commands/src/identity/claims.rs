//! Makes values somebody's alone: addresses, names, accounts at providers.

use std::sync::Arc;

use domain::identity::{Claim, ClaimCommand, User};
use domain::kernel::{Cause, ClaimId, Ground, Journal, UserId};

use crate::ports::{Execute, Vault};
use crate::{CommandError, Refusal};

/// See the module.
#[derive(Clone)]
pub struct Reserve {
    pub claims: Arc<dyn Execute<Claim>>,
    pub users: Arc<dyn Execute<User>>,
    pub journal: Journal,
    pub vault: Arc<dyn Vault>,
}

impl Reserve {
    /// The claim of a value: a MAC, so that the value stands nowhere.
    pub fn id(&self, kind: &str, value: &str) -> Result<ClaimId, CommandError> {
        let id = format!("{kind}-{}", self.vault.index(kind, value));
        id.parse().map_err(CommandError::unavailable)
    }

    /// Whose a value is: `user:<id>`, if anybody's.
    pub async fn owner(&self, kind: &str, value: &str) -> Result<Option<String>, CommandError> {
        let claim = self.claims.load(&self.id(kind, value)?).await?.aggregate;
        Ok(claim.owner().map(ToOwned::to_owned))
    }

    /// The user a value belongs to, if it is one's.
    pub async fn user(&self, kind: &str, value: &str) -> Result<Option<UserId>, CommandError> {
        let owner = self.owner(kind, value).await?;
        Ok(owner.and_then(|owner| owner.strip_prefix("user:")?.parse().ok()))
    }

    /// Takes a value for an owner. One that is taken is a refusal that names the field.
    pub async fn take(
        &self,
        cause: &Cause,
        (kind, field): (&str, &str),
        value: &str,
        owner: String,
    ) -> Result<ClaimId, CommandError> {
        let id = self.id(kind, value)?;
        let cause = cause.then(id.as_str());
        let now = self.journal.clock().now();
        let take = ClaimCommand::Take { owner: owner.clone(), now };
        let Err(error) = self.claims.execute(&id, take, &cause).await else { return Ok(id) };
        let CommandError::Rejected(_) = &error else { return Err(error) };

        let from = self.claims.load(&id).await?.aggregate.owner().map(ToOwned::to_owned);
        let holder =
            from.as_deref().and_then(|it| it.strip_prefix("user:")?.parse::<UserId>().ok());
        if let (Some(from), Some(holder)) = (from, holder)
            && !self.users.load(&holder).await?.aggregate.exists()
        {
            let over = ClaimCommand::TakeOver { owner, from, now };
            if self.claims.execute(&id, over, &cause.then("over")).await.is_ok() {
                return Ok(id);
            }
        }
        Err(CommandError::Rejected(Box::new(Refusal {
            ground: Ground::State,
            reason: format!("this {} belongs to somebody else", field.replace('_', " ")),
            code: None,
            field: Some(field.to_owned()),
            details: None,
        })))
    }

    /// Gives a value up, if it is this owner's.
    pub async fn release(
        &self,
        cause: &Cause,
        id: &ClaimId,
        owner: String,
    ) -> Result<(), CommandError> {
        let cause = cause.then(&format!("release {id}"));
        self.claims.execute(id, ClaimCommand::Release { owner }, &cause).await.map(|_| ())
    }
}

/// How a user is named as an owner.
pub(crate) fn owner(user: UserId) -> String {
    format!("user:{user}")
}
