//! What scripts may read of their workspace.

use super::paths::is_behavior;
use super::{Head, Kind};
use crate::ports::{Described, Readable, Settings};
use crate::self_editing::Files;

/// See the module. What cannot be read is left out: the check of the syntax tells.
pub(crate) fn readable(files: &Files) -> Readable {
    let heads = files.iter().filter(|(path, _)| is_behavior(path));
    let heads = heads.filter_map(|(_, source)| Head::of(source).ok());
    let mut commands: Vec<_> = heads.filter_map(described).collect();
    commands.sort();
    Readable { settings: settings(files), commands }
}

fn described(head: Head) -> Option<Described> {
    let kind = match head.kind {
        Kind::Command => "command",
        Kind::PrefixCommand => "prefix_command",
        Kind::Reaction | Kind::Responder | Kind::Schedule => return None,
    };
    Some(Described { kind: kind.to_owned(), name: head.name?, description: head.description })
}

/// Each file of the settings by its name.
fn settings(files: &Files) -> Settings {
    let named = files.iter().filter_map(|(path, text)| {
        let name = path.strip_prefix("settings/")?.strip_suffix(".toml")?;
        // What cannot be read is told by the check of the syntax.
        let table: toml::Table = text.parse().ok()?;
        Some((name.to_owned(), serde_json::to_value(table).ok()?))
    });
    named.collect()
}
