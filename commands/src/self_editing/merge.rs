//! Three-way merges of whole workspaces, and what a change adds and removes.

use std::collections::BTreeMap;

use domain::self_editing::Change;
use serde::Serialize;
use similar::ChangeTag;

use super::three_way::{Patience, by_lines, three_way};
use crate::CommandError;

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
    let patience = Patience::to_merge();
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
            (Some(base), Some(now), Some(wanted)) => match three_way(base, now, wanted, patience) {
                Ok(text) => merged.push(Change { path: path.clone(), content: Some(text) }),
                Err(hunk) => conflicts.push(Conflict { file: path.clone(), hunk }),
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

/// How much a change changes of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileExtent {
    pub path: String,
    /// `added`, `deleted` or `modified`.
    pub change: &'static str,
    pub lines_added: u64,
    pub lines_removed: u64,
}

/// What changes come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    pub changes: Extent,
    /// The same, file by file.
    pub files: Vec<FileExtent>,
    /// As one unified diff.
    pub diff: String,
}

impl Told {
    /// What these changes of these files come to. It takes a moment, but not much longer for many
    /// large files: then what is left is told more coarsely.
    pub fn of(files: &Files, changes: &[Change]) -> Self {
        let (mut told, patience) = (Self::default(), Patience::to_tell());
        for Change { path, content } in changes {
            let (before, after) = (files.get(path), content.as_ref());
            let name = |side: &str, text: Option<&String>| match text {
                Some(_) => format!("{side}/{path}"),
                None => "/dev/null".to_owned(),
            };
            let change = match (before, after) {
                (None, _) => "added",
                (Some(_), Some(_)) => "modified",
                (Some(_), None) => "deleted",
            };
            let (old, new) = (before.map_or("", String::as_str), after.map_or("", String::as_str));
            let diff = by_lines(old, new, patience);
            let (mut lines_added, mut lines_removed) = (0, 0);
            for line in diff.iter_all_changes() {
                match line.tag() {
                    ChangeTag::Delete => lines_removed += 1,
                    ChangeTag::Equal => {}
                    ChangeTag::Insert => lines_added += 1,
                }
            }
            told.changes.files_modified += 1;
            told.changes.lines_added += lines_added;
            told.changes.lines_removed += lines_removed;
            told.files.push(FileExtent { path: path.clone(), change, lines_added, lines_removed });
            let (from, to) = (name("a", before), name("b", after));
            told.diff.push_str(&diff.unified_diff().header(&from, &to).to_string());
        }
        told
    }

    /// The same, off the threads that answer: comparing takes one for a moment.
    pub async fn aside(files: Files, changes: Vec<Change>) -> Result<Self, CommandError> {
        let compare = move || Self::of(&files, &changes);
        tokio::task::spawn_blocking(compare).await.map_err(CommandError::unavailable)
    }
}

/// How much the changes change of these files.
pub fn extent(files: &Files, changes: &[Change]) -> Extent {
    Told::of(files, changes).changes
}

