//! A permission is a verb and a resource: `approve:self-edit`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::kernel::ParseIdError;

/// Declares the permissions there are, with what each one means to people.
macro_rules! permissions {
    ($($name:ident = $text:literal: $meaning:literal),+ $(,)?) => {
        /// What an actor may be allowed to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission {
            $(#[doc = $meaning] $name),+
        }

        impl Permission {
            /// Every permission, in alphabetical order of the variants.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// `verb:resource`
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What it allows, in plain words.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),+ }
            }
        }
    };
}

permissions! {
    ApproveSelfEdit = "approve:self-edit": "Approve, reject and apply edits that others proposed",
    ErasePerson = "erase:person": "Make a person's data unreadable for good",
    ImportHistory = "import:history": "Import recorded chat",
    ManageApiKey = "manage:api-key": "Create, list and revoke API keys",
    ManageBot = "manage:bot": "Restart and shut down the bot",
    ManageConfig = "manage:config": "Change the configuration",
    ManageIntegration = "manage:integration": "Install and remove integrations",
    ManageReplay = "manage:replay": "Rebuild the read models from the log",
    ManageSelfEditing = "manage:self-editing": "Switch self-editing on and off",
    ProposeSelfEdit = "propose:self-edit": "Propose edits of the bot's behavior",
    ReadAnalytics = "read:analytics": "See analytics",
    ReadAudit = "read:audit": "See the audit trail and the event log",
    ReadConfig = "read:config": "See the configuration and the bot's status",
    ReadConversation = "read:conversation": "Read conversations",
    ReadHistory = "read:history": "Read and search the chat history",
    ReadIntegration = "read:integration": "See integrations",
    ReadLog = "read:log": "Read the application's logs",
    ReadSelfEdit = "read:self-edit": "See edits and the workspace",
    RollbackSelfEdit = "rollback:self-edit": "Roll edits back",
    WriteConversation = "write:conversation": "Hold conversations with the bot",
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let found = Self::ALL.iter().find(|it| it.as_str() == text);
        let expected = "a permission such as read:audit";
        found.copied().ok_or_else(|| ParseIdError { text: text.to_owned(), expected })
    }
}

/// What one actor may do: some permissions, or with `*:*` every one there is and will be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permissions(BTreeSet<String>);

impl Permissions {
    /// Everything.
    pub fn all() -> Self {
        Self(["*:*".to_owned()].into())
    }

    /// Refuses a text that names no permission.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, ParseIdError> {
        let known = |text: T| match text.as_ref() {
            "*:*" => Ok("*:*".to_owned()),
            text => text.parse::<Permission>().map(|it| it.to_string()),
        };
        texts.into_iter().map(known).collect::<Result<_, _>>().map(Self)
    }

    /// Just these.
    pub fn of(permissions: &[Permission]) -> Self {
        Self(permissions.iter().map(ToString::to_string).collect())
    }

    pub fn allow(&self, permission: Permission) -> bool {
        self.0.contains("*:*") || self.0.contains(permission.as_str())
    }

    /// Whether everything the other may, this one may too.
    pub fn cover(&self, other: &Self) -> bool {
        self.0.contains("*:*") || other.0.is_subset(&self.0)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_named_once_and_sorted() {
        let names: Vec<_> = Permission::ALL.iter().map(|it| it.as_str()).collect();
        assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
    }

    #[test]
    fn nobody_covers_more_than_he_has() {
        let some = Permissions::parse(["read:audit"]).unwrap();
        assert!(Permissions::all().cover(&some) && some.cover(&some));
        assert!(!some.cover(&Permissions::all()));
        assert!(Permissions::parse(["read:everything"]).is_err());
    }
}
