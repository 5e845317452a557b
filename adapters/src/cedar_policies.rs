//! Policies in Cedar (<https://www.cedarpolicy.com>), validated strictly against their schema.
//!
//! Cedar goes down level by level on the stack of its thread, and a stack that overflows ends the
//! whole process. So what nests too deep, or is too long, never reaches it.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::{iter, mem, thread};

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use commands::ports::PolicyChecker;
use commands::self_editing::Files;
use domain::self_editing::{Finding, POLICY_SCHEMA};
use miette::Diagnostic;

/// How policies end.
const POLICY: &str = ".cedar";

/// How deep brackets nest.
const MOST_DEPTH: usize = 64;

/// What one policy, or one declaration of the schema, has at most. Cedar makes one level of each
/// operator of a chain, of each condition, and of each `else if`.
const MOST_OPERATORS: usize = 500;
const MOST_IFS: usize = 64;
const MOST_ENTRIES: usize = 256;

/// How many types a schema names, and how many words one declaration, and all of them, would have
/// if each name of a type were what it stands for: a few lines could stand for more than memory
/// holds.
const MOST_TYPES: usize = 64;
const MOST_WORDS: usize = 1_000;
const MOST_WORDS_IN_ALL: usize = 10_000;

/// What the limits above need at worst, also in a build that is not optimized, is more than the
/// threads of the platform have.
const STACK: usize = 128 * 1024 * 1024;

/// Where one level more begins, brackets aside.
const OPERATORS: [&str; 20] = [
    "!", "!=", "%", "&&", "*", "+", "-", ".", "/", "<", "<=", "=", "==", ">", ">=", "has", "in",
    "is", "like", "||",
];

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
        let all = || {
            let validator = match validator(text) {
                Ok(validator) => validator,
                Err(finding) => return vec![finding],
            };
            policies.iter().flat_map(|(path, text)| check(&validator, path, text)).collect()
        };
        let done = thread::scope(|scope| {
            let begun = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, all);
            begun.ok().and_then(|it| it.join().ok())
        });
        done.unwrap_or_else(|| {
            let reason = "the policies could not be read".to_owned();
            vec![Finding { file: POLICY_SCHEMA.to_owned(), line: None, reason }]
        })
    }
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

/// Where a text has more than Cedar is given, and why.
fn too_much(text: &str, schema: bool) -> Option<(usize, String)> {
    let mut open = Vec::new();
    let (mut operators, mut ifs, mut entries) = (0, 0, 0);
    for (at, token) in tokens(text) {
        let closes = match token {
            ")" => Some("("),
            "]" => Some("["),
            "}" => Some("{"),
            ">" if schema => Some("<"),
            _ => None,
        };
        let opens = matches!(token, "(" | "[" | "{") || schema && token == "<";
        if opens {
            open.push(token);
        }
        // After an error Cedar reads on, and might see other brackets open than this does.
        if closes.is_some() && open.pop() != closes {
            return Some((at, format!("unexpected token `{token}`: no such bracket is open")));
        }
        match token {
            ";" if !schema && !open.is_empty() => {
                return Some((at, "unexpected token `;`: a bracket is still open".to_owned()));
            }
            ";" => (operators, ifs, entries) = (0, 0, 0),
            "," => entries += 1,
            "if" => ifs += 1,
            _ if opens || OPERATORS.contains(&token) => operators += 1,
            _ => {}
        }
        for (count, most, what) in [
            (open.len(), MOST_DEPTH, "brackets within each other"),
            (operators, MOST_OPERATORS, "operators and brackets before the next `;`"),
            (ifs, MOST_IFS, "`if` before the next `;`"),
            (entries, MOST_ENTRIES, "commas before the next `;`"),
        ] {
            if count > most {
                return Some((at, format!("there are more than {most} {what}")));
            }
        }
    }
    None
}

