//! What a behavior has to pass before it can go live: it compiles, and its tests hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::self_editing::{Change, Finding};

use super::Head;
use crate::ports::{Fault, ScriptRunner, Settings, Tested};
use crate::self_editing::Files;

/// How the files of behaviors and of their tests end.
const SCRIPT: &str = ".rhai";
const TESTS: &str = ".test.rhai";

/// The scripts among the changes: head and language.
pub(crate) fn check_scripts(runner: &dyn ScriptRunner, changes: &[Change]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Change { path, content } in changes {
        let Some(source) = content.as_ref().filter(|_| is_behavior(path)) else { continue };
        if let Err(fault) = Head::of(source) {
            findings.push(finding(path, fault));
        }
        if let Err(fault) = runner.compile(source, &Arc::default()) {
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
    let settings = Arc::new(settings(after));
    let mut findings = Vec::new();
    for path in touched(after, changes) {
        let Some(script) = after.get(&path) else { continue };
        // What does not compile is told by the check of the syntax.
        let Ok(script) = runner.compile(script, &settings) else { continue };
        let tests = tests_of(&path);
        let mut kept = BTreeSet::new();
        if let Some(new) = after.get(&tests) {
            match script.test(new) {
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
        // A test that was changed counts as it is now; one that is gone still counts.
        let gone = before.get(&tests).and_then(|old| script.test(old).ok()).unwrap_or_default();
        for Tested { name, failure } in gone.into_iter().filter(|it| !kept.contains(&it.name)) {
            let reason = |it| format!("{name}, a test that this edit takes away, fails: {it}");
            let why = failure.map(|it| Fault { line: None, reason: reason(it) });
            findings.extend(why.map(|why| finding(&tests, why)));
        }
    }
    findings
}

/// The behaviors that the changes touch, by path.
fn touched(after: &Files, changes: &[Change]) -> BTreeSet<String> {
    if changes.iter().any(|it| it.path.starts_with("settings/")) {
        return after.keys().filter(|path| is_behavior(path)).cloned().collect();
    }
    let script_of = |path: &String| match path.strip_suffix(TESTS) {
        Some(stem) => format!("{stem}{SCRIPT}"),
        None => path.clone(),
    };
    changes.iter().map(|it| script_of(&it.path)).filter(|path| is_behavior(path)).collect()
}

pub(crate) fn is_behavior(path: &str) -> bool {
    path.starts_with("behaviors/") && path.ends_with(SCRIPT) && !path.ends_with(TESTS)
}

fn tests_of(script: &str) -> String {
    format!("{}{TESTS}", script.strip_suffix(SCRIPT).unwrap_or(script))
}

/// What behaviors read: each file of the settings by its name.
fn settings(files: &Files) -> Settings {
    let named = files.iter().filter_map(|(path, text)| {
        let name = path.strip_prefix("settings/")?.strip_suffix(".toml")?;
        // What cannot be read is told by the check of the syntax.
        let table: toml::Table = text.parse().ok()?;
        Some((name.to_owned(), serde_json::to_value(table).ok()?))
    });
    named.collect()
}

fn finding(file: &str, fault: Fault) -> Finding {
    Finding { file: file.to_owned(), line: fault.line, reason: fault.reason }
}
