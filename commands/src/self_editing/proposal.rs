//! What somebody wants changed: whole files, or a unified diff.

use std::collections::BTreeSet;

use diffy::Patch;
use diffy::patch_set::{FileOperation, ParseOptions, PatchSet};
use domain::self_editing::{Change, MAX_EDIT_BYTES, MAX_FILE_BYTES, MAX_FILE_LINES, check_path};

use super::Tree;
use super::merge::Files;
use crate::CommandError;

/// The changes in a unified diff of one or more files, applied to these. Lines must match
/// exactly; the first hunk that does not is named.
pub(super) fn changes_of_diff(files: &Files, diff: &str) -> Result<Vec<Change>, CommandError> {
    let bad = |reason: String| CommandError::invalid("diff", reason);
    let mut changes = Vec::new();
    for patch in PatchSet::parse(diff, ParseOptions::unidiff()) {
        let patch = patch.map_err(|error| bad(format!("this is no unified diff: {error}")))?;
        let operation = patch.operation().strip_prefix(1);
        let text = patch.patch().as_text();
        let text = text.ok_or_else(|| bad("binary diffs are not taken".to_owned()))?;
        let (from, to) = match operation {
            FileOperation::Create(to) => (None, Some(to.to_string())),
            FileOperation::Delete(from) => (Some(from.to_string()), None),
            FileOperation::Modify { original, modified } => {
                (Some(original.to_string()), Some(modified.to_string()))
            }
            FileOperation::Rename { from, to } => (Some(from.to_string()), Some(to.to_string())),
            FileOperation::Copy { to, .. } => {
                return Err(bad(format!("{to}: copies are not taken; send the whole file")));
            }
        };
        let before = match &from {
            Some(path) => files
                .get(path)
                .ok_or_else(|| bad(format!("{path} is not in the workspace")))?
                .as_str(),
            None => "",
        };
        let after = apply(before, text).map_err(|hunk| {
            let path = from.as_deref().or(to.as_deref()).unwrap_or_default();
            bad(format!("{path}: hunk {hunk} does not apply; the lines it expects are not there"))
        })?;
        if let Some(gone) = from.filter(|from| to.as_ref() != Some(from)) {
            changes.push(Change { path: gone, content: None });
        }
        changes.extend(to.map(|path| Change { path, content: Some(after) }));
    }
    if changes.is_empty() {
        return Err(bad("the diff changes nothing".to_owned()));
    }
    Ok(changes)
}

/// The text after a patch, or the number of the hunk that does not apply, from 1.
fn apply(before: &str, patch: &Patch<'_, str>) -> Result<String, usize> {
    diffy::apply(before, patch).map_err(|_| {
        // The library does not say which hunk it was: try the first, the first two …
        let hunks = patch.hunks();
        let lines: Vec<&str> = before.split_inclusive('\n').collect();
        let fits = |hunk: &diffy::Hunk<'_, str>| {
            let old: Vec<&str> = hunk
                .lines()
                .iter()
                .filter_map(|line| match line {
                    diffy::Line::Context(text) | diffy::Line::Delete(text) => Some(*text),
                    diffy::Line::Insert(_) => None,
                })
                .collect();
            old.is_empty() || lines.windows(old.len()).any(|window| window == old)
        };
        hunks.iter().position(|hunk| !fits(hunk)).unwrap_or_default() + 1
    })
}

/// What is wrong with the shape of a proposal is the caller's to mend, before it is kept.
pub(super) fn require_sound(
    base: &Tree,
    changes: &[Change],
    field: &str,
) -> Result<(), CommandError> {
    let bad = |reason: String| CommandError::invalid(field, reason);
    if changes.is_empty() {
        return Err(bad("an edit changes at least one file".to_owned()));
    }
    if changes.len() > 100 {
        return Err(bad("an edit changes at most 100 files".to_owned()));
    }
    let mut paths = BTreeSet::new();
    let mut same = true;
    for Change { path, content } in changes {
        check_path(path).map_err(|error| CommandError::rejected(&error))?;
        if !paths.insert(path) {
            return Err(bad(format!("{path} is named twice")));
        }
        if content.is_none() && base.file(path).is_none() {
            return Err(bad(format!("{path} cannot be deleted: it is not in the workspace")));
        }
        let text = content.as_deref().unwrap_or_default();
        if text.len() > MAX_FILE_BYTES {
            return Err(bad(format!("{path} is larger than {MAX_FILE_BYTES} bytes")));
        }
        if text.lines().count() > MAX_FILE_LINES {
            return Err(bad(format!("{path} has more than {MAX_FILE_LINES} lines")));
        }
        same &= base.file(path) == content.as_deref();
    }
    let total: usize = changes.iter().filter_map(|it| it.content.as_ref()).map(String::len).sum();
    if total > MAX_EDIT_BYTES {
        let most = MAX_EDIT_BYTES;
        return Err(bad(format!("an edit holds at most {most} bytes")));
    }
    if same {
        return Err(bad("the workspace is like that already".to_owned()));
    }
    Ok(())
}

/// Names the content of an edit: what it changes, on which revision.
pub(super) fn content_hash(base_revision: u64, changes: &[Change]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&base_revision.to_le_bytes());
    for Change { path, content } in changes {
        for part in [path.as_bytes(), content.as_deref().unwrap_or("\0deleted").as_bytes()] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "one\ntwo\nthree\n";

    #[test]
    fn a_diff_changes_adds_and_deletes() {
        let diff = "--- a/settings/a.toml\n+++ b/settings/a.toml\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n\
                    --- /dev/null\n+++ b/prompts/b.md\n@@ -0,0 +1 @@\n+hello\n";
        let changes = changes_of_diff(&files(), diff).unwrap();
        assert_eq!(changes[0].content.as_deref(), Some("one\nTWO\nthree\n"));
        assert_eq!(
            (changes[1].path.as_str(), changes[1].content.as_deref()),
            ("prompts/b.md", Some("hello\n"))
        );
    }

    #[test]
    fn a_hunk_that_does_not_apply_is_named() {
        let diff =
            "--- a/settings/a.toml\n+++ b/settings/a.toml\n@@ -1,2 +1,2 @@\n one\n-zwei\n+TWO\n";
        let error = changes_of_diff(&files(), diff).unwrap_err();
        assert!(error.to_string().contains("hunk 1"), "{error}");
    }

    #[test]
    fn what_is_no_diff_is_refused() {
        assert!(changes_of_diff(&files(), "hello").is_err());
    }

    fn files() -> Files {
        [("settings/a.toml".to_owned(), FILE.to_owned())].into()
    }
}