/// The changes as one unified diff.
pub fn unified_diff(files: &Files, changes: &[Change]) -> String {
    Told::of(files, changes).diff
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use domain::self_editing::MAX_FILE_LINES;
    use proptest::prelude::*;

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
    fn a_carriage_return_that_stands_alone_ends_no_line() {
        let base = "a\rb\none\ntwo\nthree\n";
        let now = files(&base.replace("one", "ONE"));
        let wanted = change(&base.replace("three", "THREE"));
        let merged = merge(&files(base), &now, &[wanted]).unwrap();
        assert_eq!(merged, [change("a\rb\nONE\ntwo\nTHREE\n")]);
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn merging_with_a_side_that_did_not_move_gives_the_other(base in some_text(), other in some_text()) {
            let wanted = change(&other);
            let merged = merge(&files(&base), &files(&base), std::slice::from_ref(&wanted));
            prop_assert_eq!(changed(files(&base), &merged.unwrap()), files(&other));
            let merged = merge(&files(&base), &files(&other), &[change(&base)]);
            prop_assert_eq!(changed(files(&other), &merged.unwrap()), files(&other));
        }

        #[test]
        fn a_merge_gives_one_text_or_names_its_hunks_and_invents_nothing(
            base in some_text(), one in some_text(), other in some_text(),
        ) {
            let most = base.len() + one.len() + other.len();
            let turned = merge(&files(&base), &files(&other), &[change(&one)]);
            match merge(&files(&base), &files(&one), &[change(&other)]) {
                Ok(merged) => {
                    let text = changed(files(&one), &merged).remove("a").unwrap_or_default();
                    prop_assert!(text.len() <= most, "{text}");
                    // What both kept or one of them brought in, and nothing that both took out.
                    let known = |line| has(&one, line) || has(&other, line);
                    prop_assert!(text.split_inclusive('\n').all(known), "{text}");
                    // Whoever comes first makes no difference.
                    let turned = turned.map(|turned| changed(files(&other), &turned));
                    prop_assert_eq!(turned, Ok(files(&text)));
                    // What a side brought in is there.
                    for side in [&one, &other] {
                        let mut new = side.split_inclusive('\n').filter(|line| !has(&base, line));
                        prop_assert!(new.all(|line| has(&text, line)), "{text}");
                    }
                }
                Err(conflicts) => {
                    prop_assert!(turned.is_err(), "{turned:?}");
                    prop_assert!(one != base && other != base && one != other);
                    prop_assert_eq!(conflicts.len(), 1);
                    let Conflict { file, hunk } = &conflicts[0];
                    prop_assert_eq!(file, "a");
                    prop_assert!(hunk.starts_with("<<<<<<<") && hunk.contains(">>>>>>>"), "{hunk}");
                }
            }
        }

        #[test]
        fn edits_of_lines_apart_merge_in_either_order_to_the_same(
            lines in 6..60_usize, at in any::<prop::sample::Index>(), gap in 2..5_usize, text in "[a-z\r]{0,3}",
        ) {
            let before: Vec<String> = (0..lines).map(|n| format!("line {n}\n")).collect();
            let first = at.index(lines - gap);
            let with = |place: usize, text: &str| {
                let mut lines = before.clone();
                lines[place] = format!("{text}!\n");
                lines.concat()
            };
            let (one, other) = (with(first, &text), with(first + gap, "other"));
            let base = files(&before.concat());
            let either = |one: &str, other: &str| {
                changed(files(one), &merge(&base, &files(one), &[change(other)]).unwrap())
            };
            let mut both = before.clone();
            (both[first], both[first + gap]) = (format!("{text}!\n"), "other!\n".to_owned());
            let both = files(&both.concat());
            prop_assert_eq!(either(&one, &other), both.clone());
            prop_assert_eq!(either(&other, &one), both);
        }
    }

    #[test]
    fn the_worst_texts_take_a_bounded_time() {
        let text = |of: &dyn Fn(usize) -> String| (0..MAX_FILE_LINES).map(of).collect::<String>();
        let random = |seed: usize| {
            move |n: usize| format!("{}\n", ((n * 2_654_435_761 + seed * 40_503) >> 7) & 3)
        };
        for [base, one, other] in [
            [
                text(&|n| format!("a{n}\n")),
                text(&|n| format!("b{n}\n")),
                text(&|n| format!("c{n}\n")),
            ],
            [text(&random(1)), text(&random(2)), text(&random(3))],
            [
                text(&|n| format!("{}\n", n % 7)),
                text(&|n| format!("{}\n", n % 11)),
                text(&|n| format!("{}\n", n % 13)),
            ],
        ] {
            let begun = Instant::now();
            let _ = merge(&files(&base), &files(&one), &[change(&other)]);
            let _ = extent(&files(&one), &[change(&other)]);
            let _ = unified_diff(&files(&one), &[change(&other)]);
            assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        }
    }

    #[test]
    fn many_large_files_take_little_longer_than_one() {
        let text = |seed: usize| {
            let line = |n: usize| ((n * 2_654_435_761 + seed * 40_503) >> 7) & 3;
            (0..MAX_FILE_LINES).map(|n| line(n).to_string() + "\n").collect::<String>()
        };
        let (before, after) = (text(1), text(2));
        let path = |n: usize| format!("prompts/{n}.md");
        let files = (0..30).map(|n| (path(n), before.clone())).collect();
        let changes: Vec<_> =
            (0..30).map(|n| Change { path: path(n), content: Some(after.clone()) }).collect();
        let begun = Instant::now();
        let told = Told::of(&files, &changes);
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        assert_eq!((told.files.len(), told.changes.files_modified), (30, 30));
        let last = &told.files[29];
        let (added, removed) = (last.lines_added, last.lines_removed);
        assert!(added == removed && added > 0, "told coarsely, and right: {last:?}");
    }

    fn some_text() -> impl Strategy<Value = String> {
        let line = prop::sample::select(vec!["a\n", "b\n", "c\n", "d\n", "\n", "e\r", "\r"]);
        let end = prop::sample::select(vec!["", "end"]);
        (prop::collection::vec(line, 0..30), end).prop_map(|(lines, end)| lines.concat() + end)
    }

    fn has(text: &str, line: &str) -> bool {
        text.split_inclusive('\n').any(|it| it == line)
    }

    fn files(text: &str) -> Files {
        [("a".to_owned(), text.to_owned())].into()
    }

    fn change(text: &str) -> Change {
        Change { path: "a".into(), content: Some(text.to_owned()) }
    }
}
