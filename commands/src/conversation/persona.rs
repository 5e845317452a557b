//! Who the bot is, as the workspace says.

use std::collections::BTreeMap;

/// Where the workspace says how the bot talks.
const SYSTEM: &str = "prompts/system.md";

/// Where it says what the bot is called, and how it is called else.
const BOT: &str = "settings/bot.toml";
const NAME: &str = "Palimpsest";

/// What a model is told of who it is.
pub(crate) fn persona(workspace: &BTreeMap<String, String>) -> String {
    let system = workspace.get(SYSTEM).map(String::as_str).unwrap_or_default();
    system.replace("{name}", &name(workspace))
}

/// What the bot is called.
pub(crate) fn name(workspace: &BTreeMap<String, String>) -> String {
    let table = workspace.get(BOT).and_then(|text| text.parse::<toml::Table>().ok());
    let name = table.as_ref().and_then(|it| it.get("name")?.as_str());
    name.unwrap_or(NAME).to_owned()
}
