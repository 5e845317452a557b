//! The commands as Discord knows them: registered all at once, and only when something changed.

use std::sync::{Mutex, PoisonError};

use commands::behaviors::Behaviors;
use commands::{CommandError, describe};
use serde_json::{Value, json};

use super::behavior::Scripted;
use super::{Call, Choice, Reply, SlashCommand, all};
use crate::Services;
use crate::rest::{Rest, Trouble};

/// How many commands Discord shows of one application.
const MOST: usize = 100;

/// All commands, by name.
pub(crate) struct Commands {
    all: Vec<Box<dyn SlashCommand>>,
    scripted: Scripted,
    /// What Discord was last made to show.
    registered: Mutex<Option<Value>>,
}

impl Commands {
    pub(crate) fn new(services: &Services) -> Self {
        let scripted = Scripted(services.behaviors.clone());
        Self { all: all(services), scripted, registered: Mutex::default() }
    }

    /// Whether only the caller sees that this command is being thought about.
    pub(crate) fn is_private(&self, path: &str) -> bool {
        self.find(path).is_some_and(SlashCommand::is_private)
    }

    pub(crate) async fn run(&self, call: Call) -> Result<Reply, CommandError> {
        if let Some(command) = self.find(&call.path) {
            return command.run(&call).await;
        }
        let answered = self.scripted.run(&call).await?;
        let unknown = "I do not know this any more. Type / to see what I can do.";
        Ok(answered.map_or_else(|| Reply::Private(unknown.to_owned()), Reply::Scripted))
    }

    /// Suggestions for the option that is being typed; without an answer there are none.
    pub(crate) async fn suggest(&self, call: Call, option: &str) -> Vec<Choice> {
        let Some(command) = self.find(&call.path) else { return Vec::new() };
        let suggested = command.suggest(&call, option).await;
        suggested.unwrap_or_else(|error| {
            tracing::debug!(command = call.path, %error, "there are no suggestions");
            Vec::new()
        })
    }

    /// Makes Discord show these commands. Discord counts how many are made in a day, so nothing
    /// is sent when it shows them already.
    pub(crate) async fn register(&self, rest: &Rest, application: u64) -> Result<(), Trouble> {
        let wanted = self.wanted().await?;
        let registered = || self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        if registered().as_ref() == Some(&wanted) {
            return Ok(());
        }
        if !shows(&rest.commands(application).await?, &wanted) {
            rest.set_commands(application, &wanted).await?;
            tracing::info!("the slash commands are registered");
        }
        *registered() = Some(wanted);
        Ok(())
    }

    /// The bot's own commands and those of the behaviors that are live.
    async fn wanted(&self) -> Result<Value, Trouble> {
        let scripted = self.scripted.definitions().await;
        let scripted = scripted.map_err(|error| Trouble::Down(describe(&error)))?;
        let mut wanted: Vec<_> = self.all.iter().map(|it| json!(it.definition())).collect();
        let named = |name: &Value| self.all.iter().any(|it| *name == json!(it.name()));
        wanted.extend(scripted.into_iter().filter(|it| !named(&it["name"])));
        if wanted.len() > MOST {
            tracing::warn!(commands = wanted.len(), "Discord shows no more than {MOST} commands");
            wanted.truncate(MOST);
        }
        Ok(json!(wanted))
    }

    /// What became of a behavior's answer.
    pub(crate) fn behaviors(&self) -> &Behaviors {
        self.scripted.behaviors()
    }

    fn find(&self, path: &str) -> Option<&dyn SlashCommand> {
        let name = path.split(' ').next().unwrap_or_default();
        self.all.iter().find(|it| it.name() == name).map(AsRef::as_ref)
    }
}

/// Whether Discord shows what is wanted, whatever else it says about it.
fn shows(shown: &Value, wanted: &Value) -> bool {
    match (shown, wanted) {
        (Value::Array(shown), Value::Array(wanted)) => {
            let by_name = wanted.iter().all(|it| it["name"].is_string());
            shown.len() == wanted.len()
                && wanted.iter().enumerate().all(|(place, wanted)| {
                    let named = || shown.iter().find(|it| it["name"] == wanted["name"]);
                    let twin = if by_name { named() } else { shown.get(place) };
                    twin.is_some_and(|twin| shows(twin, wanted))
                })
        }
        (Value::Object(shown), Value::Object(wanted)) => {
            let same = wanted.iter().all(|(key, wanted)| match shown.get(key) {
                Some(shown) => shows(shown, wanted),
                None => is_nothing(wanted),
            });
            let options = |it: &serde_json::Map<String, Value>| {
                it.get("options").and_then(Value::as_array).map_or(0, Vec::len)
            };
            same && options(shown) == options(wanted)
        }
        (shown, wanted) => shown == wanted || is_nothing(shown) && is_nothing(wanted),
    }
}

/// Discord leaves out what says nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_discord_adds_is_no_difference_and_what_changed_is() {
        let wanted = json!([{ "name": "ask", "description": "Ask me", "nsfw": false, "options": [
            { "name": "text", "type": 3, "required": true, "choices": [] },
        ] }]);
        let shown = json!([{ "id": "1", "name": "ask", "description": "Ask me", "version": "2",
            "options": [{ "name": "text", "type": 3, "required": true }] }]);
        assert!(shows(&shown, &wanted));

        let mut other = shown.clone();
        other[0]["options"][0]["required"] = json!(false);
        assert!(!shows(&other, &wanted));
        let mut other = shown.clone();
        other[0]["options"] = json!([]);
        assert!(!shows(&other, &wanted));
        assert!(!shows(&json!([]), &wanted));
    }
}
