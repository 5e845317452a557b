//! A unified diff of texts, applied to the letter.

use std::borrow::Cow;

use domain::self_editing::Change;

use super::merge::Files;
use super::patch::{self, Hunk, Line, Patch};
use crate::CommandError;

/// How much of a line a message shows.
const SHOWN: usize = 80;

/// The changes in a unified diff of one or more files, applied to these. Lines must match exactly.
/// A hunk whose number is wrong is applied where its lines are, if that is one place only. The
/// first hunk that does not apply is named. An end of line that the diff itself lost at its end is
/// put back, as `patch` does: that a text has none is told by a line with `\`.
pub(super) fn changes_of_diff(files: &Files, diff: &str) -> Result<Vec<Change>, CommandError> {
    let bad = |reason: String| CommandError::invalid("diff", reason);
    let mut changes = Vec::new();
    let mut diff = Cow::Borrowed(diff);
    if !diff.ends_with('\n') {
        diff.to_mut().push('\n');
    }
    for patch in patch::parse(&diff).map_err(bad)? {
        let path = patch::name(&patch).to_owned();
        let before = match (patch.from, files.get(&path)) {
            (Some(_), Some(text)) => text.as_str(),
            (Some(_), None) => return Err(bad(format!("{path} is not in the workspace"))),
            (None, Some(_)) => return Err(bad(format!("{path} is in the workspace already"))),
            (None, None) => "",
        };
        let after = apply(before, &patch).map_err(|reason| bad(format!("{path}: {reason}")))?;
        if patch.to.is_none() && !after.is_empty() {
            return Err(bad(format!("{path}: the diff deletes it, and leaves some of its lines")));
        }
        changes.push(Change { path, content: patch.to.map(|_| after) });
    }
    Ok(changes)
}

/// The text after a patch, or why a hunk does not apply; hunks are counted from 1.
fn apply(before: &str, patch: &Patch<'_>) -> Result<String, String> {
    let lines: Vec<&str> = before.split_inclusive('\n').collect();
    let mut after: Vec<&str> = Vec::with_capacity(lines.len());
    let mut done = 0;
    for (number, hunk) in (1..).zip(&patch.hunks) {
        let old: Vec<&str> = hunk.lines.iter().filter_map(Line::before).collect();
        let at = place(&lines, done, hunk, &old)
            .map_err(|reason| format!("hunk {number} does not apply: {reason}"))?;
        after.extend(&lines[done..at]);
        after.extend(hunk.lines.iter().filter_map(Line::after));
        done = at + old.len();
    }
    after.extend(&lines[done..]);
    let ends = |lines: &[&str]| lines.iter().all(|it| it.ends_with('\n'));
    if !after.split_last().is_none_or(|(_, lines)| ends(lines)) {
        return Err("it has a line without an end that is not the last one".to_owned());
    }
    Ok(after.concat())
}

/// How many lines stand before a hunk: as many as it says, or, where its lines are not there, as
/// the only place says that has them.
fn place(lines: &[&str], done: usize, hunk: &Hunk<'_>, old: &[&str]) -> Result<usize, String> {
    let start = hunk.start;
    // A hunk that only adds stands after the line it names.
    let stated = if old.is_empty() { start } else { start.saturating_sub(1) };
    let fits = |at: usize| {
        let end = at.checked_add(old.len());
        at >= done && end.and_then(|end| lines.get(at..end)).is_some_and(|there| there == old)
    };
    if fits(stated) {
        return Ok(stated);
    }
    if old.is_empty() {
        let count = lines.len();
        return Err(format!("it adds after line {start}, and the file has {count} lines"));
    }
    let mut places = (done..lines.len()).filter(|at| fits(*at));
    match (places.next(), places.next()) {
        (Some(at), None) => return Ok(at),
        (Some(_), Some(_)) => {
            return Err(format!("its lines are in several places, and not at line {start}"));
        }
        (None, _) => {}
    }
    let mut pairs = old.iter().zip(lines.iter().skip(stated));
    match pairs.position(|(wanted, there)| wanted != there) {
        Some(index) => {
            let (line, there) = (stated + index + 1, shown(lines[stated + index]));
            let wanted = shown(old[index]);
            Err(format!("the diff expects “{wanted}” in line {line}, and there is “{there}”"))
        }
        None => Err(format!("its lines are not there; the file has {} lines", lines.len())),
    }
}

