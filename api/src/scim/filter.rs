//! Filters: `userName eq "ana" and emails[type eq "work" and value co "@acme.com"]`.
//!
//! RFC 7644, 3.4.2.2. Names of attributes and operators do not care about case; texts do where the
//! attribute's schema says so.

use serde_json::Value;

use super::path::{Path, field};
use super::schema::is_case_exact;

/// How long a filter may be, in bytes, and how deep its brackets may go.
const LONGEST: usize = 4_096;
const DEEPEST: usize = 20;

/// What resources are looked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    And(Box<Self>, Box<Self>),
    Compare {
        path: Path,
        operator: Operator,
        value: Value,
    },
    Not(Box<Self>),
    Or(Box<Self>, Box<Self>),
    Present(Path),
    /// An element of the list fits: `emails[type eq "work"]`.
    Within(Path, Box<Self>),
}

/// How an attribute is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub(crate) enum Operator {
    Co,
    Eq,
    Ew,
    Ge,
    Gt,
    Le,
    Lt,
    Ne,
    Sw,
}

impl Filter {
    /// Reads a filter, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("a filter has at most {LONGEST} bytes"));
        }
        let mut reader = Reader { rest: text, depth: 0 };
        let filter = reader.either()?;
        reader.blanks();
        if reader.rest.is_empty() { Ok(filter) } else { Err(reader.unexpected()) }
    }

    /// Reads the filter in front of `]`; answers what stands behind it.
    pub(super) fn parse_within(text: &str) -> Result<(Self, &str), String> {
        if text.len() > LONGEST {
            return Err(format!("a filter has at most {LONGEST} bytes"));
        }
        let mut reader = Reader { rest: text, depth: 1 };
        let filter = reader.either()?;
        reader.expect("]")?;
        Ok((filter, reader.rest))
    }

    /// Whether a resource, or an element of a list, fits.
    pub(crate) fn fits(&self, resource: &Value) -> bool {
        match self {
            Self::And(one, other) => one.fits(resource) && other.fits(resource),
            Self::Compare { path, operator, value } => {
                let found: Vec<_> = path.values(resource).into_iter().map(meant).collect();
                compares(&found, *operator, value, is_case_exact(path))
            }
            Self::Not(inner) => !inner.fits(resource),
            Self::Or(one, other) => one.fits(resource) || other.fits(resource),
            Self::Present(path) => path.values(resource).iter().any(|value| says_something(value)),
            Self::Within(path, inner) => {
                path.values(resource).into_iter().any(|element| inner.fits(element))
            }
        }
    }

    /// The value, when the filter is nothing but `<attribute> eq "<text>"`.
    pub(crate) fn is_just(&self, attribute: &str) -> Option<&str> {
        match self {
            Self::Compare { path, operator: Operator::Eq, value } if path.is(attribute) => {
                value.as_str()
            }
            _ => None,
        }
    }
}

