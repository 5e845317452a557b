//! An organization is a tenant: people who share a mail domain, or were put together by hand.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::kernel::{Actor, Ground, Rejection, UserId, aggregate};

/// Who runs it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Organization {
    name: String,
    /// The mail domain whose people belong to it, if any.
    domain: Option<String>,
    admins: BTreeSet<UserId>,
    members: u64,
    exists: bool,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum OrganizationCommand {
    /// Makes it where it is missing. The same domain gives the same id, so two first members make
    /// one organization.
    Create {
        name: String,
        domain: Option<String>,
        by: Actor,
    },
    Rename {
        name: String,
        by: Actor,
    },
    /// A member comes; the first one is its administrator. `joined` says that he is in already.
    Join {
        user: UserId,
        joined: bool,
        by: Actor,
    },
    Leave {
        user: UserId,
        by: Actor,
    },
    AppointAdmin {
        user: UserId,
        by: Actor,
    },
    DismissAdmin {
        user: UserId,
        by: Actor,
    },
    Delete {
        by: Actor,
    },
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum OrganizationEvent {
    AdminAppointed {
        user: UserId,
        by: Actor,
    },
    AdminDismissed {
        user: UserId,
        by: Actor,
    },
    Created {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        domain: Option<String>,
        by: Actor,
    },
    Deleted {
        by: Actor,
    },
    MemberJoined {
        user: UserId,
        by: Actor,
    },
    MemberLeft {
        user: UserId,
        by: Actor,
    },
    Renamed {
        name: String,
        by: Actor,
    },
}

/// Why a command on an organization is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganizationError {
    #[error("an organization is named with 1 to 200 characters")]
    BadName,
    #[error("the last administrator of an organization with members stays; appoint another first")]
    LastAdmin,
    #[error("an organization with members cannot be deleted")]
    Members,
    #[error("there is no such organization")]
    Unknown,
}

impl Rejection for OrganizationError {
    fn ground(&self) -> Ground {
        match self {
            Self::BadName => Ground::Input,
            Self::LastAdmin | Self::Members => Ground::State,
            Self::Unknown => Ground::Missing,
        }
    }

    fn field(&self) -> Option<&str> {
        matches!(self, Self::BadName).then_some("name")
    }
}

impl Organization {
    /// Its name; none when it does not exist.
    pub fn name(&self) -> Option<&str> {
        self.exists.then_some(&self.name)
    }

    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    pub fn is_admin(&self, user: UserId) -> bool {
        self.admins.contains(&user)
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(
        &self,
        command: OrganizationCommand,
    ) -> Result<Vec<OrganizationEvent>, OrganizationError> {
        use {OrganizationCommand as Do, OrganizationError as No, OrganizationEvent as Did};

        let event = match (command, self.exists) {
            (Do::Create { name, domain, by }, false) => {
                Did::Created { name: named(name)?, domain, by }
            }
            (Do::Create { .. }, true) => return Ok(vec![]),

            (_, false) => return Err(No::Unknown),

            (Do::Rename { name, .. }, true) if name == self.name => return Ok(vec![]),
            (Do::Rename { name, by }, true) => Did::Renamed { name: named(name)?, by },
            (Do::Join { joined: true, .. }, true) => return Ok(vec![]),
            (Do::Join { user, by, .. }, true) => {
                let joined = Did::MemberJoined { user, by: by.clone() };
                if self.admins.is_empty() {
                    return Ok(vec![joined, Did::AdminAppointed { user, by }]);
                }
                joined
            }
            // Whoever goes takes the office along: the organization is not kept from losing him.
            (Do::Leave { user, by }, true) => {
                let left = Did::MemberLeft { user, by: by.clone() };
                if self.is_admin(user) {
                    return Ok(vec![Did::AdminDismissed { user, by }, left]);
                }
                left
            }
            (Do::AppointAdmin { user, .. }, true) if self.is_admin(user) => return Ok(vec![]),
            (Do::AppointAdmin { user, by }, true) => Did::AdminAppointed { user, by },
            (Do::DismissAdmin { user, .. }, true) if !self.is_admin(user) => return Ok(vec![]),
            (Do::DismissAdmin { .. }, true) if self.admins.len() == 1 => {
                return Err(No::LastAdmin);
            }
            (Do::DismissAdmin { user, by }, true) => Did::AdminDismissed { user, by },
            (Do::Delete { .. }, true) if self.members > 0 => return Err(No::Members),
            (Do::Delete { by }, true) => Did::Deleted { by },
        };
        Ok(vec![event])
    }

    fn evolve(&mut self, event: &OrganizationEvent) {
        match event {
            OrganizationEvent::AdminAppointed { user, .. } => {
                self.admins.insert(*user);
            }
            OrganizationEvent::AdminDismissed { user, .. } => {
                self.admins.remove(user);
            }
            OrganizationEvent::Created { name, domain, .. } => {
                self.name.clone_from(name);
                self.domain.clone_from(domain);
                self.exists = true;
            }
            OrganizationEvent::Deleted { .. } => *self = Self::default(),
            OrganizationEvent::MemberJoined { .. } => self.members += 1,
            OrganizationEvent::MemberLeft { .. } => self.members = self.members.saturating_sub(1),
            OrganizationEvent::Renamed { name, .. } => self.name.clone_from(name),
        }
    }
}

fn named(name: String) -> Result<String, OrganizationError> {
    let fits = !name.trim().is_empty() && name.chars().count() <= 200;
    if fits { Ok(name) } else { Err(OrganizationError::BadName) }
}

aggregate!(Organization: "organization", OrganizationCommand -> OrganizationEvent | OrganizationError);

#[cfg(test)]
mod tests {
    use super::{OrganizationCommand as Do, OrganizationError as No, OrganizationEvent as Did, *};
    use crate::kernel::testing::given;

    #[test]
    fn the_first_member_is_its_administrator() {
        given::<Organization>([created()]).when(join(1)).then_expect_events(vec![
            Did::MemberJoined { user: user(1), by: by() },
            Did::AdminAppointed { user: user(1), by: by() },
        ]);
    }

    #[test]
    fn later_members_are_members() {
        given::<Organization>(first_member())
            .when(join(2))
            .then_expect_events(vec![Did::MemberJoined { user: user(2), by: by() }]);
    }

    #[test]
    fn the_last_administrator_is_not_dismissed() {
        given::<Organization>(first_member())
            .when(Do::DismissAdmin { user: user(1), by: by() })
            .then_expect_error(No::LastAdmin);
    }

    #[test]
    fn it_is_made_once() {
        given::<Organization>([created()])
            .when(Do::Create { name: "other".into(), domain: None, by: by() })
            .then_expect_events(vec![]);
    }

    fn first_member() -> [Did; 3] {
        let joined = Did::MemberJoined { user: user(1), by: by() };
        [created(), joined, Did::AdminAppointed { user: user(1), by: by() }]
    }

    fn created() -> Did {
        Did::Created { name: "acme".into(), domain: Some("acme.com".into()), by: by() }
    }

    fn join(number: u128) -> Do {
        Do::Join { user: user(number), joined: false, by: by() }
    }

    fn by() -> Actor {
        Actor::system("test")
    }

    fn user(number: u128) -> UserId {
        UserId(uuid::Uuid::from_u128(number))
    }
}