fn shown(line: &str) -> String {
    let text = line.trim_end_matches(['\n', '\r']);
    let end = if line.ends_with('\n') { "" } else { " (without an end of line)" };
    match text.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{}…{end}", &text[..cut]),
        None => format!("{text}{end}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::merge::{changed, difference, unified_diff};
    use super::*;

    const PATH: &str = "settings/a.toml";

    #[test]
    fn a_diff_changes_adds_and_deletes() {
        let diff = "--- a/settings/a.toml\n+++ b/settings/a.toml\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n\
                    --- /dev/null\n+++ b/prompts/b.md\n@@ -0,0 +1 @@\n+hello\n";
        let changes = changes_of_diff(&files("one\ntwo\nthree\n"), diff).unwrap();
        assert_eq!(changes, [change(PATH, "one\nTWO\nthree\n"), change("prompts/b.md", "hello\n")]);
        let gone = "--- a/settings/a.toml\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n";
        let changes = changes_of_diff(&files("one\n"), gone).unwrap();
        assert_eq!(changes, [Change { path: PATH.into(), content: None }]);
        let no = refused("one\ntwo\n", gone);
        assert!(no.contains("leaves some of its lines"), "{no}");
    }

    #[test]
    fn a_diff_that_lost_its_last_end_of_line_says_the_same() {
        for (added, text) in [("", "\n"), ("hello", "hello\n")] {
            let diff = format!("--- a/{PATH}\n+++ b/{PATH}\n@@ -0,0 +1 @@\n+{added}");
            assert_eq!(changes_of_diff(&files(""), &diff).unwrap(), [change(PATH, text)]);
        }
        let diff =
            format!("--- a/{PATH}\n+++ b/{PATH}\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file");
        assert_eq!(changes_of_diff(&files(""), &diff).unwrap(), [change(PATH, "a")]);
    }

    #[test]
    fn a_hunk_that_does_not_apply_is_named() {
        let hunk =
            |start: u32, text: &str| format!("@@ -{start},2 +{start},2 @@\n one\n-{text}\n+TWO\n");
        let diff = |hunks: &str| format!("--- a/{PATH}\n+++ b/{PATH}\n{hunks}");
        let no = refused("one\ntwo\nthree\n", &diff(&hunk(1, "zwei")));
        assert!(no.contains("hunk 1") && no.contains("expects “zwei” in line 2"), "{no}");
        let two = diff(&(hunk(1, "two") + &hunk(9, "two")));
        let no = refused("one\ntwo\nthree\n", &two);
        assert!(no.contains("settings/a.toml: hunk 2 does not apply"), "{no}");

        // Wrongly numbered: in one place it is clear what is meant, in two it is not.
        let moved = diff(&hunk(7, "two"));
        let changes = changes_of_diff(&files("zero\none\ntwo\n"), &moved).unwrap();
        assert_eq!(changes, [change(PATH, "zero\none\nTWO\n")]);
        let no = refused("one\ntwo\none\ntwo\n", &moved);
        assert!(no.contains("several places"), "{no}");
    }

    #[test]
    fn what_is_no_diff_of_texts_is_refused() {
        let git = "diff --git a/prompts/b.md b/prompts/b.md\n";
        let add = "--- /dev/null\n+++ b/prompts/b.md\n@@ -0,0 +1 @@\n+../../etc/passwd\n";
        for (diff, why) in [
            ("hello".to_owned(), "no unified diff"),
            (format!("{git}new file mode 120000\n{add}"), "links are not taken"),
            (format!("{git}new file mode 100755\n{add}"), "modes are not taken"),
            (format!("{git}old mode 100644\nnew mode 100755\n"), "modes are not taken"),
            (format!("{git}index 0000000..1111111 120000\n{add}"), "links are not taken"),
            (format!("{git}rename from prompts/a.md\nrename to prompts/b.md\n"), "renames"),
            (format!("{git}copy from prompts/a.md\ncopy to prompts/b.md\n"), "copies"),
            (format!("{git}GIT binary patch\nliteral 1\nKcmZQz\n"), "binary"),
            ("Binary files a/prompts/b.md and b/prompts/b.md differ\n".to_owned(), "binary"),
            (format!("--- a/{PATH}\n+++ b/settings/b.toml\n@@ -1 +1 @@\n-one\n+two\n"), "renames"),
            (format!("--- /dev/null\n+++ b/{PATH}\n@@ -0,0 +1 @@\n+x\n"), "already"),
            ("--- a/prompts/c.md\n+++ b/prompts/c.md\n@@ -1 +1 @@\n-a\n+b\n".to_owned(), "not in"),
        ] {
            let no = refused("one\n", &diff);
            assert!(no.contains(why), "{diff}\n{no}");
        }
        // The same words inside of a text are only words.
        let words = format!(
            "{git}new file mode 100644\n--- /dev/null\n+++ b/prompts/b.md\n\
                             @@ -0,0 +1,2 @@\n+rename from a\n+new mode 1\n"
        );
        let changes = changes_of_diff(&files("one\n"), &words).unwrap();
        assert_eq!(changes, [change("prompts/b.md", "rename from a\nnew mode 1\n")]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn what_a_diff_tells_is_what_its_application_gives(before in some_files(), after in some_files()) {
            let changes = difference(&before, &after);
            // An empty file that comes or goes has no hunk to tell of it.
            let told = changes.iter().all(|it| {
                let empty = |text: Option<&String>| text.is_none_or(String::is_empty);
                !(empty(before.get(&it.path)) && empty(it.content.as_ref()))
            });
            prop_assume!(told && !changes.is_empty());
            let diff = unified_diff(&before, &changes);
            let applied = changes_of_diff(&before, &diff).map_err(|no| TestCaseError::fail(format!("{no}\n{diff}")))?;
            prop_assert_eq!(&applied, &changes);
            prop_assert_eq!(changed(before.clone(), &applied), after);
            prop_assert_eq!(unified_diff(&before, &applied), diff);
        }

        #[test]
        fn a_diff_that_was_tampered_with_changes_what_it_says_or_names_a_hunk(
            before in some_text(), after in some_text(), at in any::<prop::sample::Index>(), with in "[-+ @\\\\a-c0-9\n]{0,3}",
        ) {
            let files = files(&before);
            let diff = unified_diff(&files, &[change(PATH, &after)]);
            prop_assume!(!diff.is_empty());
            let cut = diff.floor_char_boundary(at.index(diff.len()));
            let end = diff.ceil_char_boundary(cut + 1);
            let tampered = format!("{}{with}{}", &diff[..cut], &diff[end..]);
            match changes_of_diff(&files, &tampered) {
                Ok(changes) => prop_assert!(says(&before, &tampered, &changes), "{tampered}\n{changes:?}"),
                Err(no) => prop_assert!(!no.to_string().is_empty()),
            }
        }

        #[test]
        fn a_diff_of_another_text_names_the_file_and_the_hunk(
            before in some_text(), after in some_text(), other in some_text(),
        ) {
            let diff = unified_diff(&files(&before), &[change(PATH, &after)]);
            prop_assume!(!diff.is_empty());
            if let Err(no) = changes_of_diff(&files(&other), &diff) {
                let no = no.to_string();
                let named = no.contains(": hunk ") || no.contains("line without an end");
                prop_assert!(no.starts_with(PATH) && named, "{no}");
            }
        }

        #[test]
        fn no_text_makes_it_panic(diff in "(?s)(--- |\\+\\+\\+ |@@ |-|\\+| |a/|b/|/dev/null|\n|1|,|0|9999999999999999999999|é|.){0,60}") {
            let _ = changes_of_diff(&files("one\ntwo\n"), &diff);
        }
    }

    /// Whether the file has gained and lost exactly the lines that the diff tells of.
    fn says(before: &str, diff: &str, changes: &[Change]) -> bool {
        let lines = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
            lines.sort();
            lines
        };
        let told = |sign: char| {
            let body = diff.lines().skip_while(|line| !line.starts_with("@@"));
            body.filter_map(move |line| line.strip_prefix(sign)).map(ToOwned::to_owned)
        };
        changes.iter().filter(|it| it.path == PATH).all(|change| {
            let mut one = lines(before);
            one.extend(told('+'));
            let mut other = lines(change.content.as_deref().unwrap_or_default());
            other.extend(told('-'));
            one.sort();
            other.sort();
            one == other
        })
    }

    fn some_text() -> impl Strategy<Value = String> {
        let line = prop::sample::select(vec![
            "a\n", "b\n", "c\n", "\n", "-- x\n", "++ y\n", "@@ z\n", "é\r\n",
        ]);
        let end = prop::sample::select(vec!["", "end", "\\ No newline"]);
        (prop::collection::vec(line, 0..30), end).prop_map(|(lines, end)| lines.concat() + end)
    }

    fn some_files() -> impl Strategy<Value = Files> {
        let path = prop::sample::select(vec![PATH, "prompts/b.md", "behaviors/c.rhai"]);
        let path = path.prop_map(ToOwned::to_owned);
        prop::collection::btree_map(path, some_text(), 0..3)
    }

    fn refused(text: &str, diff: &str) -> String {
        changes_of_diff(&files(text), diff).unwrap_err().to_string()
    }

    fn change(path: &str, text: &str) -> Change {
        Change { path: path.into(), content: Some(text.into()) }
    }

    fn files(text: &str) -> Files {
        [(PATH.to_owned(), text.to_owned())].into()
    }
}
