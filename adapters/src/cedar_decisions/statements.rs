//! Takes files of policies apart into their statements, with where each one is.

use std::collections::BTreeSet;
use std::ops::Range;

use cedar_policy::{Effect, Policy, PolicyId, Template};
use commands::ports::PolicyText;
use commands::self_editing::Files;
use domain::self_editing::Finding;

/// Where policies are, and how they end.
const FOLDER: &str = "policies/";
const POLICY: &str = ".cedar";

/// How long an id is at most.
const LONGEST_ID: usize = 128;

/// A policy as it is written, and as it is evaluated.
pub(super) struct Read {
    pub(super) text: PolicyText,
    pub(super) policy: Policy,
    /// Its text without comments.
    pub(super) bare: String,
}

/// One statement of a file.
struct Statement {
    /// With the comment before it.
    span: Range<usize>,
    /// Where it begins itself.
    begins: usize,
    bare: String,
}

/// Every policy, in the order of the files. Templates are passed over: nothing links them.
pub(super) fn read(files: &Files) -> Result<Vec<Read>, Vec<Finding>> {
    let (mut all, mut faults) = (Vec::new(), Vec::new());
    let mut ids = BTreeSet::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(POLICY)) {
        let stem = path.strip_prefix(FOLDER).unwrap_or(path).trim_end_matches(POLICY);
        for (number, statement) in (1..).zip(statements(text)) {
            let Statement { span, begins, bare } = statement;
            let line = line(text, begins);
            let mut fault = |reason: String| {
                faults.push(Finding { file: path.clone(), line: Some(line), reason });
            };
            let policy = match Policy::parse(None, &text[begins..span.end]) {
                Ok(policy) => policy,
                Err(_) if Template::parse(None, &text[begins..span.end]).is_ok() => continue,
                Err(errors) => {
                    fault(errors.to_string());
                    continue;
                }
            };
            let named = policy.annotation("id").map(str::to_owned);
            let id = named.unwrap_or_else(|| format!("{stem}#{number}"));
            if id.is_empty() || id.len() > LONGEST_ID || id.contains(char::is_control) {
                fault(format!("the id of a policy has 1 to {LONGEST_ID} characters"));
                continue;
            }
            if !ids.insert(id.clone()) {
                fault(format!("another policy has the id {id}"));
                continue;
            }
            let annotations =
                policy.annotations().map(|(name, value)| (name.to_owned(), value.to_owned()));
            let text = PolicyText {
                id: id.clone(),
                file: path.clone(),
                begins,
                line,
                permits: policy.effect() == Effect::Permit,
                annotations: annotations.collect(),
                text: text[span.clone()].to_owned(),
                span,
            };
            all.push(Read { text, policy: policy.new_id(PolicyId::new(id)), bare });
        }
    }
    if faults.is_empty() { Ok(all) } else { Err(faults) }
}

/// The statements of a file: each ends with a `;` that is in no string and no comment. What comes
/// after the last one is a statement too, unless it is just comments.
fn statements(text: &str) -> Vec<Statement> {
    let mut all = Vec::new();
    let (mut end, mut begins) = (0, None);
    let mut bare = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, it)) = chars.next() {
        match it {
            '/' if chars.peek().is_some_and(|(_, next)| *next == '/') => {
                while chars.next_if(|(_, next)| !matches!(next, '\n' | '\r')).is_some() {}
            }
            '"' => {
                begins.get_or_insert(at);
                bare.push(it);
                while let Some((_, inner)) = chars.next() {
                    bare.push(inner);
                    match inner {
                        '"' => break,
                        '\\' => bare.extend(chars.next().map(|(_, escaped)| escaped)),
                        _ => {}
                    }
                }
            }
            ';' => {
                let begins = begins.take().unwrap_or(at);
                let begun = comment_before(text, end, begins);
                end = at + 1;
                all.push(Statement { span: begun..end, begins, bare: std::mem::take(&mut bare) });
            }
            _ => {
                if !it.is_whitespace() {
                    begins.get_or_insert(at);
                }
                bare.push(it);
            }
        }
    }
    if let Some(begins) = begins {
        let begun = comment_before(text, end, begins);
        all.push(Statement { span: begun..text.len(), begins, bare });
    }
    all
}

/// Where the comment begins that stands right before a statement, without an empty line between.
fn comment_before(text: &str, end: usize, begins: usize) -> usize {
    let gap = &text[end..begins];
    let mut begun = begins;
    let mut at = begins;
    for line in gap.split_inclusive('\n').rev() {
        at -= line.len();
        if line.trim_start().starts_with("//") {
            begun = at + (line.len() - line.trim_start().len());
        } else if !line.trim().is_empty() || line.ends_with('\n') {
            break;
        }
    }
    begun
}

pub(super) fn line(text: &str, at: usize) -> u32 {
    let before = text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
    u32::try_from(before + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "// The file; it begins.\n\n// One.\n// Still one; or not.\n\
        @id(\"one\")\npermit(principal, action, resource) when { \"a;\\\"b\" == \"//\" };\n\n\
        forbid(principal, action, resource); // After.\n\n// The end.\n";

    #[test]
    fn statements_end_where_a_semicolon_counts() {
        let read = files(TEXT).unwrap();
        let texts: Vec<_> = read.iter().map(|it| (it.id.as_str(), it.line, it.permits)).collect();
        assert_eq!(texts, [("one", 5, true), ("a#2", 8, false)]);
        assert!(read[0].text.starts_with("// One.\n// Still"), "{}", read[0].text);
        assert_eq!(read[1].text, "forbid(principal, action, resource);");
        assert_eq!(&TEXT[read[0].begins..read[0].begins + 3], "@id");
    }

    #[test]
    fn no_two_policies_have_one_id() {
        let twice = "@id(\"x\") permit(principal, action, resource);\n".repeat(2);
        let faults = files(&twice).unwrap_err();
        assert_eq!((faults.len(), faults[0].line), (1, Some(2)));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        let faults = files("\n\npermit(principal, action resource);").unwrap_err();
        assert_eq!(faults[0].line, Some(3));
        assert_eq!(files("permit(principal == ?principal, action, resource);").unwrap(), []);
    }

    fn files(text: &str) -> Result<Vec<PolicyText>, Vec<Finding>> {
        let files = Files::from([("policies/a.cedar".to_owned(), text.to_owned())]);
        read(&files).map(|all| all.into_iter().map(|it| it.text).collect())
    }
}
