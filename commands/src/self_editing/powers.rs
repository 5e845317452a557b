//! Whether an edit gives behaviors powers that its author may not give.

use std::collections::BTreeSet;

use domain::behaviors::Power;
use domain::kernel::{Actor, ActorKind};
use domain::self_editing::{Change, Finding};

use super::merge::Files;
use crate::behaviors::{Head, is_behavior};

/// What a behavior may do that an AI wrote from nothing.
const NEW_BY_AI: [Power; 2] = [Power::React, Power::Reply];

/// An AI gives no behavior a power that its live version lacks, and leaves the policies alone.
pub(crate) fn check_powers(author: &Actor, before: &Files, changes: &[Change]) -> Vec<Finding> {
    if author.kind != ActorKind::Ai {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for Change { path, content } in changes {
        if path.starts_with("policies/") {
            let reason = "an AI does not change policies: they say who may do what";
            findings.push(finding(path, reason.to_owned()));
        }
        let Some(source) = content.as_ref().filter(|_| is_behavior(path)) else { continue };
        // A head that cannot be read is told by the check of the syntax.
        let Ok(head) = Head::of(source) else { continue };
        let live = before.get(path).map(|source| Head::of(source).map(|it| it.powers));
        let (allowed, why): (BTreeSet<Power>, _) = match live {
            Some(Ok(powers)) => (powers, "its live version has not; a person may give it"),
            Some(Err(_)) => (BTreeSet::new(), "its live version has no head that can be read"),
            None => (NEW_BY_AI.into(), "a new behavior by an AI may only reply and react"),
        };
        for power in head.powers.difference(&allowed) {
            let meaning = power.meaning();
            findings.push(finding(path, format!("the power {power} ({meaning}): {why}")));
        }
    }
    findings
}

fn finding(file: &str, reason: String) -> Finding {
    Finding { file: file.to_owned(), line: None, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DICE: &str = "behaviors/dice.rhai";

    #[test]
    fn an_ai_never_widens_powers() {
        let live = files(&script("\"reply\", \"send_messages\""));
        for (before, powers, refused) in [
            (live.clone(), "\"reply\", \"send_messages\"", 0),
            (live.clone(), "\"send_messages\"", 0),
            (live.clone(), "\"reply\", \"add_roles\"", 1),
            (Files::new(), "\"reply\", \"react\"", 0),
            (Files::new(), "\"send_messages\", \"delete_messages\"", 2),
            (files("fn run(event) { }"), "\"reply\"", 1),
        ] {
            let change = Change { path: DICE.into(), content: Some(script(powers)) };
            let findings = check_powers(&ai(), &before, std::slice::from_ref(&change));
            assert_eq!(findings.len(), refused, "{powers}: {findings:?}");
            assert_eq!(check_powers(&Actor::api_key("ana"), &before, &[change]), []);
        }
    }

    #[test]
    fn an_ai_leaves_policies_alone() {
        let change = |path: &str| Change { path: path.into(), content: None };
        assert_eq!(check_powers(&ai(), &Files::new(), &[change("policies/a.cedar")]).len(), 1);
        assert_eq!(check_powers(&ai(), &Files::new(), &[change("prompts/a.md")]), []);
    }

    fn ai() -> Actor {
        Actor::ai("openai/gpt")
    }

    fn files(text: &str) -> Files {
        [(DICE.to_owned(), text.to_owned())].into()
    }

    fn script(powers: &str) -> String {
        format!(
            "/*\nkind = \"prefix_command\"\nname = \"dice\"\ndescription = \"Roll\"\n\
             powers = [{powers}]\n*/\nfn run(event) {{ }}\n"
        )
    }
}
