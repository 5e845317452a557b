//! Edits of the policies, which say who may do what.

use domain::kernel::Scope;
use domain::self_editing::{Change, Finding};

use super::merge::{Files, changed};
use crate::ports::PolicyChecker;

/// Where the policies and their schema are.
const FOLDER: &str = "policies/";

/// Only an edit that says it is about security changes who may do what.
pub(super) fn check_scope(scope: Option<Scope>, changes: &[Change]) -> Vec<Finding> {
    if scope == Some(Scope::Security) {
        return Vec::new();
    }
    let touched = changes.iter().filter(|it| it.path.starts_with(FOLDER));
    let reason = "policies say who may do what: only an edit of scope security changes them";
    touched
        .map(|it| Finding { file: it.path.clone(), line: None, reason: reason.to_owned() })
        .collect()
}

/// The policies as they would be, when the changes touch any: a changed schema meets them all.
pub(super) fn check_policies(
    policies: &dyn PolicyChecker,
    now: &Files,
    changes: &[Change],
) -> Vec<Finding> {
    let changes: Vec<_> =
        changes.iter().filter(|it| it.path.starts_with(FOLDER)).cloned().collect();
    if changes.is_empty() {
        return Vec::new();
    }
    let files = now.iter().filter(|(path, _)| path.starts_with(FOLDER));
    let files = files.map(|(path, text)| (path.clone(), text.clone())).collect();
    policies.check(&changed(files, &changes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_a_matter_of_security() {
        let change = |path: &str| Change { path: path.into(), content: Some(String::new()) };
        let both = [change("policies/a.cedar"), change("prompts/a.md")];
        assert_eq!(check_scope(Some(Scope::Security), &both), []);
        let found = check_scope(Some(Scope::Features), &both);
        assert_eq!((found.len(), found[0].file.as_str()), (1, "policies/a.cedar"));
    }
}
