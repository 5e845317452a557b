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
