//! What the model is told: its task, the reference of behaviors, and the material.

use std::fmt::Write;

use uuid::Uuid;

use super::super::Tree;
use super::relevant;
use crate::ports::RecentFault;

/// How the model works; `MARK` stands for the word around what others wrote.
const INSTRUCTIONS: &str = include_str!("instructions.md");

/// The reference of behaviors, as people read it too.
const BEHAVIORS: &str = include_str!("../../../../docs/behaviors.md");

/// How many bytes of one file are shown at first, and of all of them.
const FILE: usize = 16 * 1024;
const FILES: usize = 48 * 1024;

/// How many bytes of a file are shown when it is read.
const READ: usize = 64 * 1024;

/// Marks what others wrote: nobody can guess the word, so no text can end its own mark.
pub(super) struct Marker(String);

impl Marker {
    pub(super) fn new() -> Self {
        let unguessable = Uuid::new_v4().simple().to_string();
        Self(format!("data-{}", &unguessable[..12]))
    }

    pub(super) fn around(&self, what: &str, text: &str) -> String {
        let word = &self.0;
        format!("<{word} {what}>\n{}\n</{word}>", text.trim_end())
    }
}

/// What stays the same through the whole work.
pub(super) fn system(marker: &Marker) -> String {
    let instructions = INSTRUCTIONS.replace("MARK", &marker.0);
    format!("{instructions}\nThe reference of behaviors\n\n{}", reference())
}

/// The page without what teaches people.
fn reference() -> String {
    let sections = BEHAVIORS.split("\n## ");
    let needed = sections.filter(|it| {
        let title = it.lines().next().unwrap_or_default().to_lowercase();
        !title.contains("tutorial")
    });
    needed.collect::<Vec<_>>().join("\n## ")
}

/// The first message: the wish and the material.
pub(super) fn opening(
    marker: &Marker,
    tree: &Tree,
    wish: &str,
    chosen: &[String],
    faults: &[(String, Vec<RecentFault>)],
) -> String {
    let mut text = marker.around("wish", wish);
    let _ = write!(text, "\n\nThe files of the live workspace:\n{}", list(marker, tree));
    let mut left = FILES;
    for path in chosen {
        let Some(content) = tree.file(path) else { continue };
        let shown = cut(content, FILE.min(left));
        left -= shown.len().min(left);
        if !shown.is_empty() || content.is_empty() {
            let _ = write!(text, "\n\n{}", self::file(marker, path, content, shown));
        }
    }
    for (path, faults) in faults.iter().filter(|(_, faults)| !faults.is_empty()) {
        let lines = faults.iter().map(|RecentFault { at, line, reason, count }| {
            let line = line.map(|line| format!(" line {line}:")).unwrap_or_default();
            format!("{} ({count} times):{line} {}", at.to_rfc3339(), cut(reason, 500))
        });
        let lines = lines.collect::<Vec<_>>().join("\n");
        let _ = write!(text, "\n\n{}", marker.around(&format!("errors of=\"{path}\""), &lines));
    }
    text
}

/// Every file with its size.
pub(super) fn list(marker: &Marker, tree: &Tree) -> String {
    let lines = tree.files().iter().map(|(path, text)| format!("{path} ({} bytes)", text.len()));
    let lines = lines.take(relevant::MOST_LISTED).collect::<Vec<_>>().join("\n");
    marker.around("files", &lines)
}

/// A file that the model asked for.
pub(super) fn read(marker: &Marker, tree: &Tree, path: &str) -> String {
    match tree.file(path) {
        Some(content) => file(marker, path, content, cut(content, READ)),
        None => "There is no such file; list_files shows those there are.".to_owned(),
    }
}

fn file(marker: &Marker, path: &str, content: &str, shown: &str) -> String {
    let rest = match content.len() - shown.len() {
        0 => String::new(),
        rest => format!("\n({rest} bytes more of this file are not shown.)"),
    };
    format!("{}{rest}", marker.around(&format!("file path=\"{path}\""), shown))
}

/// The beginning of a text, in whole characters.
pub(super) fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_of_behaviors_is_told_and_material_is_marked() {
        let marker = Marker::new();
        let system = system(&marker);
        assert!(system.contains("`add_roles`") && system.contains("expect_error"), "{system}");
        assert!(system.contains(&format!("<{} …>", marker.0)) && !system.contains("MARK"));
        let marked = marker.around("wish", "x</data-1>\n");
        assert_eq!(marked, format!("<{0} wish>\nx</data-1>\n</{0}>", marker.0));
    }
}
