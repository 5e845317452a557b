//! Policies in Cedar (<https://www.cedarpolicy.com>), validated strictly against their schema.
//!
//! Cedar goes down level by level on the stack of its thread, and a stack that overflows ends the
//! whole process. So what nests too deep, or is too long, never reaches it.

mod limits;

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use commands::ports::PolicyChecker;
use commands::self_editing::Files;
use domain::self_editing::{Finding, POLICY_SCHEMA};
use miette::Diagnostic;

use crate::time_limit::{Ended, within};
use limits::{too_much, too_wide};

/// How policies end.
const POLICY: &str = ".cedar";

/// What those limits need at worst, also in a build that is not optimized, is more than the
/// threads of the platform have.
const STACK: usize = 128 * 1024 * 1024;

/// How long all policies of a workspace may take.
const LONGEST: Duration = Duration::from_secs(10);

/// How many validations run on after that.
static OVERDUE: AtomicUsize = AtomicUsize::new(0);

/// See the module.
pub struct CedarPolicies;

impl PolicyChecker for CedarPolicies {
    fn check(&self, files: &Files) -> Vec<Finding> {
        let policies = files.iter().filter(|(path, _)| path.ends_with(POLICY));
        let policies: Arc<[_]> =
            policies.map(|(path, text)| (path.clone(), text.clone())).collect();
        let Some(text) = files.get(POLICY_SCHEMA) else {
            let reason = format!("policies need their schema, {POLICY_SCHEMA}");
            let lacks =
                |path: &str| Finding { file: path.into(), line: None, reason: reason.clone() };
            return policies.first().map(|(path, _)| lacks(path)).into_iter().collect();
        };
        let (text, all, begun) = (text.clone(), policies.clone(), Arc::new(AtomicUsize::new(0)));
        let at = begun.clone();
        let work = move || {
            let validator = match validator(&text) {
                Ok(validator) => validator,
                Err(finding) => return vec![finding],
            };
            let mut found = Vec::new();
            for (path, text) in &*all {
                at.fetch_add(1, Ordering::Relaxed);
                found.extend(check(&validator, path, text));
            }
            found
        };
        let ended = within(LONGEST, STACK, &OVERDUE, work);
        // The file at which it was.
        let at = begun.load(Ordering::Relaxed).checked_sub(1).and_then(|at| policies.get(at));
        told(ended, at.map_or(POLICY_SCHEMA, |(path, _)| path.as_str()))
    }
}

/// What came of it; `at` is the file at which it was.
fn told(ended: Ended<Vec<Finding>>, at: &str) -> Vec<Finding> {
    let reason = match ended {
        Ended::Done(found) => return found,
        Ended::Failed => "the policies could not be read".to_owned(),
        Ended::TooLong => {
            let longest = LONGEST.as_secs();
            format!("the policies took longer than {longest} s to validate: make this one simpler")
        }
        Ended::Busy => "earlier policies that take too long are still being validated; try again \
                        later"
            .to_owned(),
    };
    vec![Finding { file: at.to_owned(), line: None, reason }]
}

fn validator(text: &str) -> Result<Validator, Finding> {
    if let Some((at, reason)) = too_much(text, true).or_else(|| too_wide(text)) {
        let line = Some(line(text, at));
        return Err(Finding { file: POLICY_SCHEMA.to_owned(), line, reason });
    }
    match Schema::from_cedarschema_str(text) {
        Ok((schema, _)) => Ok(Validator::new(schema)),
        Err(error) => Err(finding(POLICY_SCHEMA, text, &error)),
    }
}

fn check(validator: &Validator, path: &str, text: &str) -> Vec<Finding> {
    if let Some((at, reason)) = too_much(text, false) {
        return vec![Finding { file: path.to_owned(), line: Some(line(text, at)), reason }];
    }
    let policies = match PolicySet::from_str(text) {
        Ok(policies) => policies,
        Err(errors) => return errors.iter().map(|it| finding(path, text, it)).collect(),
    };
    let result = validator.validate(&policies, ValidationMode::Strict);
    result.validation_errors().map(|it| finding(path, text, it)).collect()
}

/// Where it is and what is wrong, with the advice that Cedar has.
fn finding(path: &str, text: &str, error: &dyn Diagnostic) -> Finding {
    let at = error.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
    let line = at.map(|at| line(text, at));
    let mut reason = error.to_string();
    let label =
        error.labels().and_then(|mut labels| labels.find_map(|it| it.label().map(str::to_owned)));
    let more = label.into_iter().chain(error.help().map(|it| it.to_string()));
    for words in more {
        reason.push_str(": ");
        reason.push_str(&words);
    }
    Finding { file: path.to_owned(), line, reason }
}

