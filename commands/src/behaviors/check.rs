//! What a behavior has to pass before it can go live: it compiles, and its tests hold.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::self_editing::{Change, Finding};

use super::paths::{is_behavior, script_of, tests_of};
use super::{Head, readable};
use crate::ports::{Fault, ScriptRunner, Tested};
use crate::self_editing::Files;

/// How long the tests of one edit take together at most; it is looked at between two
/// files of tests, which end by themselves.
const LONGEST: Duration = Duration::from_secs(10);

/// The scripts among the changes: head and language.
pub(crate) fn check_scripts(runner: &dyn ScriptRunner, changes: &[Change]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Change { path, content } in changes {
        let Some(source) = content.as_ref().filter(|_| is_behavior(path)) else { continue };
        if let Err(fault) = Head::of(source) {
            findings.push(finding(path, fault));
        }
        if let Err(fault) = runner.compile(source) {
            findings.push(finding(path, fault));
        }
    }
    findings
}

/// The tests of every behavior that the changes touch, on the files as they would be, and those
/// that the changes take away. A changed setting touches every behavior.
pub(crate) fn check_tests(
    runner: &dyn ScriptRunner,
    before: &Files,
    after: &Files,
    changes: &[Change],
) -> Vec<Finding> {
    let workspace = Arc::new(readable(after));
    let begun = Instant::now();
    let mut findings = Vec::new();
    for path in touched(after, changes) {
        if begun.elapsed() > LONGEST {
            findings.push(not_run(&path));
            break;
        }
        let Some(script) = after.get(&path) else { continue };
        // What does not compile is told by the check of the syntax.
        let Ok(script) = runner.compile(script) else { continue };
        let tests = tests_of(&path);
        let mut kept = BTreeSet::new();
        if let Some(new) = after.get(&tests) {
            match script.test(new, &workspace) {
                Err(fault) => findings.push(finding(&tests, fault)),
                Ok(tested) => {
                    for Tested { name, failure } in tested {
                        let why = failure.map(|it| Fault { reason: format!("{name}: {it}"), ..it });
                        findings.extend(why.map(|why| finding(&tests, why)));
                        kept.insert(name);
                    }
                }
            }
        }
        if begun.elapsed() > LONGEST {
            findings.push(not_run(&path));
            break;
        }
        // A test that was changed counts as it is now; one that is gone still counts.
        let gone = before
            .get(&tests)
            .and_then(|old| script.test(old, &workspace).ok())
            .unwrap_or_default();
        for Tested { name, failure } in gone.into_iter().filter(|it| !kept.contains(&it.name)) {
            let reason = |it| format!("{name}, a test that this edit takes away, fails: {it}");
            let why = failure.map(|it| Fault { line: None, reason: reason(it) });
            findings.extend(why.map(|why| finding(&tests, why)));
        }
    }
    findings
}

/// There was no time left for the tests of a behavior.
fn not_run(path: &str) -> Finding {
    let reason = format!(
        "the tests of all behaviors together take longer than {} s; this one's were not all run \
         any more: make tests lighter, or propose smaller edits",
        LONGEST.as_secs()
    );
    finding(path, Fault { line: None, reason })
}

/// The behaviors that the changes touch, by path.
fn touched(after: &Files, changes: &[Change]) -> BTreeSet<String> {
    if changes.iter().any(|it| it.path.starts_with("settings/")) {
        return after.keys().filter(|path| is_behavior(path)).cloned().collect();
    }
    changes.iter().map(|it| script_of(&it.path)).filter(|path| is_behavior(path)).collect()
}

fn finding(file: &str, fault: Fault) -> Finding {
    Finding { file: file.to_owned(), line: fault.line, reason: fault.reason }
}
