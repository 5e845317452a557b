//! Users as a directory keeps them (SCIM, RFC 7643): made, replaced, switched off.

use domain::identity::{Permission, Profile};
use domain::kernel::UserId;
use serde_json::Value;

use super::{NewUser, People, UserChange};
use crate::CommandError;
use crate::identity::owner;
use crate::ports::Caller;

/// Under this name the directory's attributes stand in a user's profile. Only directories change them.
pub const DIRECTORY: &str = "scim";

/// A user as a directory wants him.
pub struct Provisioned {
    /// By what the directory calls him; his alone.
    pub user_name: String,
    pub email: String,
    pub name: String,
    pub active: bool,
    pub password: Option<String>,
    /// All attributes, as the directory gave them.
    pub attributes: Value,
}

impl People {
    /// Make a user for a directory.
    pub async fn provision_user(
        &self,
        caller: &Caller,
        new: Provisioned,
    ) -> Result<(UserId, u64), CommandError> {
        caller.require(Permission::ManageUser)?;
        let Provisioned { user_name, email, name, active, password, attributes } = new;
        // The same request makes the same user; see `Accounts::create_user`.
        let id = UserId(caller.cause.then("user").command);
        let (reserve, cause) = (&self.accounts.reserve, &caller.cause);
        let kind = ("user_name", "userName");
        let claim = reserve.take(cause, kind, &folded(&user_name), owner(id)).await?;
        let wanted = NewUser { email, password, name, roles: [].into() };
        let made = self.create_user(caller, wanted).await;
        let (id, _) = match made {
            Ok(made) => made,
            Err(error) => {
                reserve.release(cause, &claim, owner(id)).await?;
                return Err(error);
            }
        };
        self.keep_claims(id, &[claim]).await?;
        let profile = Some(self.profile(id, attributes).await?);
        let active = Some(active);
        let change = UserChange { active, profile, ..UserChange::default() };
        let position = self.change_user(caller, id, None, change).await?;
        Ok((id, position))
    }

    /// Make a user what a directory says, if he still has this version.
    pub async fn reprovision_user(
        &self,
        caller: &Caller,
        id: UserId,
        version: Option<u64>,
        now: Provisioned,
    ) -> Result<u64, CommandError> {
        caller.require(Permission::ManageUser)?;
        let Provisioned { user_name, email, name, active, password, attributes } = now;
        let known = self.accounts.users.load(&id).await?;
        if let Some(version) = version.filter(|it| *it != known.version) {
            return Err(CommandError::Moved { wanted: version, at: known.version });
        }
        let known = known.aggregate;
        if !known.exists() {
            return Err(CommandError::NotFound("user".to_owned()));
        }
        // Before anything is taken in the name of who may more.
        self.check_strength(caller, id).await?;
        let (reserve, cause) = (&self.accounts.reserve, &caller.cause);
        let kind = ("user_name", "userName");
        let claim = reserve.take(cause, kind, &folded(&user_name), owner(id)).await?;
        let before = self.further_claims(id).await?;
        self.keep_claims(id, std::slice::from_ref(&claim)).await?;
        for old in before.iter().filter(|it| **it != claim) {
            reserve.release(cause, old, owner(id)).await?;
        }
        let same = |kept: Option<&domain::kernel::Personal<String>>, wanted: &str| {
            kept.and_then(|it| it.clear()).is_some_and(|it| it.eq_ignore_ascii_case(wanted))
        };
        let profile = self.profile(id, attributes).await?;
        let unchanged = known.profile().and_then(|it| it.clear()) == Some(&profile);
        let change = UserChange {
            email: (!same(known.email(), &email)).then_some(email),
            name: known
                .name()
                .and_then(|it| it.clear())
                .is_none_or(|it| *it != name)
                .then_some(name),
            active: Some(active),
            profile: (!unchanged).then_some(profile),
        };
        let mut position = self.change_user(caller, id, None, change).await?;
        if let Some(password) = password {
            position = self.set_password(caller, id, &password).await?.max(position);
        }
        Ok(position)
    }

    /// The user a directory calls so, whether it made him or not.
    pub async fn user_named(&self, user_name: &str) -> Result<Option<UserId>, CommandError> {
        let (reserve, name) = (&self.accounts.reserve, folded(user_name));
        match reserve.user("user_name", &name).await? {
            Some(user) => Ok(Some(user)),
            None => reserve.user("email", &name).await,
        }
    }

    /// The profile with a directory's attributes in it.
    async fn profile(&self, id: UserId, attributes: Value) -> Result<Profile, CommandError> {
        let known = self.accounts.users.load(&id).await?.aggregate;
        let mut profile = known.profile().and_then(|it| it.clear().cloned()).unwrap_or_default();
        profile.insert(DIRECTORY.to_owned(), attributes);
        Ok(profile)
    }

    async fn keep_claims(
        &self,
        id: UserId,
        claims: &[domain::kernel::ClaimId],
    ) -> Result<(), CommandError> {
        let kept = serde_json::to_vec(claims).map_err(CommandError::unavailable)?;
        self.accounts.vault.put_secret(&format!("claims/{id}"), &kept).await
    }
}

fn folded(user_name: &str) -> String {
    user_name.trim().to_lowercase()
}
