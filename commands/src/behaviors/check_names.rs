//! Whether people can call each command by a name of its own.

use std::collections::BTreeMap;

use domain::self_editing::{Change, Finding};

use super::paths::is_behavior;
use super::{Head, Kind};
use crate::self_editing::Files;

/// The slash commands of the bot itself.
pub const OWN_COMMANDS: [&str; 6] = ["api-token", "ask", "behaviors", "edit", "history", "status"];

/// The names of the commands among the changes, on the files as they would be.
pub(crate) fn check_names(after: &Files, changes: &[Change]) -> Vec<Finding> {
    let mut holders: BTreeMap<(bool, String), Vec<&str>> = BTreeMap::new();
    for (path, source) in after.iter().filter(|(path, _)| is_behavior(path)) {
        // A head that cannot be read is told by the check of the syntax.
        let Ok(head) = Head::of(source) else { continue };
        let slash = match head.kind {
            Kind::Command => true,
            Kind::PrefixCommand => false,
            Kind::Reaction | Kind::Responder | Kind::Schedule => continue,
        };
        for name in head.name.into_iter().chain(head.aliases) {
            holders.entry((slash, name)).or_default().push(path);
        }
    }
    let changed = |path: &str| changes.iter().any(|it| it.path == path && it.content.is_some());
    let mut findings = Vec::new();
    for ((slash, name), paths) in &holders {
        let own = *slash && OWN_COMMANDS.contains(&name.as_str());
        for path in paths.iter().filter(|it| changed(it)) {
            let other = paths.iter().find(|it| *it != path);
            let reason = match other {
                _ if own => format!("/{name} is a command of the bot itself; take another name"),
                Some(other) => format!("“{name}” is the name of {other}; take another one"),
                None => continue,
            };
            findings.push(Finding { file: (*path).to_owned(), line: None, reason });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_once_and_not_from_the_bot() {
        let live = files(&[("a", "command", "dice"), ("b", "prefix_command", "roll")]);
        for (kind, name, found) in [
            ("command", "dice", true),
            ("command", "edit", true),
            ("prefix_command", "roll", true),
            ("prefix_command", "dice", false),
            ("prefix_command", "edit", false),
            ("command", "roll", false),
        ] {
            let new = files(&[("c", kind, name)]);
            let mut after = live.clone();
            after.extend(new.clone());
            let change = |(path, text): (&String, &String)| Change {
                path: path.clone(),
                content: Some(text.clone()),
            };
            let changes: Vec<_> = new.iter().map(change).collect();
            let findings = check_names(&after, &changes);
            assert_eq!(!findings.is_empty(), found, "{kind} {name}: {findings:?}");
        }
    }

    fn files(all: &[(&str, &str, &str)]) -> Files {
        let file = |(file, kind, name): &(&str, &str, &str)| {
            let head = format!("kind = \"{kind}\"\nname = \"{name}\"\ndescription = \"x\"");
            (format!("behaviors/{file}.rhai"), format!("/*\n{head}\n*/\nfn run(event) {{ }}\n"))
        };
        all.iter().map(file).collect()
    }
}
