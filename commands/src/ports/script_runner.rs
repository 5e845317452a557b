//! Compiles and runs the scripts of behaviors, in a sandbox.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::behaviors::Action;
use domain::kernel::{ChannelId, DiscordUserId, GuildId, MessageId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What happened that a behavior is called for; all that its script sees.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Occasion {
    /// What happened: `command`, `message`, `member_joined` …
    pub what: String,
    pub at: DateTime<Utc>,
    pub guild: Option<GuildId>,
    pub channel: Option<ChannelId>,
    pub user: Option<User>,
    pub message: Option<MessageId>,
    /// The message that this one answers.
    pub reply_to: Option<MessageId>,
    /// What was said.
    pub text: String,
    /// What stands behind a prefix command's name.
    pub args: String,
    /// The options of a slash command. One of the kind `user` is an object like [`User::seen`].
    pub options: Map<String, Value>,
    /// The emoji of a reaction.
    pub emoji: String,
    /// What was said before in the channel, oldest first.
    pub history: Vec<Line>,
    /// How much happens on the server, in whole numbers: `members`, `channels`, `messages_today`,
    /// `messages_7_days`, `active_users_7_days`, `commands_7_days`, and `top_channels`, a list of
    /// objects with `channel` and `messages`.
    pub stats: Map<String, Value>,
    /// How long the event took to get here, in milliseconds.
    pub latency_ms: u64,
    /// Where chance begins: the same seed gives the same run.
    pub seed: u64,
}

/// Somebody on Discord.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub id: DiscordUserId,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub bot: bool,
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(default)]
    pub joined_at: Option<DateTime<Utc>>,
}

impl User {
    /// As scripts see somebody, in an event and in an option of the kind `user`.
    pub fn seen(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "name": self.name,
            "bot": self.bot,
            "roles": self.roles,
            "mention": format!("<@{}>", self.id),
            "joined_at": self.joined_at.map(|it| it.to_rfc3339_opts(SecondsFormat::Secs, true)),
            "joined_at_s": self.joined_at.map(|it| it.timestamp()),
        })
    }
}

/// One message of the past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub message: MessageId,
    pub user: DiscordUserId,
    #[serde(default)]
    pub name: String,
    pub text: String,
    pub at: DateTime<Utc>,
}

/// The settings of the workspace, by the name of their file.
pub type Settings = BTreeMap<String, Value>;

/// What the workspace says to scripts when they run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Readable {
    pub settings: Settings,
    /// The commands that people can call.
    pub commands: Vec<Described>,
}

/// A command as people read of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Described {
    /// `command` or `prefix_command`.
    pub kind: String,
    pub name: String,
    pub description: String,
}

/// Why a script did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", line.map(|it| format!("line {it}: ")).unwrap_or_default())]
pub struct Fault {
    /// From 1.
    pub line: Option<u32>,
    pub reason: String,
}

/// What running a script came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    pub wanted: Result<Vec<Action>, Fault>,
    /// Steps of the script, which cost the same everywhere; time does not.
    pub operations: u64,
    pub took: Duration,
}

/// One test of a behavior.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    pub name: String,
    pub failure: Option<Fault>,
}

/// What of the workspace a script reads, as far as its text shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reads {
    pub settings: bool,
    pub commands: bool,
}

impl Reads {
    pub fn any_of(self, others: Self) -> bool {
        self.settings && others.settings || self.commands && others.commands
    }
}

/// A compiled script.
pub trait Script: Send + Sync {
    /// What it may read of the workspace; it gets nothing else of it.
    fn reads(&self) -> Reads;

    /// Runs it on an occasion. It touches nothing: it answers what it wants done.
    fn run(&self, occasion: &Occasion, workspace: &Arc<Readable>) -> Ran;

    /// Runs every function of a test script.
    fn test(&self, tests: &str, workspace: &Arc<Readable>) -> Result<Vec<Tested>, Fault>;
}

/// Knows the language of the scripts.
pub trait ScriptRunner: Send + Sync {
    /// A script that can be run. It knows nothing of the workspace: it is told when it runs.
    fn compile(&self, source: &str) -> Result<Arc<dyn Script>, Fault>;
}
