//! The head of a behavior: the first block comment of its script, in TOML.

use std::collections::BTreeSet;

use domain::behaviors::Power;
use serde::{Deserialize, Deserializer};

use crate::ports::Fault;

#[path = "slash_options.rs"]
mod slash_options;

use slash_options::{is_description, is_name, no_name};

/// How long a name is at most, and how many characters describe it, as Discord allows.
const MOST_NAME: usize = 32;
const MOST_DESCRIPTION: usize = 100;

/// How many aliases and phrases there are at most.
const MOST_WORDS: usize = 50;

/// How many messages of the past a behavior sees at most.
const MOST_HISTORY: u32 = 100;

/// How long a day is, in seconds.
const DAY_S: u32 = 86_400;

/// How long a behavior may rest between two calls of the same person, in seconds: a day.
const MOST_COOLDOWN_S: u32 = DAY_S;

/// What a behavior says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    pub kind: Kind,
    /// Of commands: what people type.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is good for.
    pub description: String,
    /// Of prefix commands: other names.
    #[serde(default)]
    pub aliases: BTreeSet<String>,
    /// Of responders: the phrases that they answer, as whole words, upper or lower case.
    #[serde(default)]
    pub phrases: BTreeSet<String>,
    /// Of reactions: what they react to.
    #[serde(default)]
    pub on: Option<Happening>,
    /// Of schedules: how often they run, in seconds.
    #[serde(default)]
    pub every_s: Option<u32>,
    /// Of schedules that run every so many days: when, in seconds of the day (UTC). The head says
    /// `"HH:MM"`.
    #[serde(default, rename = "at", deserialize_with = "second_of_the_day")]
    pub at_s: Option<u32>,
    /// Of slash commands.
    #[serde(default)]
    pub options: Vec<SlashOption>,
    /// How long one person waits between two calls, in seconds.
    #[serde(default)]
    pub cooldown_s: u32,
    /// What it may do; it has these powers and no others.
    #[serde(default)]
    pub powers: BTreeSet<Power>,
    /// How many messages of the past it sees.
    #[serde(default)]
    pub history: u32,
}

/// What calls a behavior.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A slash command.
    Command,
    /// A message that begins with a prefix and a name.
    PrefixCommand,
    /// Something that happens on the server.
    Reaction,
    /// A message that holds a phrase.
    Responder,
    /// The clock.
    Schedule,
}

impl Kind {
    /// As heads call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::PrefixCommand => "prefix_command",
            Self::Reaction => "reaction",
            Self::Responder => "responder",
            Self::Schedule => "schedule",
        }
    }
}

/// What a reaction reacts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    MemberJoined,
    MemberLeft,
    MessageCreated,
    MessageDeleted,
    MessageEdited,
    ReactionAdded,
    ReactionRemoved,
}

impl Happening {
    /// As heads and scripts call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MemberJoined => "member_joined",
            Self::MemberLeft => "member_left",
            Self::MessageCreated => "message_created",
            Self::MessageDeleted => "message_deleted",
            Self::MessageEdited => "message_edited",
            Self::ReactionAdded => "reaction_added",
            Self::ReactionRemoved => "reaction_removed",
        }
    }
}

/// One option of a slash command.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlashOption {
    pub name: String,
    pub description: String,
    pub kind: OptionKind,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub choices: Vec<String>,
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionKind {
    Boolean,
    Channel,
    Integer,
    Role,
    Text,
    User,
}

impl Head {
    /// Reads the head of a script.
    pub fn of(source: &str) -> Result<Self, Fault> {
        let none = || Fault {
            line: Some(1),
            reason: "a behavior begins with a block comment that says in TOML what it is".into(),
        };
        let begin = source.len() - source.trim_start().len();
        let body = source[begin..].strip_prefix("/*").ok_or_else(none)?;
        let end = body.find("*/").ok_or_else(none)?;
        let before = begin + 2;
        let line_of = |at: usize| line(source, before + at);
        let head: Self = toml::from_str(&body[..end]).map_err(|error| Fault {
            line: Some(line_of(error.span().map_or(0, |span| span.start))),
            reason: error.message().to_owned(),
        })?;
        head.check().map_err(|reason| Fault { line: Some(line_of(0)), reason })?;
        slash_options::check(&head).map_err(|(option, reason)| {
            let at = option.and_then(|it| body[..end].match_indices("[[options]]").nth(it));
            Fault { line: Some(line_of(at.map_or(0, |(at, _)| at))), reason }
        })?;
        Ok(head)
    }

