//! A power is what a behavior may do; it has those that it declares, and no others.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Declares the powers there are, with what each one means to people.
macro_rules! powers {
    ($($name:ident = $text:literal: $meaning:literal),+ $(,)?) => {
        /// What a behavior may be allowed to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum Power {
            $(#[doc = $meaning] $name),+
        }

        impl Power {
            /// Every power, in alphabetical order.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// As a behavior's head names it.
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

powers! {
    AddRoles = "add_roles": "Give roles to members",
    CallAi = "call_ai": "Ask the AI provider, which may cost money",
    DeleteMessages = "delete_messages": "Delete messages of others",
    DirectMessages = "direct_messages": "Write direct messages to members",
    React = "react": "Put reactions under messages",
    ReadHistory = "read_history": "Read what was said lately in the channel",
    ReadMembers = "read_members": "See since when somebody is a member, and with which roles",
    ReadStats = "read_stats": "See how much happens on the server",
    RemoveRoles = "remove_roles": "Take roles from members",
    Reply = "reply": "Answer whoever called it, where he called it",
    SendMessages = "send_messages": "Write messages into channels",
    SetReminders = "set_reminders": "Come back later with a message",
}

impl std::fmt::Display for Power {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Power> for String {
    fn from(power: Power) -> Self {
        power.as_str().to_owned()
    }
}

impl TryFrom<String> for Power {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Power {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|it| it.as_str() == text);
        found.copied().ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|it| it.as_str()).collect();
            format!("there is no power “{text}”; there are {}", known.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_named_once_and_sorted() {
        let names: Vec<_> = Power::ALL.iter().map(|it| it.as_str()).collect();
        assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
    }

    #[test]
    fn a_power_that_is_not_there_is_told_with_those_that_are() {
        assert_eq!("reply".parse(), Ok(Power::Reply));
        let error = "delete_server".parse::<Power>().unwrap_err();
        assert!(error.contains("delete_server") && error.contains("add_roles"), "{error}");
    }
}
