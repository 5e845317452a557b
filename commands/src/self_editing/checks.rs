//! What an edit has to pass before anybody may approve it.

use std::sync::Arc;

use domain::self_editing::{
    Change, Check, Edit, Finding, MAX_EDIT_BYTES, MAX_FILE_BYTES, WorkspaceError, check_beside,
    check_path,
};

use super::merge::{Conflict, Files, changed, merge};
use super::own_powers::check_own_powers;
use super::policies::{check_policies, check_scope};
use super::powers::check_powers;
use crate::behaviors::{check_names, check_scripts, check_tests};
use crate::ports::{PolicyChecker, ScriptRunner};

/// How many findings of a check are kept.
const MAX_FINDINGS: usize = 50;

/// How many bytes a finding's reason has at most.
const MAX_REASON: usize = 2_000;

/// Who knows the languages of the files.
pub(super) struct Tools {
    pub(super) policies: Arc<dyn PolicyChecker>,
    pub(super) scripts: Arc<dyn ScriptRunner>,
}

/// Every check, in the order in which they run.
pub(super) fn run(
    Tools { policies, scripts }: &Tools,
    base: &Files,
    now: &Files,
    edit: &Edit,
    changes: &[Change],
) -> Vec<Check> {
    let merged = merge(base, now, changes);
    let tested = merged.as_ref().map_or_else(
        |_| Vec::new(),
        |merged| check_tests(&**scripts, now, &changed(now.clone(), merged), merged),
    );
    // What does not merge is looked at as it is.
    let live = merged.as_deref().unwrap_or(changes);
    let mut own = check_own_powers(edit.author_powers(), now, live);
    own.extend(edit.author().map(|it| check_powers(it, now, live)).unwrap_or_default());
    let mut wrong = unreadable(&**scripts, changes);
    wrong.extend(check_names(&changed(now.clone(), live), live));
    let mut rules = check_scope(edit.scope(), changes);
    rules.extend(check_policies(&**policies, now, live));
    [
        ("paths_and_sizes", paths_and_sizes(now, changes, live)),
        ("base_revision", base_revision(merged.err())),
        ("syntax", wrong),
        ("powers", own),
        ("policies", rules),
        ("no_secrets", no_secrets(changes)),
        ("behavior_tests", tested),
    ]
    .into_iter()
    .map(|(name, findings)| Check {
        name: name.to_owned(),
        passed: findings.is_empty(),
        findings: readable(findings),
    })
    .collect()
}

/// As many findings as a person reads, and an event holds.
fn readable(mut findings: Vec<Finding>) -> Vec<Finding> {
    let more = findings.len().saturating_sub(MAX_FINDINGS);
    findings.truncate(MAX_FINDINGS);
    for Finding { reason, .. } in &mut findings {
        if reason.len() > MAX_REASON {
            reason.truncate(reason.floor_char_boundary(MAX_REASON));
            reason.push_str("\n…");
        }
    }
    if more > 0 {
        findings.push(finding("", None, format!("and {more} more")));
    }
    findings
}

/// What cannot be read in these files, or cannot be once they are live, as far as a person reads.
pub(super) fn broken(tools: &Tools, now: &Files, changes: &[Change]) -> Vec<Finding> {
    let mut findings = unreadable(&*tools.scripts, changes);
    findings.extend(check_policies(&*tools.policies, now, changes));
    readable(findings)
}

fn unreadable(scripts: &dyn ScriptRunner, changes: &[Change]) -> Vec<Finding> {
    let mut findings = syntax(changes);
    findings.extend(check_scripts(scripts, changes));
    findings
}

fn paths_and_sizes(now: &Files, changes: &[Change], live: &[Change]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let after = live.iter().map(|it| (it.path.as_str(), it.content.is_some()));
    if let Err(error) = check_beside(now.keys().map(String::as_str), after) {
        let file = match &error {
            WorkspaceError::Clash { path, .. } => path.as_str(),
            _ => "",
        };
        findings.push(finding(file, None, error.to_string()));
    }
    for Change { path, content } in changes {
        if let Err(error) = check_path(path) {
            findings.push(finding(path, None, error.to_string()));
        }
        if content.as_ref().is_some_and(|content| content.len() > MAX_FILE_BYTES) {
            findings.push(finding(path, None, format!("larger than {MAX_FILE_BYTES} bytes")));
        }
    }
    let total: usize = changes.iter().filter_map(|it| it.content.as_ref()).map(String::len).sum();
    if total > MAX_EDIT_BYTES {
        let reason = format!("all files together are larger than {MAX_EDIT_BYTES} bytes");
        findings.push(finding("", None, reason));
    }
    findings
}

fn base_revision(conflicts: Option<Vec<Conflict>>) -> Vec<Finding> {
    let describe = |Conflict { file, hunk }| {
        let reason = format!("others changed the same lines in the meantime:\n{hunk}");
        finding(&file, None, reason)
    };
    conflicts.into_iter().flatten().map(describe).collect()
}

fn syntax(changes: &[Change]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Change { path, content } in changes {
        let Some(text) = content else { continue };
        if path.strip_suffix(".toml").is_some()
            && let Err(error) = text.parse::<toml::Table>()
        {
            let line = error.span().map(|span| line_of(text, span.start));
            findings.push(finding(path, line, error.message().to_owned()));
        }
        if let Some(at) = text.find('\0') {
            findings.push(finding(path, Some(line_of(text, at)), "a NUL character".to_owned()));
        }
    }
    findings
}

