//! Slash commands that behaviors of the workspace bring: they come and go with its revisions.

use commands::CommandError;
use commands::behaviors::{Answered, Asked, Behaviors, Head, OptionKind, SlashOption};
use serde_json::{Value, json};

use super::Call;

/// The kind of command that people type.
const CHAT_INPUT: u8 = 1;

/// See the module.
pub(crate) struct Scripted(pub(crate) Behaviors);

impl Scripted {
    /// What Discord shows of those that are live.
    pub(crate) async fn definitions(&self) -> Result<Vec<Value>, CommandError> {
        let registry = self.0.registries.now().await?;
        let all = registry.commands().into_iter();
        Ok(all.map(|(name, live)| definition(name, &live.head)).collect())
    }

    /// Runs the one that was called; none when there is no such behavior.
    pub(crate) async fn run(&self, call: &Call) -> Result<Option<Answered>, CommandError> {
        let asked = Asked {
            name: call.path.clone(),
            options: call.options.clone(),
            names: call.names.clone(),
            interaction: call.id,
            channel: call.channel,
            guild: call.guild,
            user: call.user,
            user_name: call.user_name.clone(),
            at: call.at,
            latency_ms: call.latency_ms,
            position: call.position,
        };
        self.0.command(&call.caller.cause.then("behavior"), asked).await
    }

    /// See the module.
    pub(crate) fn behaviors(&self) -> &Behaviors {
        &self.0
    }
}

fn definition(name: &str, head: &Head) -> Value {
    // Discord wants those first that must be given.
    let mut options: Vec<_> = head.options.iter().collect();
    options.sort_by_key(|it| !it.required);
    json!({
        "name": name,
        "description": head.description,
        "type": CHAT_INPUT,
        "options": options.into_iter().map(option).collect::<Vec<_>>(),
    })
}

fn option(option: &SlashOption) -> Value {
    let kind = match option.kind {
        OptionKind::Text => 3,
        OptionKind::Integer => 4,
        OptionKind::Boolean => 5,
        OptionKind::User => 6,
        OptionKind::Channel => 7,
        OptionKind::Role => 8,
    };
    let mut shown = json!({
        "name": option.name,
        "description": option.description,
        "type": kind,
        "required": option.required,
    });
    if !option.choices.is_empty() {
        let choices = option.choices.iter().map(|it| json!({ "name": it, "value": it }));
        shown["choices"] = choices.collect();
    }
    shown
}
