//! How an attribute is named: `name.givenName`, or with its schema in front.

use serde_json::Value;

/// How every schema begins.
const URN: &str = "urn:";

/// An attribute, or a part of one. Names do not care about case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    /// The schema that extends the resource, when the attribute is of one.
    pub(crate) extension: Option<String>,
    /// Empty when the whole extension is meant.
    pub(crate) attribute: String,
    pub(crate) part: Option<String>,
}

impl Path {
    /// Reads `[schema:]attribute[.part]`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("“{text}” names no attribute");
        let is_urn = text.get(..URN.len()).is_some_and(|it| it.eq_ignore_ascii_case(URN));
        let (schema, name) = match text.rsplit_once(':') {
            Some((_, version)) if is_urn && is_schema_end(version) && is_extension(text) => {
                (Some(text), "")
            }
            Some((schema, name)) if is_urn => (Some(schema), name),
            Some(_) => return Err(wrong()),
            None => (None, text),
        };
        let (attribute, part) = match name.split_once('.') {
            Some((attribute, part)) => (attribute, Some(part)),
            None => (name, None),
        };
        let fits = |name: &str| {
            name == "$ref"
                || name.starts_with(|c: char| c.is_ascii_alphabetic())
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        };
        let whole = attribute.is_empty() && part.is_none() && schema.is_some();
        if !(whole || fits(attribute) && part.is_none_or(fits)) {
            return Err(wrong());
        }
        let extension = schema.filter(|it| is_extension(it)).map(ToOwned::to_owned);
        if whole && extension.is_none() {
            return Err(wrong());
        }
        Ok(Self { extension, attribute: attribute.to_owned(), part: part.map(ToOwned::to_owned) })
    }

    /// Whether it is this attribute of the core schema.
    pub(crate) fn is(&self, name: &str) -> bool {
        let (attribute, part) = name.split_once('.').map_or((name, None), |(a, b)| (a, Some(b)));
        self.extension.is_none()
            && self.attribute.eq_ignore_ascii_case(attribute)
            && match (&self.part, part) {
                (Some(has), Some(wanted)) => has.eq_ignore_ascii_case(wanted),
                (None, None) => true,
                _ => false,
            }
    }

    /// What stands there; of a list each element. An element with a `value` stands for that.
    pub(crate) fn values<'a>(&self, resource: &'a Value) -> Vec<&'a Value> {
        let base = match &self.extension {
            Some(extension) => field(resource, extension),
            None => Some(resource),
        };
        let found = match base {
            Some(base) if self.attribute.is_empty() => Some(base),
            Some(base) => field(base, &self.attribute),
            None => None,
        };
        let elements: Vec<&Value> = match found {
            Some(Value::Array(all)) => all.iter().collect(),
            Some(one) => vec![one],
            None => return Vec::new(),
        };
        match &self.part {
            Some(part) => elements.into_iter().filter_map(|it| field(it, part)).collect(),
            None => elements,
        }
    }
}

/// A schema's last word, `User` or `Group`, is no attribute.
fn is_schema_end(word: &str) -> bool {
    ["User", "Group"].iter().any(|it| it.eq_ignore_ascii_case(word))
}

fn is_extension(schema: &str) -> bool {
    schema.to_ascii_lowercase().contains(":extension:")
}

/// A field of an object, whatever the case of its name.
pub(crate) fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let fields = object.as_object()?;
    fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(
            any in "\\PC{0,60}",
            nearly in r"(urn:[a-z.:0-9]{0,30}(:extension:)?[a-zA-Z:]{0,12}:)?[a-zA-Z$]{0,6}(\.[a-zA-Z$]{0,6})?",
        ) {
            for text in [any, nearly] {
                if let Ok(path) = Path::parse(&text) {
                    let _ = path.values(&json!({ "a": [{ "b": 1 }, 2], "name": { "b": null } }));
                    prop_assert!(!path.attribute.is_empty() || path.extension.is_some());
                }
            }
        }

        #[test]
        fn names_do_not_care_about_case(name in "[a-zA-Z]{1,8}", part in "[a-zA-Z]{1,8}") {
            let object = json!({ name.to_uppercase(): { part.to_lowercase(): 1 } });
            let path = Path::parse(&format!("{name}.{part}")).unwrap();
            prop_assert_eq!(path.values(&object), [&json!(1)]);
        }
    }

    #[test]
    fn paths_are_read_with_and_without_their_schema() {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let path = Path::parse(&format!("{enterprise}:manager.value")).unwrap();
        assert_eq!(path.extension.as_deref(), Some(enterprise));
        assert_eq!((path.attribute.as_str(), path.part.as_deref()), ("manager", Some("value")));
        assert_eq!(Path::parse(enterprise).unwrap().attribute, "");
        let core = Path::parse("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName");
        assert!(core.unwrap().is("Name.GivenName"));
        for odd in ["", ".", "a.b.c", "a b", "1a", "urn:", "x:y", "name."] {
            assert!(Path::parse(odd).is_err(), "{odd}");
        }
    }
}
