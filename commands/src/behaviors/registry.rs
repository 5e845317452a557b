//! The behaviors of one revision of the workspace, compiled once and found by an index.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::behaviors::{Action, Power};
use domain::kernel::BehaviorId;

use super::paths::{is_behavior, name_of};
use super::phrases::Phrases;
use super::{Happening, Head, Kind, readable};
use crate::ports::{Fault, Occasion, Ran, Readable, Reads, Script};
use crate::self_editing::Files;

/// What stands before the name of a prefix command when `settings/bot.toml` says nothing.
const PREFIX: &str = "!";

/// A behavior that can be called.
pub struct Live {
    pub id: BehaviorId,
    pub path: String,
    pub head: Head,
    script: Arc<dyn Script>,
}

/// See the module.
#[derive(Default)]
pub struct Registry {
    revision: u64,
    /// The commit that made the revision.
    position: u64,
    workspace: Arc<Readable>,
    all: Vec<Arc<Live>>,
    broken: BTreeMap<String, Fault>,
    commands: HashMap<String, usize>,
    prefix: String,
    prefixed: HashMap<String, usize>,
    phrases: Phrases,
    reactions: HashMap<Happening, Vec<usize>>,
}

/// One behavior that an event calls.
#[derive(Clone)]
pub struct Match {
    pub live: Arc<Live>,
    /// What happened, as the script is told.
    pub what: &'static str,
    /// What stands behind a prefix command's name.
    pub args: String,
}

impl Registry {
    /// Compiles the behaviors of a workspace. One that cannot be compiled is left out: it was
    /// refused when it was proposed, so another version of the program let it in.
    pub(super) fn new(
        revision: u64,
        position: u64,
        files: &Files,
        compile: impl Fn(&str) -> Result<Arc<dyn Script>, Fault>,
    ) -> Self {
        let (mut all, mut broken) = (Vec::new(), BTreeMap::new());
        for (path, source) in files.iter().filter(|(path, _)| is_behavior(path)) {
            let live = || {
                let odd = |error: domain::kernel::ParseIdError| Fault {
                    line: None,
                    reason: error.to_string(),
                };
                let (head, script) = (Head::of(source)?, compile(source)?);
                let id = name_of(path).parse().map_err(odd)?;
                Ok(Live { id, path: path.clone(), head, script })
            };
            match live() {
                Ok(live) => all.push(Arc::new(live)),
                Err(fault) => {
                    tracing::error!(path, %fault, "a behavior cannot be used");
                    broken.insert(path.clone(), fault);
                }
            }
        }
        let workspace = Arc::new(readable(files));
        let prefix = workspace.settings.get("bot").and_then(|it| it["prefix"].as_str());
        let prefix = prefix.filter(|it| !it.trim().is_empty()).unwrap_or(PREFIX).to_owned();
        let mut registry =
            Self { revision, position, workspace, all, broken, prefix, ..Self::default() };
        registry.index();
        registry
    }

    fn index(&mut self) {
        let mut phrases = Vec::new();
        for (number, live) in self.all.iter().enumerate() {
            let Head { kind, name, aliases, on, .. } = &live.head;
            match kind {
                // Of two with the same name the first one has it; a check tells.
                Kind::Command => {
                    for name in name.iter().cloned() {
                        self.commands.entry(name).or_insert(number);
                    }
                }
                Kind::PrefixCommand => {
                    for name in name.iter().chain(aliases).cloned() {
                        self.prefixed.entry(name).or_insert(number);
                    }
                }
                Kind::Responder => {
                    phrases.extend(live.head.phrases.iter().map(|it| (it.clone(), number)));
                }
                Kind::Reaction => {
                    for on in on.iter().copied() {
                        self.reactions.entry(on).or_default().push(number);
                    }
                }
                Kind::Schedule => {}
            }
        }
        self.phrases = Phrases::new(phrases);
    }

    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The commit that made the revision.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// All behaviors, by path.
    pub fn all(&self) -> &[Arc<Live>] {
        &self.all
    }

    /// Behaviors that cannot be used, and why.
    pub fn broken(&self) -> &BTreeMap<String, Fault> {
        &self.broken
    }

