//! Three-way merges of whole workspaces, and what a change adds and removes.

use std::collections::BTreeMap;

use domain::self_editing::Change;
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

/// Files by path.
pub type Files = BTreeMap<String, String>;

/// A place where two changes of the same lines meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    pub file: String,
    /// Both sides, with the usual markers.
    pub hunk: String,
}

/// How much a change changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Extent {
    pub files_modified: u64,
    pub lines_added: u64,
    pub lines_removed: u64,
}

/// What has to change in `now` so that it also has what leads from `base` to `wanted`.
pub(super) fn merge(
    base: &Files,
    now: &Files,
    wanted: &[Change],
) -> Result<Vec<Change>, Vec<Conflict>> {
    let (mut merged, mut conflicts) = (Vec::new(), Vec::new());
    for Change { path, content } in wanted {
        let (base, now) = (base.get(path), now.get(path));
        if now == content.as_ref() {
            continue; // It is like that already.
        }
        if now == base {
            merged.push(Change { path: path.clone(), content: content.clone() });
            continue;
        }
        match (base, now, content) {
            (Some(base), Some(now), Some(wanted)) => match diffy::merge(base, now, wanted) {
                Ok(text) => merged.push(Change { path: path.clone(), content: Some(text) }),
                Err(text) => conflicts.push(Conflict { file: path.clone(), hunk: hunks(&text) }),
            },
            (_, now, wanted) => {
                let side = |text: Option<&String>| match text {
                    Some(text) => text.clone(),
                    None => "(deleted)\n".to_owned(),
                };
                let (now, wanted) = (side(now), side(wanted.as_ref()));
                let hunk = format!("<<<<<<< ours\n{now}=======\n{wanted}>>>>>>> theirs\n");
                conflicts.push(Conflict { file: path.clone(), hunk });
            }
        }
    }
    if conflicts.is_empty() { Ok(merged) } else { Err(conflicts) }
}

/// Only the parts of a merge between conflict markers.
fn hunks(text: &str) -> String {
    let mut inside = false;
    let mut found = String::new();
    for line in text.split_inclusive('\n') {
        inside |= line.starts_with("<<<<<<<");
        if inside {
            found.push_str(line);
        }
        inside &= !line.starts_with(">>>>>>>");
    }
    found
}

/// The changes that lead from one workspace to another.
pub(super) fn difference(from: &Files, to: &Files) -> Vec<Change> {
    let paths = from.keys().chain(to.keys().filter(|path| !from.contains_key(*path)));
    let changed = paths.filter(|path| from.get(*path) != to.get(*path));
    let mut changes: Vec<_> =
        changed.map(|path| Change { path: path.clone(), content: to.get(path).cloned() }).collect();
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    changes
}

/// The files after some changes.
pub fn changed(mut files: Files, changes: &[Change]) -> Files {
    for Change { path, content } in changes {
        match content {
            Some(content) => files.insert(path.clone(), content.clone()),
            None => files.remove(path),
        };
    }
    files
}

/// How much the changes change of these files.
pub fn extent(files: &Files, changes: &[Change]) -> Extent {
    let mut extent = Extent::default();
    for Change { path, content } in changes {
        let before = files.get(path).map_or("", String::as_str);
        let after = content.as_deref().unwrap_or_default();
        extent.files_modified += 1;
        for change in TextDiff::from_lines(before, after).iter_all_changes() {
            match change.tag() {
                ChangeTag::Delete => extent.lines_removed += 1,
                ChangeTag::Equal => {}
                ChangeTag::Insert => extent.lines_added += 1,
            }
        }
    }
    extent
}

/// The changes as one unified diff.
pub fn unified_diff(files: &Files, changes: &[Change]) -> String {
    let mut text = String::new();
    for Change { path, content } in changes {
        let before = files.get(path).map_or("", String::as_str);
        let after = content.as_deref().unwrap_or_default();
        let from = if files.contains_key(path) { format!("a/{path}") } else { "/dev/null".into() };
        let to = if content.is_some() { format!("b/{path}") } else { "/dev/null".into() };
        let diff = TextDiff::from_lines(before, after);
        text.push_str(&diff.unified_diff().header(&from, &to).to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "one\ntwo\nthree\nfour\nfive\n";

    #[test]
    fn changes_of_different_lines_merge() {
        let now = files(&BASE.replace("five", "FIVE"));
        let wanted = change(&BASE.replace("one", "ONE"));
        let merged = merge(&files(BASE), &now, &[wanted]).unwrap();
        assert_eq!(merged, [change("ONE\ntwo\nthree\nfour\nFIVE\n")]);
    }

    #[test]
    fn changes_of_the_same_line_conflict_and_show_both_sides() {
        let now = files(&BASE.replace("three", "drei"));
        let wanted = change(&BASE.replace("three", "trois"));
        let conflicts = merge(&files(BASE), &now, &[wanted]).unwrap_err();
        assert!(conflicts[0].hunk.contains("drei") && conflicts[0].hunk.contains("trois"));
        assert!(!conflicts[0].hunk.contains("five"), "{}", conflicts[0].hunk);
    }

    #[test]
    fn what_is_there_already_needs_no_change() {
        let now = files(&BASE.replace("one", "ONE"));
        let wanted = change(&BASE.replace("one", "ONE"));
        assert_eq!(merge(&files(BASE), &now, &[wanted]), Ok(vec![]));
    }

    #[test]
    fn deleting_what_others_changed_conflicts() {
        let wanted = Change { path: "a".into(), content: None };
        let conflicts = merge(&files(BASE), &files("other\n"), &[wanted]).unwrap_err();
        assert!(conflicts[0].hunk.contains("(deleted)"));
    }

    #[test]
    fn a_difference_leads_from_one_to_the_other() {
        let (from, to) = (files(BASE), Files::from([("b".to_owned(), "x\n".to_owned())]));
        let changes = difference(&from, &to);
        assert_eq!(changed(from.clone(), &changes), to);
        let extent = extent(&from, &changes);
        assert_eq!((extent.files_modified, extent.lines_added, extent.lines_removed), (2, 1, 5));
    }

    fn files(text: &str) -> Files {
        [("a".to_owned(), text.to_owned())].into()
    }

    fn change(text: &str) -> Change {
        Change { path: "a".into(), content: Some(text.to_owned()) }
    }
}
