//! Users: made, changed, switched off and removed by others.

use std::collections::BTreeSet;

use domain::identity::{
    Ending, GroupCommand, Permission, Permissions, Profile, RoleError, UserCommand, built_in,
};
use domain::kernel::{Actor, Cause, ClaimId, Person, RoleId, UserId};

use super::{People, Reach};
use crate::CommandError;
use crate::identity::accounts::Email;
use crate::identity::owner;
use crate::ports::Caller;

/// What the vault keeps of a user, by his id.
const KEPT: &[&str] = &[
    "backup-codes/",
    "claims/",
    "link/",
    "passkey/",
    "password/",
    "pending-link/reset-password/",
    "pending-link/verify-email/",
    "totp/",
];

/// Somebody an account is made for.
pub struct NewUser {
    pub email: String,
    /// Without one he comes in by a link to a new password, by a provider, or by a passkey.
    pub password: Option<String>,
    pub name: String,
    pub roles: BTreeSet<RoleId>,
}

/// What changes of a user; what is absent stays.
#[derive(Default)]
pub struct UserChange {
    pub email: Option<String>,
    pub name: Option<String>,
    pub active: Option<bool>,
    pub profile: Option<Profile>,
}

impl People {
    /// Make an account for somebody. Roles are given by whoever may give them; whoever runs an organization
    /// makes accounts for addresses of its domain.
    pub async fn create_user(
        &self,
        caller: &Caller,
        new: NewUser,
    ) -> Result<(UserId, u64), CommandError> {
        let NewUser { email, password, name, roles } = new;
        match Reach::of(caller, Permission::ManageUser) {
            Reach::All => {}
            Reach::Organization(own) if Email::parse(&email)?.organization() == Some(own) => {}
            _ => return Err(CommandError::Forbidden { needed: Permission::ManageUser }),
        }
        let plain = ["user".parse::<RoleId>().map_err(CommandError::unavailable)?];
        if roles.iter().any(|role| !plain.contains(role)) {
            caller.require(Permission::ManageRole)?;
            caller.require_fresh(self.now())?;
            for role in &roles {
                self.check_role(caller, role).await?;
            }
        }
        self.accounts.create_user(caller, email, password, name, roles).await
    }

    /// Change a user, if he still has this version. What a directory wrote of him stays.
    pub async fn update_user(
        &self,
        caller: &Caller,
        id: UserId,
        version: Option<u64>,
        mut change: UserChange,
    ) -> Result<u64, CommandError> {
        if let Some(profile) = change.profile.take() {
            change.profile = Some(self.accounts.beside_directory(id, profile).await?);
        }
        self.change_user(caller, id, version, change).await
    }

    pub(super) async fn change_user(
        &self,
        caller: &Caller,
        id: UserId,
        version: Option<u64>,
        change: UserChange,
    ) -> Result<u64, CommandError> {
        let reach = Reach::of(caller, Permission::ManageUser);
        let known = self.reached(reach, id).await?;
        if let Reach::Own(_) | Reach::Nobody = reach {
            return Err(CommandError::Forbidden { needed: Permission::ManageUser });
        }
        self.check_strength(caller, id).await?;
        let address = known.email().and_then(|it| it.clear());
        if change.email.as_ref().is_some_and(|new| address != Some(new)) {
            // Whoever reads the new address comes in by a link to a new password.
            caller.require_fresh(self.now())?;
        }
        if change.active == Some(false) {
            self.keep_a_manager(id, None).await?;
        }
        if let Some(version) = version {
            let at = self.accounts.users.load(&id).await?.version;
            if at != version {
                return Err(CommandError::Moved { wanted: version, at });
            }
        }
        let UserChange { email, name, active, profile } = change;
        let (by, cause) = (caller.actor().clone(), &caller.cause);
        let mut position = self.accounts.users.load(&id).await?.position;
        if let Some(email) = email {
            let email = Email::parse(&email)?;
            // Whoever runs an organization answers for its addresses only.
            if let Reach::Organization(own) = reach
                && email.organization() != Some(own)
            {
                return Err(CommandError::invalid("email", "must be of the organization's domain"));
            }
            let moved = self.accounts.move_to(cause, id, &email, true, by.clone()).await?;
            let joined = self.accounts.join_by_domain(cause, id).await?;
            position = position.max(moved).max(joined.unwrap_or_default());
        }
        let updated = self.accounts.update_profile(caller, id, None, name, profile).await?;
        position = position.max(updated);
        match active {
            Some(false) if known.is_active() => {
                let off = UserCommand::Deactivate { by };
                let executed = self.accounts.users.execute(&id, off, &cause.then("off")).await?;
                let ended = self.accounts.end_all_sessions(cause, id, Ending::Deactivated).await?;
                position = position.max(executed.position).max(ended);
            }
            Some(true) if !known.is_active() => {
                let on = UserCommand::Reactivate { by };
                let executed = self.accounts.users.execute(&id, on, &cause.then("on")).await?;
                position = position.max(executed.position);
            }
            _ => {}
        }
        Ok(position)
    }

    /// A new password for somebody.
    pub async fn set_password(
        &self,
        caller: &Caller,
        id: UserId,
        new: &str,
    ) -> Result<u64, CommandError> {
        let reach = Reach::of(caller, Permission::ManageUser);
        self.reached(reach, id).await?;
        if let Reach::Own(_) | Reach::Nobody = reach {
            return Err(CommandError::Forbidden { needed: Permission::ManageUser });
        }
        self.check_strength(caller, id).await?;
        caller.require_fresh(self.now())?;
        self.accounts.set_password(caller, id, new).await
    }

