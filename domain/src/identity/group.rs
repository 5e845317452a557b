//! A group is a set of users, kept by hand, over REST or by a directory over SCIM.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::kernel::{Actor, Ground, OrganizationId, Rejection, UserId, aggregate};

/// How many members are asked for at once, and how many a group may have.
const MOST: usize = 100_000;

/// Who is in it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Group {
    name: String,
    external_id: Option<String>,
    organization: Option<OrganizationId>,
    members: BTreeSet<UserId>,
    exists: bool,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupCommand {
    Create {
        name: String,
        external_id: Option<String>,
        organization: Option<OrganizationId>,
        by: Actor,
    },
    Rename {
        name: String,
        external_id: Option<String>,
        by: Actor,
    },
    /// Puts in and takes out, at once.
    ChangeMembers {
        add: BTreeSet<UserId>,
        remove: BTreeSet<UserId>,
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
pub enum GroupEvent {
    Created {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        external_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organization: Option<OrganizationId>,
        by: Actor,
    },
    Deleted {
        by: Actor,
    },
    MembersAdded {
        users: BTreeSet<UserId>,
        by: Actor,
    },
    MembersRemoved {
        users: BTreeSet<UserId>,
        by: Actor,
    },
    Renamed {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        external_id: Option<String>,
        by: Actor,
    },
}

/// Why a command on a group is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    #[error("a group is named with 1 to 200 characters")]
    BadName,
    #[error("this group exists already")]
    Exists,
    #[error("a group has at most {MOST} members")]
    TooMany,
    #[error("there is no such group")]
    Unknown,
}

impl Rejection for GroupError {
    fn ground(&self) -> Ground {
        match self {
            Self::BadName | Self::TooMany => Ground::Input,
            Self::Exists => Ground::State,
            Self::Unknown => Ground::Missing,
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::BadName => Some("display_name"),
            Self::TooMany => Some("members"),
            Self::Exists | Self::Unknown => None,
        }
    }
}

impl Group {
    /// Its name; none when it does not exist.
    pub fn name(&self) -> Option<&str> {
        self.exists.then_some(&self.name)
    }

    pub fn external_id(&self) -> Option<&str> {
        self.external_id.as_deref()
    }

    pub fn organization(&self) -> Option<OrganizationId> {
        self.organization
    }

    pub fn members(&self) -> &BTreeSet<UserId> {
        &self.members
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: GroupCommand) -> Result<Vec<GroupEvent>, GroupError> {
        use {GroupCommand as Do, GroupError as No, GroupEvent as Did};

        let event = match (command, self.exists) {
            (Do::Create { name, external_id, organization, by }, false) => {
                Did::Created { name: named(name)?, external_id, organization, by }
            }
            (Do::Create { .. }, true) => return Err(No::Exists),

            (_, false) => return Err(No::Unknown),

            (Do::Rename { name, external_id, by }, true) => {
                if name == self.name && external_id == self.external_id {
                    return Ok(vec![]);
                }
                Did::Renamed { name: named(name)?, external_id, by }
            }
            (Do::ChangeMembers { add, remove, by }, true) => {
                let add: BTreeSet<_> = add.difference(&self.members).copied().collect();
                let remove: BTreeSet<_> = remove.intersection(&self.members).copied().collect();
                if self.members.len() + add.len() - remove.len() > MOST {
                    return Err(No::TooMany);
                }
                let mut events = Vec::new();
                if !add.is_empty() {
                    events.push(Did::MembersAdded { users: add, by: by.clone() });
                }
                if !remove.is_empty() {
                    events.push(Did::MembersRemoved { users: remove, by });
                }
                return Ok(events);
            }
            (Do::Delete { by }, true) if self.members.is_empty() => Did::Deleted { by },
            (Do::Delete { by }, true) => {
                let removed = Did::MembersRemoved { users: self.members.clone(), by: by.clone() };
                return Ok(vec![removed, Did::Deleted { by }]);
            }
        };
        Ok(vec![event])
    }

    fn evolve(&mut self, event: &GroupEvent) {
        match event {
            GroupEvent::Created { name, external_id, organization, .. } => {
                self.name.clone_from(name);
                self.external_id.clone_from(external_id);
                self.organization = *organization;
                self.exists = true;
            }
            GroupEvent::Deleted { .. } => *self = Self::default(),
            GroupEvent::MembersAdded { users, .. } => self.members.extend(users),
            GroupEvent::MembersRemoved { users, .. } => {
                self.members.retain(|user| !users.contains(user));
            }
            GroupEvent::Renamed { name, external_id, .. } => {
                self.name.clone_from(name);
                self.external_id.clone_from(external_id);
            }
        }
    }
}

fn named(name: String) -> Result<String, GroupError> {
    let fits = !name.trim().is_empty() && name.chars().count() <= 200;
    if fits { Ok(name) } else { Err(GroupError::BadName) }
}

aggregate!(Group: "group", GroupCommand -> GroupEvent | GroupError);

#[cfg(test)]
mod tests {
    use super::{GroupCommand as Do, GroupError as No, GroupEvent as Did, *};
    use crate::kernel::testing::given;

    #[test]
    fn only_what_changes_is_kept() {
        let (ana, ben) = (user(1), user(2));
        let added = |users| Did::MembersAdded { users, by: by() };
        given::<Group>([created(), added([ana].into())])
            .when(Do::ChangeMembers { add: [ana, ben].into(), remove: [user(3)].into(), by: by() })
            .then_expect_events(vec![added([ben].into())]);
    }

    #[test]
    fn a_group_that_is_gone_takes_nobody() {
        given::<Group>([created(), Did::Deleted { by: by() }])
            .when(Do::ChangeMembers { add: [user(1)].into(), remove: [].into(), by: by() })
            .then_expect_error(No::Unknown);
    }

    #[test]
    fn a_group_has_a_name() {
        let create =
            Do::Create { name: " ".into(), external_id: None, organization: None, by: by() };
        given::<Group>([]).when(create).then_expect_error(No::BadName);
    }

    fn created() -> Did {
        Did::Created { name: "crew".into(), external_id: None, organization: None, by: by() }
    }

    fn by() -> Actor {
        Actor::system("test")
    }

    fn user(number: u128) -> UserId {
        UserId(uuid::Uuid::from_u128(number))
    }
}
