//! The powers that behaviors declare, against those that the author of an edit has.

use std::collections::BTreeSet;

use domain::behaviors::Power;
use domain::self_editing::{Change, Finding};

use super::merge::Files;
use crate::behaviors::{Head, is_behavior};

/// What an edit adds to the powers of behaviors must be what its author may do himself, as it was
/// when he proposed it. Of edits from before that was recorded, nothing is known.
pub(crate) fn check_own_powers(
    own: Option<&BTreeSet<String>>,
    before: &Files,
    changes: &[Change],
) -> Vec<Finding> {
    let Some(own) = own else { return Vec::new() };
    let mut findings = Vec::new();
    for Change { path, content } in changes {
        let Some(source) = content.as_deref().filter(|_| is_behavior(path)) else { continue };
        let had = before.get(path).map(|old| declared(old)).unwrap_or_default();
        for power in declared(source).difference(&had) {
            if own.contains(power.as_str()) {
                continue;
            }
            let meaning = power.meaning();
            let reason = format!(
                "this gives the behavior the power {power} (“{meaning}”), and who proposed the \
                 edit may not do that himself; somebody who may has to propose it"
            );
            let line = line_of(source, *power);
            findings.push(Finding { file: path.clone(), line, reason });
        }
    }
    findings
}

/// A head that cannot be read is told by the check of the syntax.
fn declared(source: &str) -> BTreeSet<Power> {
    Head::of(source).map(|head| head.powers).unwrap_or_default()
}

/// Where the head names it.
fn line_of(source: &str, power: Power) -> Option<u32> {
    let quoted = [format!("\"{power}\""), format!("'{power}'")];
    (1..).zip(source.lines()).find_map(|(number, line)| {
        quoted.iter().any(|it| line.contains(it.as_str())).then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "behaviors/tidy.rhai";

    #[test]
    fn nobody_hands_on_what_he_may_not_do() {
        let found = check_own_powers(Some(&may(&["reply"])), &Files::new(), &[tidy(&["reply"])]);
        assert_eq!(found, []);
        let new = tidy(&["reply", "delete_messages"]);
        let found = check_own_powers(Some(&may(&["reply"])), &Files::new(), &[new]);
        assert_eq!((found.len(), found[0].file.as_str(), found[0].line), (1, PATH, Some(4)));
        assert!(found[0].reason.contains("Delete messages of others"), "{}", found[0].reason);
    }

    #[test]
    fn what_a_behavior_has_already_is_not_asked_again() {
        let old = tidy(&["delete_messages"]).content.unwrap_or_default();
        let before = Files::from([(PATH.to_owned(), old)]);
        let none = BTreeSet::new();
        assert_eq!(check_own_powers(Some(&none), &before, &[tidy(&["delete_messages"])]), []);
        let wider = tidy(&["delete_messages", "add_roles"]);
        assert_eq!(check_own_powers(Some(&none), &before, &[wider]).len(), 1);
        let gone = Change { path: PATH.into(), content: None };
        assert_eq!(check_own_powers(Some(&none), &before, &[gone]), []);
    }

    #[test]
    fn of_old_edits_nothing_is_known() {
        let new = tidy(&["add_roles"]);
        assert_eq!(check_own_powers(None, &Files::new(), &[new]), []);
    }

    fn may(powers: &[&str]) -> BTreeSet<String> {
        powers.iter().map(|it| (*it).to_owned()).collect()
    }

    fn tidy(powers: &[&str]) -> Change {
        let head = "/*\nkind = \"schedule\"\ndescription = \"Tidy up\"";
        let source =
            format!("{head}\npowers = {powers:?}\nevery_s = 60\n*/\nfn run(event) {{ }}\n");
        Change { path: PATH.into(), content: Some(source) }
    }
}