    fn check(&self) -> Result<(), String> {
        let Self { kind, name, description, .. } = self;
        let needs = |what: &str, there: bool, of: &[Kind]| match (there, of.contains(kind)) {
            (false, true) => Err(format!("{what} is missing")),
            (true, false) => Err(format!("{what} is not for this kind of behavior")),
            _ => Ok(()),
        };
        needs("name", name.is_some(), &[Kind::Command, Kind::PrefixCommand])?;
        needs("phrases", !self.phrases.is_empty(), &[Kind::Responder])?;
        needs("on", self.on.is_some(), &[Kind::Reaction])?;
        needs("every_s", self.every_s.is_some(), &[Kind::Schedule])?;
        if *kind != Kind::Command && !self.options.is_empty() {
            return Err("options are for slash commands".into());
        }
        if *kind != Kind::PrefixCommand && !self.aliases.is_empty() {
            return Err("aliases are for prefix commands".into());
        }
        if !is_description(description) {
            return Err(format!("description has 1 to {MOST_DESCRIPTION} characters"));
        }
        if let Some(word) = name.iter().chain(&self.aliases).find(|it| !is_name(it)) {
            return Err(no_name(word));
        }
        if self.aliases.len() > MOST_WORDS || self.phrases.len() > MOST_WORDS {
            return Err(format!("there are at most {MOST_WORDS} aliases, and as many phrases"));
        }
        if self.phrases.iter().any(|it| it.trim().is_empty()) {
            return Err("a phrase is empty".into());
        }
        if self.every_s.is_some_and(|it| it < 60) {
            return Err("every_s is at least 60".into());
        }
        if self.at_s.is_some() && *kind != Kind::Schedule {
            return Err("at is for schedules".into());
        }
        if self.at_s.is_some() && !self.every_s.is_some_and(|it| it.is_multiple_of(DAY_S)) {
            return Err(format!("at needs whole days: every_s is {DAY_S}, or a multiple of it"));
        }
        if self.cooldown_s > MOST_COOLDOWN_S {
            return Err(format!("cooldown_s is at most {MOST_COOLDOWN_S}"));
        }
        if self.history > MOST_HISTORY {
            return Err(format!("history is at most {MOST_HISTORY}"));
        }
        if self.history > 0 && !self.powers.contains(&Power::ReadHistory) {
            return Err("history needs the power read_history".into());
        }
        Ok(())
    }
}

/// Reads `"HH:MM"`.
fn second_of_the_day<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(from)?;
    let two = |part: &str, most: u32| {
        let digits = part.len() == 2 && part.bytes().all(|it| it.is_ascii_digit());
        part.parse::<u32>().ok().filter(|it| digits && *it <= most)
    };
    let parts = text.split_once(':');
    let read = parts.and_then(|(hour, minute)| Some((two(hour, 23)?, two(minute, 59)?)));
    let (hour, minute) = read.ok_or_else(|| {
        serde::de::Error::custom(format!("“{text}” is no time of the day: write \"08:30\""))
    })?;
    Ok(Some(hour * 3_600 + minute * 60))
}

fn line(source: &str, at: usize) -> u32 {
    let before = source.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
    u32::try_from(before + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_what_a_behavior_is() {
        let head = Head::of(
            "/*\nkind = \"command\"\nname = \"dice\"\ndescription = \"Roll dice\"\n\
             cooldown_s = 3\npowers = [\"reply\"]\n\n[[options]]\nname = \"sides\"\n\
             description = \"How many\"\nkind = \"integer\"\n*/\nfn run(event) { }",
        );
        let head = head.unwrap();
        assert_eq!((head.kind, head.name.as_deref()), (Kind::Command, Some("dice")));
        assert_eq!(head.powers, [Power::Reply].into());
        assert_eq!(head.options[0].kind, OptionKind::Integer);
    }

    #[test]
    fn a_schedule_says_when_in_the_day() {
        for (keys, at_s) in [
            ("every_s = 86400\nat = \"08:30\"", Some(30_600)),
            ("every_s = 172800\nat = \"00:00\"", Some(0)),
            ("every_s = 3600", None),
        ] {
            assert_eq!(Head::of(&schedule(keys)).unwrap().at_s, at_s, "{keys}");
        }
    }

    fn schedule(keys: &str) -> String {
        format!("/*\nkind = \"schedule\"\ndescription = \"x\"\n{keys}\n*/")
    }

    #[test]
    fn what_is_wrong_in_a_head_is_told_with_its_line() {
        let responder = "kind = \"responder\"\ndescription = \"x\"\n";
        for (head, line, words) in [
            ("fn run(event) { }".to_owned(), 1, "block comment"),
            ("/* kind = 1".to_owned(), 1, "block comment"),
            (format!("/*\n{responder}phrases = [\"a\"]\ncolor = 1\n*/"), 5, "color"),
            (format!("/*\n{responder}phrases = [\"a\"]\npowers = [\"fly\"]\n*/"), 5, "fly"),
            (format!("/*\n{responder}*/"), 1, "phrases is missing"),
            (format!("/*\n{responder}phrases = [\"a\"]\nname = \"x\"\n*/"), 1, "name is not for"),
            (format!("/*\n{responder}phrases = [\"a\"]\nhistory = 9\n*/"), 1, "read_history"),
            (
                "/*\nkind = \"prefix_command\"\nname = \"A b\"\ndescription = \"x\"\n*/".into(),
                1,
                "A b",
            ),
            (schedule("every_s = 1"), 1, "60"),
            (schedule("every_s = 3600\nat = \"08:30\""), 1, "whole days"),
            (schedule("every_s = 86400\nat = \"24:00\""), 5, "24:00"),
            (schedule("every_s = 86400\nat = \"+8:30\""), 5, "+8:30"),
            (format!("/*\n{responder}phrases = [\"a\"]\nat = \"08:30\"\n*/"), 1, "schedules"),
        ] {
            let fault = Head::of(&head).expect_err(&head);
            assert_eq!(fault.line, Some(line), "{head}: {fault}");
            assert!(fault.reason.contains(words), "{head}: {fault}");
        }
    }
}
