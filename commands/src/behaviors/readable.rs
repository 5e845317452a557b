//! What the workspace says to behaviors when they run: its settings, and the commands there are.

use super::paths::is_behavior;
use super::{Head, Kind};
use crate::ports::{Described, Readable, Settings};
use crate::self_editing::Files;

/// Reads it from the files; what cannot be read is left out, for the checks tell of it.
pub(crate) fn readable(files: &Files) -> Readable {
    let heads = files.iter().filter(|(path, _)| is_behavior(path));
    let heads = heads.filter_map(|(_, source)| Head::of(source).ok());
    Readable { settings: settings(files), commands: heads.filter_map(described).collect() }
}

/// Each file of the settings by its name.
fn settings(files: &Files) -> Settings {
    let named = files.iter().filter_map(|(path, text)| {
        let name = path.strip_prefix("settings/")?.strip_suffix(".toml")?;
        let table: toml::Table = text.parse().ok()?;
        Some((name.to_owned(), serde_json::to_value(table).ok()?))
    });
    named.collect()
}

fn described(head: Head) -> Option<Described> {
    let kind = match head.kind {
        Kind::Command => "command",
        Kind::PrefixCommand => "prefix_command",
        Kind::Reaction | Kind::Responder | Kind::Schedule => return None,
    };
    let (name, description) = (head.name?, head.description);
    Some(Described { kind: kind.to_owned(), name, description })
}
