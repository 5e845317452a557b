//! Policies in Cedar (<https://www.cedarpolicy.com>), validated strictly against their schema.

use std::str::FromStr;

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use commands::ports::PolicyChecker;
use commands::self_editing::Files;
use domain::self_editing::{Finding, POLICY_SCHEMA};
use miette::Diagnostic;

/// How policies end.
const POLICY: &str = ".cedar";

/// See the module.
pub struct CedarPolicies;

impl PolicyChecker for CedarPolicies {
    fn check(&self, files: &Files) -> Vec<Finding> {
        let policies: Vec<_> = files.iter().filter(|(path, _)| path.ends_with(POLICY)).collect();
        let Some(text) = files.get(POLICY_SCHEMA) else {
            let reason = format!("policies need their schema, {POLICY_SCHEMA}");
            let lacks =
                |path: &str| Finding { file: path.into(), line: None, reason: reason.clone() };
            return policies.first().map(|(path, _)| lacks(path)).into_iter().collect();
        };
        let validator = match Schema::from_cedarschema_str(text) {
            Ok((schema, _)) => Validator::new(schema),
            Err(error) => return vec![finding(POLICY_SCHEMA, text, &error)],
        };
        policies.into_iter().flat_map(|(path, text)| check(&validator, path, text)).collect()
    }
}

fn check(validator: &Validator, path: &str, text: &str) -> Vec<Finding> {
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
    let line = at.map(|at| {
        let before = text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    });
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

    fn found(schema: &str, policy: &str) -> Vec<Finding> {
        let files = [(POLICY_SCHEMA, schema), ("policies/a.cedar", policy)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        CedarPolicies.check(&Files::from(files))
    }
}