/// Where a schema says more than memory holds, by types that stand for one another.
fn too_wide(schema: &str) -> Option<(usize, String)> {
    let statements = statements(schema);
    let named = || statements.iter().filter_map(|it| it.name.map(|name| (name, it)));
    if let Some((_, more)) = named().nth(MOST_TYPES) {
        return Some((more.at, format!("a schema names at most {MOST_TYPES} types")));
    }
    let too_large = |at| Some((at, "with its types written out this is too large".to_owned()));
    let mut sizes = BTreeMap::new();
    // In each round what stands for a type of the round before is counted rightly.
    for _ in 0..=named().count() {
        for (name, statement) in named() {
            let size = statement.size(&sizes);
            if size > MOST_WORDS {
                return too_large(statement.at);
            }
            let known = sizes.entry(name).or_insert(size);
            *known = size.max(*known);
        }
    }
    let mut total = 0_usize;
    for statement in &statements {
        let size = statement.size(&sizes);
        total = total.saturating_add(size);
        if size > MOST_WORDS || total > MOST_WORDS_IN_ALL {
            return too_large(statement.at);
        }
    }
    None
}

/// One declaration of a schema.
#[derive(Default)]
struct Statement<'a> {
    at: usize,
    /// Of a type.
    name: Option<&'a str>,
    words: Vec<&'a str>,
}

impl Statement<'_> {
    /// How many words it has, where those stand for types of these sizes.
    fn size(&self, sizes: &BTreeMap<&str, usize>) -> usize {
        let of_words = self.words.iter().map(|it| sizes.get(*it).copied().unwrap_or(1));
        of_words.fold(1, usize::saturating_add)
    }
}

fn statements(schema: &str) -> Vec<Statement<'_>> {
    let mut all = Vec::new();
    let mut this = Statement::default();
    let mut before = ["", ""];
    for (at, token) in tokens(schema) {
        match token {
            ";" => all.push(mem::replace(&mut this, Statement { at, ..Statement::default() })),
            "=" if before[0] == "type" => {
                this = Statement { at, name: Some(before[1]), words: Vec::new() };
            }
            word if word.starts_with(is_of_word) => this.words.push(word),
            _ => {}
        }
        before = [before[1], token];
    }
    all.push(this);
    all
}

fn is_of_word(it: char) -> bool {
    it.is_ascii_alphanumeric() || it == '_'
}

/// The words and signs of a text and where they are, as Cedar finds them, without comments, texts
/// and numbers. Where a text does not end, Cedar reads no further either.
fn tokens(text: &str) -> impl Iterator<Item = (usize, &str)> {
    const PAIRS: [&str; 7] = ["!=", "&&", "::", "<=", "==", ">=", "||"];
    let mut at = 0;
    iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let first = rest.chars().next()?;
            let begin = at;
            if first == '"' {
                at += length_of_string(rest)?;
            } else if rest.starts_with("//") {
                at += rest.find(['\n', '\r']).unwrap_or(rest.len());
            } else if first.is_ascii_alphabetic() || first == '_' {
                let word = rest.find(|it: char| !is_of_word(it)).unwrap_or(rest.len());
                at += word;
                return Some((begin, &rest[..word]));
            } else if first.is_ascii_punctuation() {
                let sign = if PAIRS.iter().any(|it| rest.starts_with(*it)) { 2 } else { 1 };
                at += sign;
                return Some((begin, &rest[..sign]));
            } else {
                at += first.len_utf8();
            }
        }
    })
}

/// Of the string that a text begins with, if it ends.
fn length_of_string(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, it)) = chars.next() {
        match it {
            '"' => return Some(at + 1),
            '\\' if chars.next().is_none_or(|(_, it)| it == '\n') => return None,
            _ => {}
        }
    }
    None
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

    fn found(schema: &str, policy: &str) -> Vec<Finding> {
        let files = [(POLICY_SCHEMA, schema), ("policies/a.cedar", policy)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        CedarPolicies.check(&Files::from(files))
    }
}
