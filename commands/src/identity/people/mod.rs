//! Use cases around other people's accounts: users, roles, organizations and groups.
//!
//! Whoever has the platform's permission reaches everybody. Whoever runs an organization reaches what is in it,
//! and is told of nothing else that it exists.

mod erase_deleted_users;
mod groups;
mod last_manager;
mod organizations;
mod provision;
mod roles;
mod users;

use std::sync::Arc;

use domain::identity::{Group, Permission, User};
use domain::kernel::{OrganizationId, UserId};

pub use erase_deleted_users::EraseDeletedUsers;
pub use groups::{NewGroup, Seen};
pub use provision::{DIRECTORY, Provisioned};
pub use users::{NewUser, UserChange};

use super::Identity;
use super::accounts::Accounts;
use crate::CommandError;
use crate::ports::{Caller, Directory, Execute};

/// The door to people.
#[derive(Clone)]
pub struct People {
    pub accounts: Accounts,
    pub directory: Arc<dyn Directory>,
    pub groups: Arc<dyn Execute<Group>>,
    pub identity: Identity,
}

/// Whom somebody reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Everybody.
    All,
    /// An organization, which he runs.
    Organization(OrganizationId),
    /// Himself.
    Own(UserId),
    /// Nobody.
    Nobody,
}

impl Reach {
    /// Whom a caller reaches, who reaches everybody with this permission.
    pub fn of(caller: &Caller, everybody: Permission) -> Self {
        if caller.permissions.allow(everybody) {
            return Self::All;
        }
        match &caller.session {
            Some(signed) => match signed.organization.filter(|_| signed.runs_organization) {
                Some(organization) => Self::Organization(organization),
                None => Self::Own(signed.user),
            },
            None => Self::Nobody,
        }
    }

    /// Whom a caller sees: whoever may change all of them sees them as well.
    pub fn seeing(caller: &Caller) -> Self {
        let manages = caller.permissions.allow(Permission::ManageUser);
        Self::of(caller, if manages { Permission::ManageUser } else { Permission::ReadUser })
    }

    /// Whether he reaches what belongs to this organization.
    fn holds(self, organization: Option<OrganizationId>) -> bool {
        match self {
            Self::All => true,
            Self::Organization(own) => organization == Some(own),
            Self::Own(_) | Self::Nobody => false,
        }
    }
}

impl People {
    /// A user within somebody's reach; others are not there for him.
    async fn reached(&self, reach: Reach, id: UserId) -> Result<User, CommandError> {
        let missing = || CommandError::NotFound("user".to_owned());
        let user = self.accounts.users.load(&id).await?.aggregate;
        if !user.exists() {
            return Err(missing());
        }
        let own = reach == Reach::Own(id);
        if own || reach.holds(user.organization()) { Ok(user) } else { Err(missing()) }
    }

    /// Sees to it that a caller may see a user.
    pub async fn see_user(&self, caller: &Caller, id: UserId) -> Result<(), CommandError> {
        // Whoever runs an organization is one of its people, too.
        let own = caller.session.as_ref().is_some_and(|it| it.user == id);
        let reach = if own { Reach::Own(id) } else { Reach::seeing(caller) };
        self.reached(reach, id).await.map(|_| ())
    }

    /// Sees to it that a caller may see an organization: it is his own, or he sees all.
    pub async fn see_organization(
        &self,
        caller: &Caller,
        id: OrganizationId,
    ) -> Result<(), CommandError> {
        let own = caller.session.as_ref().and_then(|it| it.organization);
        let known = self.accounts.organizations.load(&id).await?.aggregate.name().is_some();
        if known && (own == Some(id) || sees_organizations(caller)) {
            return Ok(());
        }
        Err(CommandError::NotFound("organization".to_owned()))
    }
}

/// Whether a caller sees all organizations.
pub fn sees_organizations(caller: &Caller) -> bool {
    let any = [Permission::ManageOrganization, Permission::ManageUser, Permission::ReadUser];
    any.into_iter().any(|it| caller.permissions.allow(it))
}