    /// Remove a user, for good: what the log holds of him can never be read again.
    pub async fn delete_user(
        &self,
        caller: &Caller,
        id: UserId,
        version: Option<u64>,
    ) -> Result<u64, CommandError> {
        let own = caller.session.as_ref().is_some_and(|it| it.user == id);
        let reach = if own { Reach::Own(id) } else { Reach::of(caller, Permission::ManageUser) };
        self.reached(reach, id).await?;
        if !own {
            self.check_strength(caller, id).await?;
        }
        caller.require_fresh(self.now())?;
        self.keep_a_manager(id, None).await?;
        let delete = UserCommand::Delete { by: caller.actor().clone() };
        let users = &self.accounts.users;
        let executed = match version {
            Some(version) => users.execute_at(&id, version, delete, &caller.cause).await?,
            None => users.execute(&id, delete, &caller.cause).await?,
        };
        let erased = self.finish_deletion(&caller.cause, id).await?;
        Ok(executed.position.max(erased))
    }

    /// Takes away everything that a removed user left. Repeating it changes nothing more: the cause carries
    /// the id of the removal itself, whoever finishes it.
    pub(super) async fn finish_deletion(
        &self,
        cause: &Cause,
        id: UserId,
    ) -> Result<u64, CommandError> {
        let accounts = &self.accounts;
        let known = accounts.users.load(&id).await?.aggregate;
        // Where it came from may be his own data: nothing of his is sealed anew.
        let cause = Cause { origin: None, ..cause.then("deletion") };
        accounts.end_all_sessions(&cause, id, Ending::Deactivated).await?;
        for group in self.directory.groups_of(id).await? {
            let by = Actor::system("people");
            let out = GroupCommand::ChangeMembers { add: BTreeSet::new(), remove: [id].into(), by };
            match self.groups.execute(&group, out, &cause.then(&group.to_string())).await {
                Ok(_) | Err(CommandError::Rejected(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(organization) = known.organization() {
            let by = Actor::system("people");
            accounts.tell_of_leaving(&cause, organization, id, &by).await?;
        }
        let mut claims: Vec<ClaimId> = known.links().values().cloned().collect();
        claims.extend(known.email_claim().cloned());
        claims.extend(self.further_claims(id).await?);
        for claim in &claims {
            accounts.reserve.release(&cause, claim, owner(id)).await?;
        }

        let mut people = vec![Person::user(id)];
        let vault = &accounts.vault;
        for name in vault.secrets(&format!("link/{id}/")).await? {
            if name.ends_with("/discord")
                && let Some(subject) = vault.secret(&name).await?
            {
                people.push(Person::discord(String::from_utf8_lossy(&subject)));
            }
        }
        let mut position = 0;
        for person in people {
            let cause = cause.then(person.as_str());
            position = self.identity.erase(&cause, &person, "the account was removed").await?;
        }
        for prefix in KEPT {
            for name in vault.secrets(&format!("{prefix}{id}")).await? {
                vault.delete_secret(&name).await?;
            }
        }
        Ok(position)
    }

    /// Claims that the log names by no event of the user: of user names and outside ids.
    pub(crate) async fn further_claims(&self, id: UserId) -> Result<Vec<ClaimId>, CommandError> {
        let kept = self.accounts.vault.secret(&format!("claims/{id}")).await?;
        let Some(kept) = kept else { return Ok(Vec::new()) };
        serde_json::from_slice(&kept).map_err(CommandError::unavailable)
    }

    /// Nobody changes an account that may more than he: he could come in by it.
    pub(super) async fn check_strength(
        &self,
        caller: &Caller,
        id: UserId,
    ) -> Result<(), CommandError> {
        let user = self.accounts.users.load(&id).await?.aggregate;
        for role in user.roles() {
            self.check_covered(caller, role).await?;
        }
        // Policies may give more than roles do.
        let principal = self.accounts.whole_principal(id, &user).await?;
        let granted = self.accounts.authority.decisions.granted(&principal).await?;
        covered(caller, &granted)
    }

    /// Sees to it that there is a role, and that the caller may everything it allows.
    pub(super) async fn check_role(
        &self,
        caller: &Caller,
        role: &RoleId,
    ) -> Result<(), CommandError> {
        if self.allowed_by(role).await?.is_none() {
            return Err(CommandError::invalid("role", format!("there is no role {role}")));
        }
        self.check_covered(caller, role).await
    }

    /// Sees to it that the caller may everything a role allows, what everybody may aside. One that was
    /// removed allows nothing.
    pub(super) async fn check_covered(
        &self,
        caller: &Caller,
        role: &RoleId,
    ) -> Result<(), CommandError> {
        let allows = self.allowed_by(role).await?.unwrap_or_default();
        covered(caller, &allows)
    }

    /// What a role allows; none when there is no such role.
    async fn allowed_by(&self, role: &RoleId) -> Result<Option<Permissions>, CommandError> {
        match built_in(role) {
            Some(permissions) => Ok(Some(permissions)),
            None => Ok(self.accounts.roles.load(role).await?.aggregate.permissions().cloned()),
        }
    }

    pub(super) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.accounts.journal.clock().now()
    }
}

/// Sees to it that a caller may all this, what everybody may aside.
fn covered(caller: &Caller, allows: &Permissions) -> Result<(), CommandError> {
    let everybody = "user".parse().ok().and_then(|user| built_in(&user)).unwrap_or_default();
    if caller.permissions.cover(&allows.clone().without(&everybody)) {
        return Ok(());
    }
    Err(CommandError::rejected(&RoleError::TooPowerful))
}
