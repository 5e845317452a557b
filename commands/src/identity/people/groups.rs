//! Groups: kept by administrators, of the platform or of an organization.

use std::collections::BTreeSet;

use domain::identity::{Group, GroupCommand, Permission};
use domain::kernel::{GroupId, OrganizationId, UserId};

use super::{People, Reach};
use crate::CommandError;
use crate::ports::{Caller, Executed};

/// A group somebody wants.
pub struct NewGroup {
    pub name: String,
    pub external_id: Option<String>,
    /// Only people of this organization are put in it, where one is named.
    pub organization: Option<OrganizationId>,
}

/// What somebody sees of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Everybody in it.
    Whole,
    /// Himself in it.
    Own(UserId),
}

impl People {
    /// Make a group.
    pub async fn create_group(
        &self,
        caller: &Caller,
        new: NewGroup,
    ) -> Result<(GroupId, u64), CommandError> {
        let NewGroup { name, external_id, organization } = new;
        let reach = Reach::of(caller, Permission::ManageGroup);
        let organization = match reach {
            // What he makes is of his organization, whether he says so or not.
            Reach::Organization(own) => organization.or(Some(own)),
            _ => organization,
        };
        if !reach.holds(organization) {
            return Err(CommandError::Forbidden { needed: Permission::ManageGroup });
        }
        if let Some(id) = organization
            && self.accounts.organizations.load(&id).await?.aggregate.name().is_none()
        {
            return Err(CommandError::invalid("organization_id", "there is no such organization"));
        }
        // The same request makes the same group.
        let id = GroupId(caller.cause.then("group").command);
        let by = caller.actor().clone();
        let create = GroupCommand::Create { name, external_id, organization, by };
        let executed = self.groups.execute(&id, create, &caller.cause).await?;
        Ok((id, executed.position))
    }

    /// Give a group another name, also the one the outside knows it by; what is absent stays.
    pub async fn rename_group(
        &self,
        caller: &Caller,
        id: GroupId,
        version: Option<u64>,
        name: String,
        external_id: Option<Option<String>>,
    ) -> Result<u64, CommandError> {
        let group = self.group(caller, id).await?;
        let known = || group.external_id().map(ToOwned::to_owned);
        let external_id = external_id.unwrap_or_else(known);
        let rename = GroupCommand::Rename { name, external_id, by: caller.actor().clone() };
        Ok(self.on_group(caller, id, version, rename).await?.position)
    }

    /// Put people into a group, and take others out, at once.
    pub async fn change_members(
        &self,
        caller: &Caller,
        id: GroupId,
        version: Option<u64>,
        add: BTreeSet<UserId>,
        remove: BTreeSet<UserId>,
    ) -> Result<u64, CommandError> {
        let group = self.group(caller, id).await?;
        for user in &add {
            let known = self.accounts.users.load(user).await?.aggregate;
            let fits =
                group.organization().is_none() || known.organization() == group.organization();
            if !known.exists() || !fits {
                let reason = format!("there is no user {user} for this group");
                return Err(CommandError::invalid("user_ids", reason));
            }
        }
        let change = GroupCommand::ChangeMembers { add, remove, by: caller.actor().clone() };
        Ok(self.on_group(caller, id, version, change).await?.position)
    }

    /// Remove a group.
    pub async fn delete_group(
        &self,
        caller: &Caller,
        id: GroupId,
        version: Option<u64>,
    ) -> Result<u64, CommandError> {
        self.group(caller, id).await?;
        let delete = GroupCommand::Delete { by: caller.actor().clone() };
        Ok(self.on_group(caller, id, version, delete).await?.position)
    }

    /// Sees to it that a caller may see a group: he sees all, runs the organization it is of, or is in it.
    pub async fn see_group(&self, caller: &Caller, id: GroupId) -> Result<Seen, CommandError> {
        let group = self.groups.load(&id).await?.aggregate;
        if group.name().is_none() {
            return Err(missing());
        }
        let all = caller.permissions.allow(Permission::ManageGroup)
            || Reach::seeing(caller).holds(group.organization());
        let own = caller.session.as_ref().map(|it| it.user);
        match own.filter(|it| group.members().contains(it)) {
            _ if all => Ok(Seen::Whole),
            Some(own) => Ok(Seen::Own(own)),
            None => Err(missing()),
        }
    }

    /// A group that a caller may change.
    async fn group(&self, caller: &Caller, id: GroupId) -> Result<Group, CommandError> {
        let group = self.groups.load(&id).await?.aggregate;
        if group.name().is_none() {
            return Err(missing());
        }
        if Reach::of(caller, Permission::ManageGroup).holds(group.organization()) {
            return Ok(group);
        }
        // Whoever sees it is told why; for others it is not there.
        self.see_group(caller, id).await?;
        Err(CommandError::Forbidden { needed: Permission::ManageGroup })
    }

    async fn on_group(
        &self,
        caller: &Caller,
        id: GroupId,
        version: Option<u64>,
        command: GroupCommand,
    ) -> Result<Executed<Group>, CommandError> {
        match version {
            Some(version) => self.groups.execute_at(&id, version, command, &caller.cause).await,
            None => self.groups.execute(&id, command, &caller.cause).await,
        }
    }
}

fn missing() -> CommandError {
    CommandError::NotFound("group".to_owned())
}
