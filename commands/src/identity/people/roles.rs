//! Roles: made, and given to people. Nobody gives more than he has.

use domain::identity::{Permission, Permissions, RoleCommand, UserCommand};
use domain::kernel::{Ground, RoleId, UserId};

use super::{People, Reach};
use crate::ports::{Caller, Executed};
use crate::{CommandError, Refusal};

impl People {
    /// Give a role to a user.
    pub async fn assign_role(
        &self,
        caller: &Caller,
        id: UserId,
        role: RoleId,
    ) -> Result<u64, CommandError> {
        caller.require(Permission::ManageRole)?;
        caller.require_fresh(self.now())?;
        self.reached(Reach::All, id).await?;
        self.check_role(caller, &role).await?;
        let assign = UserCommand::AssignRole { role, by: caller.actor().clone() };
        Ok(self.accounts.users.execute(&id, assign, &caller.cause).await?.position)
    }

    /// Take a role from a user, unless nobody would be left who may manage users.
    pub async fn remove_role(
        &self,
        caller: &Caller,
        id: UserId,
        role: RoleId,
    ) -> Result<u64, CommandError> {
        caller.require(Permission::ManageRole)?;
        caller.require_fresh(self.now())?;
        let user = self.reached(Reach::All, id).await?;
        if !user.roles().contains(&role) {
            return Err(CommandError::NotFound("role of this user".to_owned()));
        }
        self.check_covered(caller, &role).await?;
        self.keep_a_manager(id, Some(&role)).await?;
        let remove = UserCommand::RemoveRole { role, by: caller.actor().clone() };
        Ok(self.accounts.users.execute(&id, remove, &caller.cause).await?.position)
    }

    /// Make a role.
    pub async fn create_role(
        &self,
        caller: &Caller,
        role: RoleId,
        description: String,
        permissions: Permissions,
    ) -> Result<u64, CommandError> {
        let (by, may) = self.may_make(caller)?;
        let create = RoleCommand::Create { role: role.clone(), description, permissions, by, may };
        Ok(self.accounts.roles.execute(&role, create, &caller.cause).await?.position)
    }

    /// Change what a role allows; whoever has it may that at once. What is absent stays.
    pub async fn change_role(
        &self,
        caller: &Caller,
        role: &RoleId,
        version: Option<u64>,
        description: Option<String>,
        permissions: Option<Permissions>,
    ) -> Result<u64, CommandError> {
        let (by, may) = self.may_make(caller)?;
        self.check_covered(caller, role).await?;
        let made = self.accounts.roles.load(role).await?.aggregate;
        let description = description.unwrap_or_else(|| made.description().to_owned());
        let permissions = permissions.or_else(|| made.permissions().cloned()).unwrap_or_default();
        let change = RoleCommand::Change { description, permissions, by, may };
        Ok(self.on_role(caller, role, version, change).await?.position)
    }

    /// Remove a role that nobody holds: another one of its name would give them what it allows.
    pub async fn delete_role(
        &self,
        caller: &Caller,
        role: &RoleId,
        version: Option<u64>,
    ) -> Result<u64, CommandError> {
        let (by, _) = self.may_make(caller)?;
        self.check_covered(caller, role).await?;
        if !self.directory.holders(role).await?.is_empty() {
            let reason = "users hold this role; take it from them first".to_owned();
            return Err(CommandError::Rejected(Box::new(Refusal {
                ground: Ground::State,
                reason,
                code: None,
                field: None,
                details: None,
            })));
        }
        Ok(self.on_role(caller, role, version, RoleCommand::Delete { by }).await?.position)
    }

    async fn on_role(
        &self,
        caller: &Caller,
        role: &RoleId,
        version: Option<u64>,
        command: RoleCommand,
    ) -> Result<Executed<domain::identity::Role>, CommandError> {
        if domain::identity::built_in(role).is_some() {
            return Err(CommandError::rejected(&domain::identity::RoleError::BuiltIn));
        }
        match version {
            Some(version) => {
                self.accounts.roles.execute_at(role, version, command, &caller.cause).await
            }
            None => self.accounts.roles.execute(role, command, &caller.cause).await,
        }
    }

    fn may_make(
        &self,
        caller: &Caller,
    ) -> Result<(domain::kernel::Actor, Permissions), CommandError> {
        caller.require(Permission::ManageRole)?;
        caller.require_fresh(self.now())?;
        Ok((caller.actor().clone(), caller.permissions.clone()))
    }
}
