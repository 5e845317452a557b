//! One type per kind of id, so that they cannot be mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not an id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{text}” is not {expected}")]
pub struct ParseIdError {
    pub text: String,
    pub expected: &'static str,
}

/// Declares id newtypes over time-ordered UUIDs.
macro_rules! uuids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            /// A fresh id; later ids sort after earlier ones.
            #[expect(clippy::new_without_default, reason = "a default id would be a lie")]
            pub fn new() -> Self {
                Self(uuid::Uuid::now_v7())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let no = |_| ParseIdError { text: text.to_owned(), expected: "a UUID" };
                text.parse().map(Self).map_err(no)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

/// Declares id newtypes over Discord's snowflakes, written as text.
macro_rules! snowflakes {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u64);

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let no = |_| ParseIdError { text: text.to_owned(), expected: "a Discord id" };
                text.parse().map(Self).map_err(no)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

uuids! {
    /// One alert about security.
    AlertId,
    /// One API key.
    ApiKeyId,
    /// One attempt to take back what the behaviors of an edit did.
    CompensationId,
    /// One suggested edit.
    EditId,
    /// One group of users.
    GroupId,
    /// One organization.
    OrganizationId,
    /// One run of the program.
    ProcessId,
    /// One rehearsal of an edit.
    RehearsalId,
    /// One session of a user.
    SessionId,
    /// One user of the platform.
    UserId,
}

snowflakes! {
    /// One Discord channel, thread or direct conversation.
    ChannelId,
    /// One Discord account.
    DiscordUserId,
    /// One Discord server.
    GuildId,
    /// One Discord message.
    MessageId,
}

/// Declares ids of two texts with a colon between.
macro_rules! pairs {
    ($($(#[$doc:meta])* $name:ident($first:ident, $second:ident)),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name {
            $first: String,
            $second: String,
        }

        impl $name {
            /// Neither half may be empty, hold a colon or a control character, or be longer than
            /// 64 bytes.
            pub fn new($first: &str, $second: &str) -> Result<Self, ParseIdError> {
                for half in [$first, $second] {
                    let odd = |c: char| c == ':' || c.is_control();
                    if half.is_empty() || half.len() > 64 || half.contains(odd) {
                        let expected = "1 to 64 bytes of text without a colon";
                        return Err(ParseIdError { text: half.to_owned(), expected });
                    }
                }
                Ok(Self { $first: $first.to_owned(), $second: $second.to_owned() })
            }

            pub fn $first(&self) -> &str {
                &self.$first
            }

            pub fn $second(&self) -> &str {
                &self.$second
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let no = || ParseIdError { text: text.to_owned(), expected: "two ids with a colon between" };
                let (first, second) = text.split_once(':').ok_or_else(no)?;
                Self::new(first, second)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}:{}", self.$first, self.$second)
            }
        }
    )+};
}

pairs! {
    /// One conversation: a user's, in a channel.
    ConversationId(user, channel),
    /// One Discord installation: a tenant's, for a project.
    InstallationId(tenant, project),
}

/// One behavior, named by its file: `dice` is `behaviors/dice.rhai`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BehaviorId(String);

impl BehaviorId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BehaviorId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let odd = |c: char| c.is_control() || c.is_whitespace() || c == ':';
        if text.is_empty() || text.len() > 200 || text.contains(odd) {
            let expected = "the name of a behavior: its file's, without behaviors/ and .rhai";
            return Err(ParseIdError { text: text.to_owned(), expected });
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for BehaviorId {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl From<BehaviorId> for String {
    fn from(id: BehaviorId) -> Self {
        id.0
    }
}

impl fmt::Display for BehaviorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Declares ids that are short texts of a few letters.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $most:literal, $expected:literal);+ $(;)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
                if text.is_empty() || text.len() > $most || !text.chars().all(fits) {
                    return Err(ParseIdError { text: text.to_owned(), expected: $expected });
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;

            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

words! {
    /// A value that is somebody's alone: its kind, a dash, and a MAC of it.
    ClaimId: 200, "a claim: a kind, a dash and a MAC";
    /// One role, by its name.
    RoleId: 64, "the name of a role: 1 to 64 of a-z, 0-9, - and _";
    /// One pair of account and address: a MAC of both.
    SignInId: 200, "a MAC of account and address";
}

/// The id of what there is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Singleton;

impl FromStr for Singleton {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let no = || ParseIdError { text: text.to_owned(), expected: "“main”" };
        (text == "main").then_some(Self).ok_or_else(no)
    }
}

impl fmt::Display for Singleton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("main")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_as_they_are_written() {
        let id = ConversationId::new("user_123", "channel_456").unwrap();
        assert_eq!(id.to_string(), "user_123:channel_456");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn halves_that_would_be_ambiguous_are_refused() {
        for (user, channel) in [("a:b", "c"), ("", "c"), ("a", "x\n"), ("a", &"x".repeat(65))] {
            assert!(ConversationId::new(user, channel).is_err(), "{user}:{channel}");
        }
        assert!("a:b:c".parse::<ConversationId>().is_err());
    }

    #[test]
    fn snowflakes_are_text_on_the_wire() {
        let id = GuildId(909_971_090_229_428_612);
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""909971090229428612""#);
        assert_eq!(serde_json::from_str::<GuildId>(r#""909971090229428612""#).unwrap(), id);
    }
}