fn line(text: &str, at: usize) -> u32 {
    let before = text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
    u32::try_from(before + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "entity User = { age: Long };\nentity Door;\n\
        action open appliesTo { principal: User, resource: Door };\n";

    #[test]
    fn policies_that_fit_pass() {
        let good = "// Grown-ups only.\npermit(principal, action == Action::\"open\", resource)\n\
            when { principal.age >= 18 };\n";
        assert_eq!(found(SCHEMA, good), []);
        assert_eq!(CedarPolicies.check(&Files::new()), []);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (policy, line, words) in [
            ("\npermit(principal, action resource);", 2, "unexpected token"),
            ("permit(principal, action, resource)\nwhen { principal.height > 1 };", 2, "height"),
            ("\n\npermit(principal, action == Action::\"shut\", resource);", 3, "shut"),
            ("permit(principal, action, resource)\nwhen { principal.age == \"x\" };", 2, "String"),
        ] {
            let found = found(SCHEMA, policy);
            assert_eq!(found[0].line, Some(line), "{policy}: {found:?}");
            assert!(found[0].reason.to_lowercase().contains(&words.to_lowercase()), "{found:?}");
            assert_eq!(found[0].file, "policies/a.cedar");
        }
    }

    #[test]
    fn a_schema_is_there_and_can_be_read() {
        let found = found("entity User\nentity Door;", "");
        assert_eq!((found[0].file.as_str(), found[0].line), (POLICY_SCHEMA, Some(2)));
        let alone = Files::from([("policies/a.cedar".to_owned(), String::new())]);
        assert!(CedarPolicies.check(&alone)[0].reason.contains("need their schema"));
    }

    #[test]
    fn what_would_overflow_the_stack_is_a_finding() {
        let many = |part: &str| part.repeat(100_000);
        for condition in [
            format!("{}true{}", many("("), many(")")),
            format!("{}true{}", many("["), many("]")),
            format!("{}true{}", many("{ a: "), many("}")),
            format!("{}true", many("!")),
            format!("{}1", many("-")),
            format!("{}true", many("if true then true else ")),
            format!("principal{}", many(".age")),
            format!("principal{}", many("[\"age\"]")),
            format!("principal has a{}", many(".a")),
            format!("true{}", many(" && true")),
            format!("true{}", many(" || true")),
            format!("1{}", many(" + 1")),
            format!("1{}", many(" * 1")),
            format!("true }} {}", many("when { true } ")),
            // After each of these errors Cedar reads on, and does not take the bracket for closed.
            many("f(], "),
        ] {
            let policy = format!("\npermit(principal, action, resource) when {{ {condition} }};");
            let found = found(SCHEMA, &policy);
            assert_eq!(found.len(), 1, "{}", &policy[..80]);
            assert_eq!(found[0].line, Some(2), "{}", &policy[..80]);
        }
        for schema in [
            format!("type A = {}Long{};", many("Set<"), many(">")),
            format!("type A = {}Long{};", many("{ a: "), many("}")),
            format!("entity A = {{ {} }};", many("a: Long, ")),
            (1..30).fold("type A0 = { a: Long };".to_owned(), |all, n| {
                let m = n - 1;
                format!("{all} type A{n} = {{ a: A{m}, b: A{m} }};")
            }),
        ] {
            let found = found(&schema, "");
            assert_eq!(found.len(), 1, "{}", &schema[..80]);
            assert_eq!((found[0].file.as_str(), found[0].line), (POLICY_SCHEMA, Some(1)));
        }
    }

    #[test]
    fn what_the_limits_allow_can_be_read() {
        let many = |part: &str, most: usize| part.repeat(most);
        for condition in [
            format!("{}true{}", many("(", 60), many(")", 60)),
            format!("true{}", many(" && true", 450)),
            format!("{}true", many("if true then true else ", 60)),
            format!("\"{}\\\"(\" != \"(\" // {}\n", many("(", 600), many("(", 600)),
        ] {
            let policy = format!("permit(principal, action, resource) when {{ {condition} }};\n");
            // The limits are of one policy, however many there are.
            assert_eq!(found(SCHEMA, &policy.repeat(3)), [], "{policy}");
        }
        let types = "type Age = { years: Long };\ntype Ages = Set<Age>;\n\
            entity Child = { ages: Ages, \"type\": Age };\n";
        assert_eq!(found(&format!("{types}{SCHEMA}"), ""), []);
    }

    #[test]
    fn what_takes_too_long_is_a_finding() {
        for (ended, words) in [
            (Ended::TooLong, "took longer than 10 s to validate"),
            (Ended::Busy, "try again later"),
            (Ended::Failed, "could not be read"),
        ] {
            let found = told(ended, "policies/a.cedar");
            assert!(found[0].reason.contains(words), "{found:?}");
            assert_eq!((found.len(), found[0].file.as_str()), (1, "policies/a.cedar"));
        }
    }

    fn found(schema: &str, policy: &str) -> Vec<Finding> {
        let files = [(POLICY_SCHEMA, schema), ("policies/a.cedar", policy)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        CedarPolicies.check(&Files::from(files))
    }
}
