//! Organizations: made by hand, or by the mail domain of their first member.

use std::collections::BTreeSet;

use domain::identity::{Organization, OrganizationCommand, Permission};
use domain::kernel::{Ground, OrganizationId, UserId};

use super::{People, Reach};
use crate::identity::accounts::Email;
use crate::ports::{Caller, Executed};
use crate::{CommandError, Refusal};

impl People {
    /// Make an organization. With a mail domain, whoever has an address of it belongs there from his
    /// registration on.
    pub async fn create_organization(
        &self,
        caller: &Caller,
        name: String,
        domain: Option<String>,
    ) -> Result<(OrganizationId, u64), CommandError> {
        caller.require(Permission::ManageOrganization)?;
        let domain = domain.map(|it| it.trim().to_lowercase());
        let id = match &domain {
            Some(domain) => {
                let someone = Email::parse(&format!("someone@{domain}"));
                let wrong = || CommandError::invalid("domain", "must be a mail domain of its own");
                someone.map_err(|_| wrong())?.organization().ok_or_else(wrong)?
            }
            // The same request makes the same one.
            None => OrganizationId(caller.cause.then("organization").command),
        };
        let loaded = self.accounts.organizations.load(&id).await?;
        if domain.is_some() && loaded.aggregate.name().is_some() {
            return Err(CommandError::Rejected(Box::new(Refusal {
                ground: Ground::State,
                reason: "this domain belongs to an organization already".to_owned(),
                code: None,
                field: Some("domain".to_owned()),
                details: None,
            })));
        }
        let create = OrganizationCommand::Create { name, domain, by: caller.actor().clone() };
        let executed = self.accounts.organizations.execute(&id, create, &caller.cause).await?;
        Ok((id, executed.position))
    }

    /// Give an organization another name.
    pub async fn rename_organization(
        &self,
        caller: &Caller,
        id: OrganizationId,
        version: Option<u64>,
        name: String,
    ) -> Result<u64, CommandError> {
        self.may_run(caller, id).await?;
        let rename = OrganizationCommand::Rename { name, by: caller.actor().clone() };
        Ok(self.on_organization(caller, id, version, rename).await?.position)
    }

    /// Remove an organization that nobody is in.
    pub async fn delete_organization(
        &self,
        caller: &Caller,
        id: OrganizationId,
        version: Option<u64>,
    ) -> Result<u64, CommandError> {
        caller.require(Permission::ManageOrganization)?;
        let delete = OrganizationCommand::Delete { by: caller.actor().clone() };
        Ok(self.on_organization(caller, id, version, delete).await?.position)
    }

    /// Put users into an organization; they leave those they were in.
    pub async fn add_to_organization(
        &self,
        caller: &Caller,
        id: OrganizationId,
        users: BTreeSet<UserId>,
    ) -> Result<u64, CommandError> {
        caller.require(Permission::ManageOrganization)?;
        self.see_organization(caller, id).await?;
        for user in &users {
            if !self.accounts.users.load(user).await?.aggregate.exists() {
                let reason = format!("there is no user {user}");
                return Err(CommandError::invalid("user_ids", reason));
            }
            self.check_strength(caller, *user).await?;
        }
        let mut position = self.accounts.organizations.load(&id).await?.position;
        for user in users {
            let cause = caller.cause.then(&user.to_string());
            let by = caller.actor().clone();
            let moved = self.accounts.move_user(&cause, user, Some(id), by).await?;
            position = position.max(moved);
        }
        Ok(position)
    }

    /// Take a user out of an organization.
    pub async fn remove_from_organization(
        &self,
        caller: &Caller,
        id: OrganizationId,
        user: UserId,
    ) -> Result<u64, CommandError> {
        self.may_run(caller, id).await?;
        self.member(id, user).await?;
        self.accounts.move_user(&caller.cause, user, None, caller.actor().clone()).await
    }

    /// Let a member run the organization, or no longer.
    pub async fn appoint_admin(
        &self,
        caller: &Caller,
        id: OrganizationId,
        user: UserId,
        appoint: bool,
    ) -> Result<u64, CommandError> {
        self.may_run(caller, id).await?;
        caller.require_fresh(self.now())?;
        self.member(id, user).await?;
        let by = caller.actor().clone();
        let command = if appoint {
            OrganizationCommand::AppointAdmin { user, by }
        } else {
            OrganizationCommand::DismissAdmin { user, by }
        };
        Ok(self.on_organization(caller, id, None, command).await?.position)
    }

    /// Whoever runs it, or all of them.
    async fn may_run(&self, caller: &Caller, id: OrganizationId) -> Result<(), CommandError> {
        self.see_organization(caller, id).await?;
        if Reach::of(caller, Permission::ManageOrganization).holds(Some(id)) {
            return Ok(());
        }
        Err(CommandError::Forbidden { needed: Permission::ManageOrganization })
    }

    async fn member(&self, id: OrganizationId, user: UserId) -> Result<(), CommandError> {
        self.reached(Reach::Organization(id), user).await.map(|_| ())
    }

    async fn on_organization(
        &self,
        caller: &Caller,
        id: OrganizationId,
        version: Option<u64>,
        command: OrganizationCommand,
    ) -> Result<Executed<Organization>, CommandError> {
        let organizations = &self.accounts.organizations;
        match version {
            Some(version) => organizations.execute_at(&id, version, command, &caller.cause).await,
            None => organizations.execute(&id, command, &caller.cause).await,
        }
    }
}
