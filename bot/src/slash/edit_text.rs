//! How an edit is shown in a message.

use std::fmt::Write;

use domain::kernel::{EditId, Scope};

use domain::self_editing::{Check, Status};

/// How much of a diff is shown: a message holds 2000 characters.
const DIFF: usize = 1_100;

/// How many findings of checks are shown.
const FINDINGS: usize = 5;

/// An edit, with what its checks found.
pub(super) struct Shown {
    pub(super) id: EditId,
    pub(super) scope: Scope,
    pub(super) status: Status,
    pub(super) diff: String,
    pub(super) checks: Vec<Check>,
}

/// An edit that was just proposed: what it is, what the checks say, what to do next.
pub(super) fn proposed(edit: &Shown) -> String {
    let Shown { id, scope, status, diff, checks } = edit;
    let mut text = format!("Edit `{id}` ({}) is {}.", scope.as_ref(), status.word());
    for check in checks {
        let sign = if check.passed { "✅" } else { "❌" };
        let _ = write!(text, "\n{sign} {}", check.name);
    }
    let findings: Vec<_> = checks.iter().flat_map(|check| &check.findings).collect();
    for finding in findings.iter().take(FINDINGS) {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        let _ = write!(text, "\n- `{}{line}` {}", finding.file, finding.reason);
    }
    if findings.len() > FINDINGS {
        let _ = write!(text, "\n- and {} more", findings.len() - FINDINGS);
    }
    let _ = write!(text, "\n```diff\n{}\n```", cut(diff));
    let next = match status {
        Status::Checked => format!("Somebody else can approve it: `/edit approve id:{id}`"),
        Status::Applied => format!("It is live. To take it back: `/edit rollback id:{id}`"),
        Status::Failed => "Please mend what the checks found and propose it again.".to_owned(),
        Status::Approved | Status::Proposed | Status::Rejected | Status::RolledBack => return text,
    };
    text.push('\n');
    text.push_str(&next);
    text
}

/// The beginning of a diff, in whole lines; a fence inside it must not end ours.
fn cut(diff: &str) -> String {
    let diff = diff.trim_end().replace("```", "`\u{200b}``");
    if diff.chars().count() <= DIFF {
        return diff;
    }
    let mut kept = String::new();
    let mut lines = diff.lines();
    for line in lines.by_ref() {
        if kept.chars().count() + line.chars().count() > DIFF {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    let _ = write!(kept, "… and {} more lines", lines.count() + 1);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_diff_fits_into_one_message() {
        let edit = Shown {
            id: EditId(uuid::Uuid::nil()),
            scope: Scope::Features,
            status: Status::Checked,
            diff: "+ a line of a file\n".repeat(500) + "```",
            checks: vec![Check { name: "syntax".into(), passed: true, findings: vec![] }],
        };
        let text = proposed(&edit);
        assert!(text.chars().count() < 2_000);
        assert!(text.contains("more lines") && text.contains("✅ syntax"));
        assert_eq!(text.matches("```").count(), 2);
    }
}
