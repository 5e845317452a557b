//! What somebody wants changed: its limits, and its name.

use std::collections::BTreeSet;

use domain::self_editing::{
    Change, MAX_EDIT_BYTES, MAX_EDIT_FILES, MAX_FILE_LINES, MAX_PROPOSED_BYTES, check_path,
};

use super::Tree;
use crate::CommandError;

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
    if changes.len() > MAX_EDIT_FILES {
        return Err(bad(format!("an edit changes at most {MAX_EDIT_FILES} files")));
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
        if text.len() > MAX_PROPOSED_BYTES {
            return Err(bad(format!("{path} is larger than {MAX_PROPOSED_BYTES} bytes")));
        }
        if text.contains('\0') {
            return Err(bad(format!("{path} is binary: it holds a NUL; only texts are taken")));
        }
        require_readable(field, path, text)?;
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

/// What somebody approves is what he sees: so nothing is taken that a terminal or an editor obeys
/// instead of showing it, or that turns the direction of what follows.
pub(super) fn require_readable(field: &str, name: &str, text: &str) -> Result<(), CommandError> {
    let mut line = 1_usize;
    let mut chars = text.chars().peekable();
    while let Some(it) = chars.next() {
        let refused = match it {
            '\n' => {
                line += 1;
                false
            }
            '\r' => chars.peek() != Some(&'\n'),
            '\t' => false,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
            _ => it.is_control(),
        };
        if refused {
            let what = if it == '\r' { "a CR without LF" } else { "a control character" };
            let reason = format!("{name}:{line} holds {what}, {}", it.escape_unicode());
            return Err(CommandError::invalid(field, reason));
        }
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

    #[test]
    fn what_is_not_shown_is_not_taken() {
        for (text, told) in [
            ("a\n\u{1b}[2Jb", "x.rhai:2 holds a control character, \\u{1b}"),
            ("a\rb", "x.rhai:1 holds a CR without LF, \\u{d}"),
            ("a\r", "x.rhai:1 holds a CR without LF"),
            ("a\r\n\r\r\n", "x.rhai:2 holds a CR"),
            ("\u{202e}", "\\u{202e}"),
            ("\u{2066}", "\\u{2066}"),
            ("\u{7f}", "\\u{7f}"),
            ("\u{9b}", "\\u{9b}"),
        ] {
            let CommandError::Rejected(refusal) =
                require_readable("files", "x.rhai", text).expect_err(text)
            else {
                panic!("{text:?} is refused as input");
            };
            assert!(refusal.reason.contains(told), "{text:?}: {}", refusal.reason);
            assert_eq!(refusal.field.as_deref(), Some("files"));
        }
    }

    #[test]
    fn ordinary_texts_are_taken() {
        for text in ["", "a\tb\r\nc\n", "grüße 👩‍👩‍👧 שלום"] {
            assert!(require_readable("files", "x.rhai", text).is_ok(), "{text}");
        }
    }
}
