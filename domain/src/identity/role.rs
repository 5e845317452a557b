//! A role is a name for some permissions. Five are built in and never change; others are made.

use serde::{Deserialize, Serialize};

use super::{Permission, Permissions};
use crate::kernel::{Actor, Ground, Rejection, RoleId, aggregate};

/// The built-in roles, by name, with what they are for.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("admin", "Everything"),
    ("auditor", "Sees everything, changes nothing"),
    ("moderator", "Reviews edits, reads history and conversations"),
    ("owner", "Everything; the first person of an installation"),
    ("user", "Talks with the bot, and keeps an account"),
];

/// What a built-in role allows; none when it is not built in.
pub fn built_in(role: &RoleId) -> Option<Permissions> {
    use Permission as P;
    Some(match role.as_str() {
        "admin" | "owner" => Permissions::all(),
        "auditor" => {
            Permission::ALL.iter().filter(|it| it.as_str().starts_with("read:")).copied().collect()
        }
        "moderator" => Permissions::of(&[
            P::ApproveSelfEdit,
            P::AuthorizeRequest,
            P::ProposeSelfEdit,
            P::ReadAnalytics,
            P::ReadAudit,
            P::ReadConfig,
            P::ReadConversation,
            P::ReadHistory,
            P::ReadProfile,
            P::ReadSelfEdit,
            P::RollbackSelfEdit,
            P::WriteConversation,
            P::WriteProfile,
        ]),
        "user" => Permissions::of(&[P::AuthorizeRequest, P::ReadProfile, P::WriteProfile]),
        _ => return None,
    })
}

/// A role somebody made.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Role {
    description: String,
    permissions: Permissions,
    exists: bool,
}

/// What can be asked of it. `may` is what the asking one may: nobody gives more than he has.
#[derive(Debug, Clone, PartialEq)]
pub enum RoleCommand {
    Create {
        role: RoleId,
        description: String,
        permissions: Permissions,
        by: Actor,
        may: Permissions,
    },
    Change {
        description: String,
        permissions: Permissions,
        by: Actor,
        may: Permissions,
    },
    Delete {
        by: Actor,
    },
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RoleEvent {
    Changed { description: String, permissions: Permissions, by: Actor },
    Created { description: String, permissions: Permissions, by: Actor },
    Deleted { by: Actor },
}

/// Why a command on a role is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    #[error("a built-in role cannot be made or changed")]
    BuiltIn,
    #[error("this role exists already")]
    Exists,
    #[error("a role is described with at most 500 characters")]
    LongDescription,
    #[error("a role may not allow more than its maker is allowed")]
    TooPowerful,
    #[error("there is no such role")]
    Unknown,
}

impl Rejection for RoleError {
    fn ground(&self) -> Ground {
        match self {
            Self::BuiltIn | Self::Exists => Ground::State,
            Self::LongDescription => Ground::Input,
            Self::TooPowerful => Ground::Person,
            Self::Unknown => Ground::Missing,
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::BuiltIn | Self::Exists => Some("name"),
            Self::LongDescription => Some("description"),
            Self::TooPowerful => Some("permissions"),
            Self::Unknown => None,
        }
    }
}

impl Role {
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What it allows; none when it does not exist.
    pub fn permissions(&self) -> Option<&Permissions> {
        self.exists.then_some(&self.permissions)
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: RoleCommand) -> Result<Vec<RoleEvent>, RoleError> {
        use {RoleCommand as Do, RoleError as No, RoleEvent as Did};

        let fits = |description: &str, permissions: &Permissions, may: &Permissions| {
            if description.chars().count() > 500 {
                return Err(No::LongDescription);
            }
            if may.cover(permissions) { Ok(()) } else { Err(No::TooPowerful) }
        };
        let event = match (command, self.exists) {
            (Do::Create { role, .. }, _) if built_in(&role).is_some() => return Err(No::BuiltIn),
            (Do::Create { description, permissions, by, may, .. }, false) => {
                fits(&description, &permissions, &may)?;
                Did::Created { description, permissions, by }
            }
            (Do::Create { .. }, true) => return Err(No::Exists),

            (Do::Change { .. } | Do::Delete { .. }, false) => return Err(No::Unknown),
            (Do::Change { description, permissions, by, may }, true) => {
                fits(&description, &permissions, &may)?;
                if description == self.description && permissions == self.permissions {
                    return Ok(vec![]);
                }
                Did::Changed { description, permissions, by }
            }
            (Do::Delete { by }, true) => Did::Deleted { by },
        };
        Ok(vec![event])
    }

    fn evolve(&mut self, event: &RoleEvent) {
        match event {
            RoleEvent::Changed { description, permissions, .. }
            | RoleEvent::Created { description, permissions, .. } => {
                self.description.clone_from(description);
                self.permissions = permissions.clone();
                self.exists = true;
            }
            RoleEvent::Deleted { .. } => *self = Self::default(),
        }
    }
}

aggregate!(Role: "role", RoleCommand -> RoleEvent | RoleError);

#[cfg(test)]
mod tests {
    use super::{RoleCommand as Do, RoleError as No, *};
    use crate::kernel::testing::given;

    #[test]
    fn nobody_makes_a_role_that_may_more_than_he() {
        given::<Role>([])
            .when(create("helper", Permissions::of(&[Permission::ReadAudit])))
            .then_expect_error(No::TooPowerful);
    }

    #[test]
    fn built_in_roles_stay_as_they_are() {
        given::<Role>([]).when(create("admin", Permissions::all())).then_expect_error(No::BuiltIn);
    }

    #[test]
    fn the_built_in_roles_are_named_once_and_sorted() {
        assert!(BUILT_IN.is_sorted_by(|one, next| one.0 < next.0));
        for (name, _) in BUILT_IN {
            assert!(built_in(&name.parse().unwrap()).is_some(), "{name}");
        }
    }

    fn create(name: &str, may: Permissions) -> Do {
        Do::Create {
            role: name.parse().unwrap(),
            description: String::new(),
            permissions: Permissions::of(&[Permission::ErasePerson]),
            by: Actor::system("test"),
            may,
        }
    }
}
