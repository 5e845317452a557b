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
    AuthorizeRequest = "authorize:request": "Ask the policies for a decision",
    ErasePerson = "erase:person": "Make a person's data unreadable for good",
    ImportHistory = "import:history": "Import recorded chat",
    ManageApiKey = "manage:api-key": "Create, list and revoke API keys",
    ManageBot = "manage:bot": "Restart and shut down the bot",
    ManageConfig = "manage:config": "Change the configuration",
    ManageGroup = "manage:group": "Make, change and remove groups, over REST and SCIM",
    ManageIntegration = "manage:integration": "Install and remove integrations",
    ManageOrganization = "manage:organization": "Make, change and remove organizations",
    ManageReplay = "manage:replay": "Rebuild the read models from the log",
    ManageRole = "manage:role": "Make roles, and give and take them",
    ManageSelfEditing = "manage:self-editing": "Switch self-editing on and off",
    ManageUser = "manage:user": "Make, change, switch off and remove users, over REST and SCIM",
    ProposeSelfEdit = "propose:self-edit": "Propose edits of the bot's behavior",
    ReadAnalytics = "read:analytics": "See analytics",
    ReadAudit = "read:audit": "See the audit trail and the event log",
    ReadConfig = "read:config": "See the configuration and the bot's status",
    ReadConversation = "read:conversation": "Read conversations",
    ReadHistory = "read:history": "Read and search the chat history",
    ReadIntegration = "read:integration": "See integrations",
    ReadLog = "read:log": "Read the application's logs",
    ReadProfile = "read:profile": "See one's own account",
    ReadSelfEdit = "read:self-edit": "See edits and the workspace",
    ReadUser = "read:user": "See users, groups, organizations and roles",
    RollbackSelfEdit = "rollback:self-edit": "Roll edits back",
    WriteConversation = "write:conversation": "Hold conversations with the bot",
    WriteProfile = "write:profile": "Change one's own account",
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

/// What one actor may do: some permissions, or by wildcards those there are and will be: `*:*`,
/// `read:*`, `*:audit`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permissions(BTreeSet<String>);

impl Permissions {
    /// Everything.
    pub fn all() -> Self {
        Self(["*:*".to_owned()].into())
    }

    /// Refuses a text that names no permission, and a wildcard that fits none.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, ParseIdError> {
        let known = |text: T| {
            let text = text.as_ref();
            if text.contains('*') && Permission::ALL.iter().any(|it| fits(text, it.as_str())) {
                return Ok(text.to_owned());
            }
            text.parse::<Permission>().map(|it| it.to_string())
        };
        texts.into_iter().map(known).collect::<Result<_, _>>().map(Self)
    }

    /// Just these.
    pub fn of(permissions: &[Permission]) -> Self {
        Self(permissions.iter().map(ToString::to_string).collect())
    }

    pub fn allow(&self, permission: Permission) -> bool {
        let named = self.0.contains("*:*") || self.0.contains(permission.as_str());
        named || self.0.iter().any(|it| it.contains('*') && fits(it, permission.as_str()))
    }

    /// Whether everything the other may, this one may too. A wildcard is covered by an equal or a
    /// wider one only: what it will allow one day counts.
    pub fn cover(&self, other: &Self) -> bool {
        let covered = |wanted: &String| self.0.iter().any(|has| has == wanted || fits(has, wanted));
        other.0.iter().all(covered)
    }

    /// These and those.
    #[must_use]
    pub fn and(mut self, more: &Self) -> Self {
        self.0.extend(more.0.iter().cloned());
        self
    }

    /// These without those; a wildcard stays as it is.
    #[must_use]
    pub fn without(mut self, fewer: &Self) -> Self {
        self.0.retain(|it| !fewer.0.contains(it));
        self
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().map(|it| it.to_string()).collect())
    }
}

/// Whether a pattern such as `read:*` fits a permission, or a narrower pattern.
fn fits(pattern: &str, text: &str) -> bool {
    let (Some((verb, resource)), Some((its_verb, its_resource))) =
        (pattern.split_once(':'), text.split_once(':'))
    else {
        return false;
    };
    (verb == "*" || verb == its_verb) && (resource == "*" || resource == its_resource)
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
        assert!(Permissions::parse(["*", "paint:*"]).is_err());
    }

    #[test]
    fn wildcards_allow_what_they_fit() {
        let reader = Permissions::parse(["read:*"]).unwrap();
        assert!(reader.allow(Permission::ReadAudit) && !reader.allow(Permission::ErasePerson));
        assert!(reader.cover(&Permissions::of(&[Permission::ReadAudit])));
        assert!(!Permissions::of(&[Permission::ReadAudit]).cover(&reader));
        assert!(!reader.cover(&Permissions::all()));
    }
}
