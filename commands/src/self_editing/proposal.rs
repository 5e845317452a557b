//! What somebody wants changed: whole files, or a unified diff.

use diffy::Patch;
use diffy::patch_set::{FileOperation, ParseOptions, PatchSet};
use domain::self_editing::Change;

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
