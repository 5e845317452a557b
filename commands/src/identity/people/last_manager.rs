//! Somebody is always left who can manage users.

use std::collections::BTreeSet;

use domain::identity::{BUILT_IN_ROLES, Permission};
use domain::kernel::{Ground, RoleId, UserId};

use super::People;
use crate::{CommandError, Refusal};

impl People {
    /// Refuses what would leave nobody who may manage users, neither a key nor a person. `lost` is the role
    /// that a user loses; all of them, when he goes.
    pub(super) async fn keep_a_manager(
        &self,
        id: UserId,
        lost: Option<&RoleId>,
    ) -> Result<(), CommandError> {
        if !self.manages(id, None).await? {
            return Ok(());
        }
        if lost.is_some() && self.manages(id, lost).await? {
            return Ok(());
        }
        if !self.identity.who_may(Permission::ManageUser).await?.is_empty() {
            return Ok(());
        }
        let shipped = BUILT_IN_ROLES.iter().filter_map(|(name, _)| name.parse().ok());
        let roles = shipped.chain(self.directory.made_roles().await?);
        for role in roles.collect::<BTreeSet<RoleId>>() {
            let allows = self.accounts.permissions_of(&[role.clone()].into()).await?;
            if !allows.allow(Permission::ManageUser) {
                continue;
            }
            for other in self.directory.holders(&role).await? {
                if other != id && self.manages(other, None).await? {
                    return Ok(());
                }
            }
        }
        Err(CommandError::Rejected(Box::new(Refusal {
            ground: Ground::State,
            reason: "nobody else may manage users; let somebody else do it first".to_owned(),
            code: None,
            field: None,
            details: None,
        })))
    }

    /// Whether a user may manage users, without one of his roles.
    async fn manages(&self, id: UserId, lost: Option<&RoleId>) -> Result<bool, CommandError> {
        let user = self.accounts.users.load(&id).await?.aggregate;
        let mut kept = user.roles().clone();
        if let Some(lost) = lost {
            kept.remove(lost);
        }
        let allows = self.accounts.permissions_of(&kept).await?;
        Ok(user.is_active() && allows.allow(Permission::ManageUser))
    }
}
