//! What a user is, to himself and to administrators; and what he changes of it himself.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::identity::{Permission, Permissions, Profile, User, UserCommand, built_in};
use domain::kernel::{Expected, Person, Personal, RoleId, SessionId, StreamId, UserId};

use super::{Account, Accounts};
use crate::CommandError;
use crate::identity::people::DIRECTORY;
use crate::ports::{Caller, Loaded};

/// How long a name may be, in characters.
const LONGEST_NAME: usize = 200;

/// How large a profile may be, in bytes of JSON.
const LARGEST_PROFILE: usize = 16 * 1_024;

/// What everybody may who has an account.
const OWN: &[Permission] =
    &[Permission::AuthorizeRequest, Permission::ReadProfile, Permission::WriteProfile];

impl Accounts {
    /// The caller's own account.
    pub async fn me(&self, caller: &Caller) -> Result<Loaded<Account>, CommandError> {
        let user = caller.signed()?.user;
        let Loaded { version, position, .. } = self.users.load(&user).await?;
        Ok(Loaded { aggregate: self.account(user).await?, version, position })
    }

    /// Anybody's account; whoever calls this has seen to it that the caller may.
    pub async fn account(&self, id: UserId) -> Result<Account, CommandError> {
        let user = self.users.load(&id).await?.aggregate;
        let missing = || CommandError::NotFound("user".to_owned());
        if !user.exists() {
            return Err(missing());
        }
        Ok(Account {
            id,
            email: user.email().cloned().ok_or_else(missing)?,
            email_verified: user.email_verified(),
            name: user.name().cloned().ok_or_else(missing)?,
            roles: user.roles().iter().cloned().collect(),
            permissions: self.permissions(&user).await?,
            organization: user.organization(),
            mfa: user.factors().enabled(),
        })
    }

    /// When a user came to be.
    pub async fn created_at(&self, id: UserId) -> Result<Option<DateTime<Utc>>, CommandError> {
        let history =
            self.journal.read_stream(&StreamId::of::<User>(&id), Expected::New, 1).await?;
        Ok(history.first().map(|first| first.recorded_at))
    }

    /// What a page must send along with a cookie, so that no other page can send it: bound to the session.
    pub fn csrf_token(&self, session: SessionId) -> String {
        self.vault.index("csrf", &session.to_string())
    }

    /// What a user may: what his roles allow, and what everybody may with his own account.
    pub async fn permissions(&self, user: &User) -> Result<Permissions, CommandError> {
        self.permissions_of(user.roles()).await
    }

    /// What somebody with these roles may.
    pub async fn permissions_of(
        &self,
        roles: &BTreeSet<RoleId>,
    ) -> Result<Permissions, CommandError> {
        let mut all = Permissions::of(OWN);
        for role in roles {
            match built_in(role) {
                Some(permissions) => all = all.and(&permissions),
                None => {
                    let made = self.roles.load(role).await?.aggregate;
                    if let Some(permissions) = made.permissions() {
                        all = all.and(permissions);
                    }
                }
            }
        }
        Ok(all)
    }

    /// Change one's own name and profile; what is absent stays.
    pub async fn update_me(
        &self,
        caller: &Caller,
        version: Option<u64>,
        name: Option<String>,
        profile: Option<Profile>,
    ) -> Result<u64, CommandError> {
        let user = caller.signed()?.user;
        let profile = match profile {
            Some(profile) => Some(self.beside_directory(user, profile).await?),
            None => None,
        };
        self.update_profile(caller, user, version, name, profile).await
    }

    /// A profile in which stands what a directory wrote of the user, and only that: people change the rest.
    pub(crate) async fn beside_directory(
        &self,
        user: UserId,
        mut profile: Profile,
    ) -> Result<Profile, CommandError> {
        profile.remove(DIRECTORY);
        let known = self.users.load(&user).await?.aggregate;
        let kept = known.profile().and_then(|it| it.clear()?.get(DIRECTORY).cloned());
        profile.extend(kept.map(|kept| (DIRECTORY.to_owned(), kept)));
        Ok(profile)
    }

    /// The same for somebody else; whoever calls this has seen to it that the caller may.
    pub(crate) async fn update_profile(
        &self,
        caller: &Caller,
        user: UserId,
        version: Option<u64>,
        name: Option<String>,
        profile: Option<Profile>,
    ) -> Result<u64, CommandError> {
        let (person, by) = (Person::user(user), caller.actor().clone());
        let mut commands = Vec::new();
        if let Some(name) = name {
            let name = Personal::of(person.clone(), checked_name(&name)?);
            commands.push(("name", UserCommand::Rename { name, by: by.clone() }));
        }
        if let Some(profile) = profile {
            let profile = Personal::of(person, checked_profile(profile)?);
            commands.push(("profile", UserCommand::ChangeProfile { profile, by }));
        }
        let mut at = self.users.load(&user).await?.position;
        let mut version = version;
        for (what, command) in commands {
            let cause = caller.cause.then(what);
            let executed = match version.take() {
                Some(version) => self.users.execute_at(&user, version, command, &cause).await?,
                None => self.users.execute(&user, command, &cause).await?,
            };
            at = executed.position;
        }
        Ok(at)
    }
}

/// A name without blanks around it.
pub(crate) fn checked_name(name: &str) -> Result<String, CommandError> {
    let name = name.trim();
    let fits = !name.is_empty()
        && name.chars().count() <= LONGEST_NAME
        && !name.chars().any(char::is_control);
    if fits {
        return Ok(name.to_owned());
    }
    Err(CommandError::invalid("name", "must have 1 to 200 characters, and no control characters"))
}

fn checked_profile(profile: Profile) -> Result<Profile, CommandError> {
    let size = serde_json::to_string(&profile).map_err(CommandError::unavailable)?.len();
    if size > LARGEST_PROFILE {
        return Err(CommandError::invalid("profile", "must have at most 16 KiB"));
    }
    Ok(profile)
}