    pub fn find(&self, id: &BehaviorId) -> Option<&Arc<Live>> {
        self.all.iter().find(|it| it.id == *id)
    }

    /// The slash command with this name.
    pub fn command(&self, name: &str) -> Option<&Arc<Live>> {
        self.commands.get(name).map(|number| &self.all[*number])
    }

    /// The slash commands, by name.
    pub fn commands(&self) -> BTreeMap<&str, &Arc<Live>> {
        self.commands.iter().map(|(name, number)| (name.as_str(), &self.all[*number])).collect()
    }

    pub fn schedules(&self) -> impl Iterator<Item = &Arc<Live>> {
        self.all.iter().filter(|it| it.head.kind == Kind::Schedule)
    }

    /// What stands before the name of a prefix command.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The prefix command that a text calls, and what stands behind its name.
    pub fn prefix_command(&self, text: &str) -> Option<(&Arc<Live>, String)> {
        let called = text.trim_start().strip_prefix(&self.prefix)?;
        let end = called.find(char::is_whitespace).unwrap_or(called.len());
        let (name, args) = called.split_at(end);
        let number = self.prefixed.get(&name.to_lowercase())?;
        Some((&self.all[*number], args.trim().to_owned()))
    }

    /// The behaviors that a message calls. A prefix command is that and nothing else; who speaks
    /// to the bot wants the bot's own answer.
    pub fn on_message(&self, text: &str, to_bot: bool) -> Vec<Match> {
        if let Some((live, args)) = self.prefix_command(text) {
            return vec![Match { live: live.clone(), what: "prefix_command", args }];
        }
        let responders = if to_bot { Vec::new() } else { self.phrases.of(text) };
        let responders = responders.into_iter().map(|number| self.all[number].clone());
        let responders =
            responders.map(|live| Match { live, what: "message", args: String::new() });
        responders.chain(self.on(Happening::MessageCreated)).collect()
    }

    /// The behaviors that something else calls.
    pub fn on(&self, happening: Happening) -> Vec<Match> {
        let numbers = self.reactions.get(&happening).into_iter().flatten();
        let calls = numbers.map(|number| Match {
            live: self.all[*number].clone(),
            what: happening.as_str(),
            args: String::new(),
        });
        calls.collect()
    }

    /// What scripts can read of the workspace, and find otherwise in the other one.
    pub(crate) fn reads_otherwise(&self, other: &Self) -> Reads {
        Reads {
            settings: self.workspace.settings != other.workspace.settings,
            commands: self.workspace.commands != other.workspace.commands,
        }
    }

    /// The longest past that a behavior sees, in messages.
    pub(crate) fn longest_history(&self) -> u32 {
        self.all.iter().map(|it| it.head.history).max().unwrap_or_default()
    }

    /// Runs a behavior, which gets no more than the powers that it declares.
    pub fn run(&self, live: &Live, occasion: &Occasion) -> Ran {
        let mut ran = live.script.run(occasion, &self.workspace);
        if let Ok(actions) = &ran.wanted
            && let Some(power) = undeclared(&live.head, actions)
        {
            let reason = format!(
                "it wants to {}, and does not declare the power {power}",
                power.meaning().to_lowercase()
            );
            ran.wanted = Err(Fault { line: None, reason });
        }
        ran
    }
}

fn undeclared(head: &Head, actions: &[Action]) -> Option<Power> {
    actions.iter().map(Action::power).find(|power| !head.powers.contains(power))
}

impl Match {
    /// Whether it comes to the same: the very same script, called alike, which reads nothing of what is
    /// otherwise.
    pub(crate) fn is_same(&self, other: &Self, otherwise: Reads) -> bool {
        self.live.is_same(&other.live)
            && self.what == other.what
            && self.args == other.args
            && !self.live.script.reads().any_of(otherwise)
    }
}

impl Live {
    /// What it may do, in plain words.
    pub fn powers(&self) -> impl Iterator<Item = &'static str> {
        self.head.powers.iter().map(|it| it.meaning())
    }

    /// Whether it is the very same script, by the same name.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.script, &other.script) && self.id == other.id
    }

    pub fn may(&self, power: Power) -> bool {
        self.head.powers.contains(&power)
    }
}