/// How secrets of well-known makers begin, and how many more characters they have at least.
const SECRETS: [(&str, usize, &str); 8] = [
    ("-----BEGIN", 10, "a private key"),
    ("AKIA", 16, "an AWS access key"),
    ("ghp_", 30, "a GitHub token"),
    ("github_pat_", 30, "a GitHub token"),
    ("pal_", 40, "an API key of this platform"),
    ("sk-", 20, "an API key of an AI provider"),
    ("whsec_", 24, "a webhook secret"),
    ("xoxb-", 20, "a Slack token"),
];

fn no_secrets(changes: &[Change]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Change { path, content } in changes {
        for (number, line) in (1..).zip(content.as_deref().unwrap_or_default().lines()) {
            if let Some(what) = secret_in(line) {
                let reason = format!("this looks like {what}; secrets belong into the vault");
                findings.push(finding(path, Some(number), reason));
            }
        }
    }
    findings
}

fn secret_in(line: &str) -> Option<&'static str> {
    let known = SECRETS.iter().find(|(start, more, _)| {
        line.match_indices(start).any(|(at, _)| {
            let boundary =
                line[..at].chars().next_back().is_none_or(|c| !c.is_ascii_alphanumeric());
            let rest = &line[at + start.len()..];
            let run = rest.chars().take_while(|c| !c.is_whitespace() && !"\"'`".contains(*c));
            let key = *start == "-----BEGIN" && rest.contains("PRIVATE KEY");
            boundary && (key || (*start != "-----BEGIN" && run.count() >= *more))
        })
    });
    known
        .map(|(_, _, what)| *what)
        .or_else(|| looks_like_discord(line).then_some("a Discord token"))
}

/// Three parts of base64 with full stops between, of Discord's lengths.
fn looks_like_discord(line: &str) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    line.split(|c| !token(c)).any(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        matches!(parts[..], [id, time, mac] if id.len() >= 23 && (6..=7).contains(&time.len()) && mac.len() >= 27)
    })
}

fn line_of(text: &str, at: usize) -> u32 {
    let before = text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
    u32::try_from(before + 1).unwrap_or(u32::MAX)
}

fn finding(file: &str, line: Option<u32>, reason: String) -> Finding {
    Finding { file: file.to_owned(), line, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{Fault, Script};

    /// For changes without scripts.
    struct NoScripts;

    impl ScriptRunner for NoScripts {
        fn compile(&self, _: &str) -> Result<Arc<dyn Script>, Fault> {
            Err(Fault { line: None, reason: "there is no language for scripts here".to_owned() })
        }
    }

    impl PolicyChecker for NoScripts {
        fn check(&self, _: &Files) -> Vec<Finding> {
            Vec::new()
        }
    }

    fn tools() -> Tools {
        Tools { policies: Arc::new(NoScripts), scripts: Arc::new(NoScripts) }
    }

    #[test]
    fn findings_name_file_line_and_reason() {
        let findings = failed("settings/a.toml", "x = 1\ny = = 2\n", "syntax");
        assert_eq!((findings[0].file.as_str(), findings[0].line), ("settings/a.toml", Some(2)));
        assert!(!findings[0].reason.is_empty());
    }

    #[test]
    fn secrets_are_found_and_words_are_not() {
        for text in [
            "key = \"sk-abcdefghijklmnopqrstuvwxyz123456\"",
            "-----BEGIN RSA PRIVATE KEY-----",
            "t = 'MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs'",
        ] {
            assert_eq!(failed("prompts/a.md", text, "no_secrets").len(), 1, "{text}");
        }
        for text in ["task-oriented-programming-is-fun-and-long", "sk-short", "a.b.c", "-----BEGIN"]
        {
            assert_eq!(failed("prompts/a.md", text, "no_secrets"), [], "{text}");
        }
    }

    #[test]
    fn findings_fit_into_an_event() {
        let many = "key = 'sk-abcdefghijklmnopqrstuvwxyz123456'\n".repeat(20_000);
        let findings = failed("prompts/a.md", &many, "no_secrets");
        assert_eq!(findings.len(), MAX_FINDINGS + 1);
        assert_eq!(findings[MAX_FINDINGS].reason, "and 19950 more");

        let file = |text: &str| Files::from([("prompts/a.md".to_owned(), text.repeat(9_000))]);
        let change = Change { path: "prompts/a.md".into(), content: Some("ä\n".repeat(9_000)) };
        let checks = run(&tools(), &file("a\n"), &file("b\n"), &Edit::default(), &[change]);
        let found: usize =
            checks.iter().flat_map(|it| &it.findings).map(|it| it.reason.len()).sum();
        assert!((1..5_000).contains(&found), "{found}");
    }

    #[test]
    fn a_file_in_a_file_is_found() {
        let now = Files::from([("prompts/a.md".to_owned(), "x".to_owned())]);
        let change = Change { path: "prompts/a.md/b.md".into(), content: Some("x".into()) };
        let checks = run(&tools(), &now, &now, &Edit::default(), &[change]);
        let found = &checks.iter().find(|it| it.name == "paths_and_sizes").unwrap().findings;
        assert_eq!((found.len(), found[0].file.as_str()), (1, "prompts/a.md/b.md"));
        assert!(found[0].reason.contains("beside prompts/a.md: "), "{}", found[0].reason);
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_found() {
        assert_eq!(failed("../etc/passwd", "x", "paths_and_sizes").len(), 1);
    }

    fn failed(path: &str, text: &str, check: &str) -> Vec<Finding> {
        let change = Change { path: path.into(), content: Some(text.into()) };
        let checks = run(&tools(), &Files::new(), &Files::new(), &Edit::default(), &[change]);
        checks.into_iter().find(|it| it.name == check).unwrap().findings
    }
}
