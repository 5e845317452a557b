//! Who is asked what somebody may, and what is to be known of a user for that.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::identity::{Group, User};
use domain::kernel::{GroupId, UserId};
use moka::sync::Cache;

use crate::CommandError;
use crate::identity::accounts::Accounts;
use crate::ports::{Decisions, Directory, Execute, Membership, Principal, PrincipalKind, Tenant};

/// How many names of groups are remembered, and for how long: a group may be renamed.
const NAMES: u64 = 10_000;
const REMEMBERED: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Clone)]
pub struct Authority {
    pub decisions: Arc<dyn Decisions>,
    directory: Arc<dyn Directory>,
    groups: Arc<dyn Execute<Group>>,
    /// None for a group that is gone.
    names: Cache<GroupId, Option<String>>,
}

impl Authority {
    pub fn new(
        decisions: Arc<dyn Decisions>,
        directory: Arc<dyn Directory>,
        groups: Arc<dyn Execute<Group>>,
    ) -> Self {
        let names = Cache::builder().max_capacity(NAMES).time_to_live(REMEMBERED).build();
        Self { decisions, directory, groups, names }
    }

    /// The groups a user is in.
    async fn groups_of(&self, user: UserId) -> Result<BTreeSet<Membership>, CommandError> {
        let mut found = BTreeSet::new();
        for id in self.directory.groups_of(user).await? {
            let name = if let Some(name) = self.names.get(&id) {
                name
            } else {
                let group = self.groups.load(&id).await?.aggregate;
                let name = group.name().map(ToOwned::to_owned);
                self.names.insert(id, name.clone());
                name
            };
            found.extend(name.map(|name| Membership { id: id.to_string(), name }));
        }
        Ok(found)
    }
}

impl Accounts {
    /// A user with all that policies may weigh, who came with a good token. His groups are looked up
    /// where a policy asks for them.
    pub async fn principal(&self, id: UserId, user: &User) -> Result<Principal, CommandError> {
        let weighed = self.authority.decisions.weigh_groups().await?;
        let mut principal = self.principal_without_groups(id, user).await?;
        if weighed {
            principal.groups = self.authority.groups_of(id).await?;
        }
        Ok(principal)
    }

    /// The same, with his groups whether or not any policy asks for them.
    pub(in crate::identity) async fn whole_principal(
        &self,
        id: UserId,
        user: &User,
    ) -> Result<Principal, CommandError> {
        let groups = self.authority.groups_of(id).await?;
        Ok(Principal { groups, ..self.principal_without_groups(id, user).await? })
    }

    async fn principal_without_groups(
        &self,
        id: UserId,
        user: &User,
    ) -> Result<Principal, CommandError> {
        let holds = self.permissions(user).await?;
        let mut principal = Principal::holding(PrincipalKind::User, id.to_string(), holds);
        principal.jwt_valid = true;
        principal.second_factor = user.factors().enabled();
        principal.roles = user.roles().iter().map(ToString::to_string).collect();
        if let Some(organization) = user.organization() {
            let tenant = self.organizations.load(&organization).await?.aggregate;
            principal.tenant = Some(Tenant {
                id: organization,
                domain: tenant.domain().map(ToOwned::to_owned),
                runs: tenant.is_admin(id),
            });
        }
        Ok(principal)
    }
}