/// An element of a list such as `emails` stands for its `value`.
fn meant(value: &Value) -> &Value {
    if value.is_object() { field(value, "value").unwrap_or(value) } else { value }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(all) => !all.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Of several values one has to fit; to differ, all.
fn compares(found: &[&Value], operator: Operator, wanted: &Value, exact: bool) -> bool {
    let equal = |value: &&Value| is_equal(value, wanted, exact);
    match operator {
        Operator::Eq if wanted.is_null() => !found.iter().any(|value| says_something(value)),
        Operator::Ne if wanted.is_null() => found.iter().any(|value| says_something(value)),
        Operator::Eq => found.iter().any(equal),
        Operator::Ne => !found.iter().any(equal),
        _ => found.iter().any(|value| is_ordered(value, operator, wanted, exact)),
    }
}

fn is_equal(value: &Value, wanted: &Value, exact: bool) -> bool {
    match (value, wanted) {
        (Value::String(value), Value::String(wanted)) if exact => value == wanted,
        (Value::String(value), Value::String(wanted)) => folded(value) == folded(wanted),
        // Entra writes truth values as texts.
        (Value::Bool(value), Value::String(text)) | (Value::String(text), Value::Bool(value)) => {
            text.eq_ignore_ascii_case(if *value { "true" } else { "false" })
        }
        (Value::Number(value), Value::Number(wanted)) => value.as_f64() == wanted.as_f64(),
        _ => value == wanted,
    }
}

fn is_ordered(value: &Value, operator: Operator, wanted: &Value, exact: bool) -> bool {
    use std::cmp::Ordering;

    let order = match (value, wanted) {
        (Value::String(value), Value::String(wanted)) => {
            let fold = |text: &str| if exact { text.to_owned() } else { folded(text) };
            let (text, part) = (fold(value), fold(wanted));
            match operator {
                Operator::Co => return text.contains(&part),
                Operator::Ew => return text.ends_with(&part),
                Operator::Sw => return text.starts_with(&part),
                _ => {}
            }
            let time = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
            match (time(value), time(wanted)) {
                (Some(value), Some(wanted)) => value.cmp(&wanted),
                _ => text.cmp(&part),
            }
        }
        (Value::Number(value), Value::Number(wanted)) => {
            match value.as_f64().partial_cmp(&wanted.as_f64()) {
                Some(order) => order,
                None => return false,
            }
        }
        _ => return false,
    };
    match operator {
        Operator::Ge => order != Ordering::Less,
        Operator::Gt => order == Ordering::Greater,
        Operator::Le => order != Ordering::Greater,
        Operator::Lt => order == Ordering::Less,
        Operator::Co | Operator::Eq | Operator::Ew | Operator::Ne | Operator::Sw => false,
    }
}

fn folded(text: &str) -> String {
    text.to_lowercase()
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn either(&mut self) -> Result<Filter, String> {
        let mut filter = self.both()?;
        while self.word("or") {
            filter = Filter::Or(Box::new(filter), Box::new(self.both()?));
        }
        Ok(filter)
    }

    fn both(&mut self) -> Result<Filter, String> {
        let mut filter = self.one()?;
        while self.word("and") {
            filter = Filter::And(Box::new(filter), Box::new(self.one()?));
        }
        Ok(filter)
    }

    fn one(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("brackets go at most {DEEPEST} deep"));
        }
        let filter = self.unbounded();
        self.depth -= 1;
        filter
    }

    fn unbounded(&mut self) -> Result<Filter, String> {
        self.blanks();
        let negated = self.rest.get(..3).is_some_and(|it| it.eq_ignore_ascii_case("not"))
            && self.rest[3..].trim_start().starts_with('(');
        if negated {
            self.rest = &self.rest[3..];
            self.expect("(")?;
            let inner = self.either()?;
            self.expect(")")?;
            return Ok(Filter::Not(Box::new(inner)));
        }
        if self.rest.starts_with('(') {
            self.expect("(")?;
            let inner = self.either()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let path = Path::parse(self.attribute())?;
        if self.rest.starts_with('[') {
            self.expect("[")?;
            let inner = self.either()?;
            self.expect("]")?;
            return Ok(Filter::Within(path, Box::new(inner)));
        }
        if self.word("pr") {
            return Ok(Filter::Present(path));
        }
        self.blanks();
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let operator = self.rest[..end].parse::<Operator>().map_err(|_| self.unexpected())?;
        self.rest = &self.rest[end..];
        Ok(Filter::Compare { path, operator, value: self.value()? })
    }

    fn attribute(&mut self) -> &'a str {
        self.blanks();
        let odd = |c: char| !(c.is_ascii_alphanumeric() || "_-$.:".contains(c));
        let end = self.rest.find(odd).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name
    }

    /// A JSON text, number or word.
    fn value(&mut self) -> Result<Value, String> {
        self.blanks();
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
        let value = match values.next() {
            Some(Ok(value)) if !value.is_array() && !value.is_object() => value,
            _ => return Err(self.unexpected()),
        };
        let end = values.byte_offset();
        self.rest = &self.rest[end..];
        Ok(value)
    }

    /// Passes over a word, if it is the next.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        let is_next = rest.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word))
            && rest[word.len()..]
                .chars()
                .next()
                .is_none_or(|c| c.is_whitespace() || "()]".contains(c));
        if is_next {
            self.rest = &rest[word.len()..];
        }
        is_next
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        self.blanks();
        self.rest = self.rest.strip_prefix(sign).ok_or_else(|| self.unexpected())?;
        Ok(())
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn unexpected(&self) -> String {
        if self.rest.is_empty() {
            return "the filter ends too early".to_owned();
        }
        let next: String = self.rest.chars().take(20).collect();
        format!("“{next}” was not expected in the filter")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn filters_of_the_rfc_find_whom_they_mean() {
        let ana = json!({
            "id": "1", "userName": "Ana@Acme.com", "active": true, "title": "",
            "name": { "familyName": "O'Malley" },
            "emails": [
                { "type": "work", "value": "ana@acme.com" },
                { "type": "home", "value": "ana@example.org" },
            ],
            "meta": { "lastModified": "2026-05-13T04:42:34Z" },
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "R&D" },
        });
        for (filter, fits) in [
            (r#"userName eq "ana@acme.com""#, true),
            (r#"USERNAME Eq "ana@acme.com""#, true),
            (r#"id eq "1""#, true),
            (r#"name.familyName co "o'malley""#, true),
            (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ANA""#, true),
            (
                r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "r&d""#,
                true,
            ),
            ("title pr", false),
            ("not (title pr)", true),
            (r#"meta.lastModified gt "2026-05-13T04:42:33.5Z""#, true),
            (r#"meta.lastModified lt "2026-05-13T00:00:00Z""#, false),
            (r#"emails eq "ANA@acme.com""#, true),
            (r#"emails[type eq "work" and value co "@acme.com"]"#, true),
            (r#"emails[type eq "home" and value co "@acme.com"]"#, false),
            (r#"emails.type ne "work""#, false),
            (r#"active eq true and (title pr or emails.value ew ".org")"#, true),
            (r#"active eq "False""#, false),
            (r#"userName eq "x" or userName eq "y" and active eq true"#, false),
            ("nickName eq null", true),
        ] {
            assert_eq!(Filter::parse(filter).unwrap().fits(&ana), fits, "{filter}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for filter in [
            "",
            "userName",
            "userName eq",
            "userName eq ana",
            r#"userName is "ana""#,
            r#"(userName eq "a""#,
            r#"userName eq "a" and"#,
            r#"emails[type eq "a""#,
            r#"userName eq "a" userName eq "b""#,
            r#"userName eq ["a"]"#,
            "1 eq 1",
        ] {
            assert!(Filter::parse(filter).is_err(), "{filter}");
        }
        let deep = format!("{}a pr{}", "(".repeat(1_000), ")".repeat(1_000));
        assert!(Filter::parse(&deep).unwrap_err().contains("deep"));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,80}") {
            let _ = Filter::parse(&text);
        }

        #[test]
        fn nearly_right_texts_do_not_break_it(
            text in r#"(not )?[( ]?(userName|emails\[type|name\.x) (eq|co|pr|gt) ("[a-z"\\]{0,3}"?|1|true)[\])]?( and | or )?"#
        ) {
            if let Ok(filter) = Filter::parse(&text) {
                let _ = filter.fits(&json!({ "userName": "a", "emails": [{ "type": "work" }] }));
            }
        }

        #[test]
        fn texts_are_found_as_they_are_quoted(name in "\\PC{1,20}") {
            let filter = format!("externalId eq {}", json!(name));
            let fits = Filter::parse(&filter).unwrap().fits(&json!({ "externalId": name }));
            prop_assert!(fits);
        }
    }
}
