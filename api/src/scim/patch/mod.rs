//! Changes a resource as a PATCH says: RFC 7644, 3.5.2, and what Entra and Okta make of it.

mod lists;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use lists::{Known, add_all, in_list};

use super::error::{Kind as Bad, ScimError};
use super::filter::Filter;
use super::path::{Path, field};
use super::schema::{Attribute, Resource};

/// How many operations one request may hold.
const MOST: usize = 1_000;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
enum Verb {
    Add,
    Remove,
    Replace,
}

/// Where an operation does it: `emails[type eq "work"].value`.
#[derive(Debug, Clone, PartialEq)]
struct Target {
    path: Path,
    filter: Option<Filter>,
}

impl Target {
    fn parse(text: &str) -> Result<Self, ScimError> {
        let wrong = |reason: String| ScimError::bad(Bad::InvalidPath, reason);
        let Some((name, rest)) = text.split_once('[') else {
            return Ok(Self { path: Path::parse(text.trim()).map_err(wrong)?, filter: None });
        };
        let mut path = Path::parse(name.trim()).map_err(wrong)?;
        let (filter, rest) = Filter::parse_within(rest)
            .map_err(|reason| ScimError::bad(Bad::InvalidFilter, reason))?;
        let odd = || wrong(format!("“{rest}” was not expected in the path"));
        match rest.strip_prefix('.') {
            Some(part) if path.part.is_none() => {
                path = Path::parse(&format!("{}.{part}", name.trim())).map_err(wrong)?;
            }
            None if rest.is_empty() => {}
            _ => return Err(odd()),
        }
        Ok(Self { path, filter: Some(filter) })
    }
}

/// Applies the operations of a `PatchOp` message, in order; all or none.
pub(crate) fn patched(
    kind: Resource,
    resource: &Value,
    message: &Value,
) -> Result<Value, ScimError> {
    let syntax = |reason: &str| ScimError::bad(Bad::InvalidSyntax, reason);
    let operations = field(message, "Operations").and_then(Value::as_array);
    let operations = operations.ok_or_else(|| syntax("Operations is a list of operations"))?;
    if operations.is_empty() || operations.len() > MOST {
        return Err(syntax("a PATCH holds 1 to 1,000 operations"));
    }
    let mut resource = resource.clone();
    for operation in operations {
        let verb = field(operation, "op").and_then(Value::as_str);
        let verb = verb.and_then(|it| it.parse::<Verb>().ok());
        let verb = verb.ok_or_else(|| syntax("op is add, remove or replace"))?;
        let path = match field(operation, "path") {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) => Some(path.as_str()),
            Some(_) => return Err(syntax("path is a text")),
        };
        let value = field(operation, "value").filter(|it| !it.is_null());
        match path {
            Some(path) => apply(kind, &mut resource, verb, &Target::parse(path)?, value)?,
            None => spread(kind, &mut resource, verb, value)?,
        }
    }
    Ok(resource)
}

/// Without a path the value is an object, whose fields are the paths.
fn spread(
    kind: Resource,
    resource: &mut Value,
    verb: Verb,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    if verb == Verb::Remove {
        return Err(ScimError::bad(Bad::NoTarget, "to remove, name the path"));
    }
    let Some(fields) = value.and_then(Value::as_object) else {
        return Err(ScimError::bad(Bad::InvalidValue, "without a path, the value is an object"));
    };
    for (name, value) in fields {
        let target = Target::parse(name)?;
        // Okta sends a whole resource back, with what is only shown.
        let shown = kind.find(&target.path).is_some_and(|(attribute, _)| attribute.read_only);
        if shown {
            continue;
        }
        apply(kind, resource, verb, &target, Some(value))?;
    }
    Ok(())
}

fn apply(
    kind: Resource,
    resource: &mut Value,
    verb: Verb,
    target: &Target,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    let Target { path, filter } = target;
    if path.attribute.is_empty() {
        return extension(kind, resource, verb, path, value);
    }
    let unknown =
        || ScimError::bad(Bad::InvalidPath, format!("there is no attribute {}", named(path)));
    let (attribute, part) = kind.find(path).ok_or_else(unknown)?;
    if attribute.read_only || part.is_some_and(|it| it.read_only) {
        let reason = format!("{} cannot be changed", named(path));
        return Err(ScimError::bad(Bad::Mutability, reason));
    }
    let required = attribute.required && part.is_none();
    if verb == Verb::Remove && required {
        let reason = format!("{} is required", attribute.name);
        return Err(ScimError::bad(Bad::InvalidValue, reason));
    }
    let value = match (verb, value) {
        (Verb::Remove, value) => value.cloned(),
        (_, None) if attribute.required => {
            let reason = format!("{} needs a value", named(path));
            return Err(ScimError::bad(Bad::InvalidValue, reason));
        }
        // To replace by nothing is to remove.
        (_, None) => return apply(kind, resource, Verb::Remove, target, None),
        (_, Some(value)) => Some(fitted(attribute, part, filter.is_some(), value)?),
    };
    let base = match &path.extension {
        Some(schema) => entry(resource, schema, || json!({})),
        None => resource,
    };
    match (attribute.multi, filter) {
        (true, Some(filter)) => in_list(base, attribute, part, verb, filter, value),
        (true, None) => whole_list(base, attribute, part, verb, value),
        (false, None) => one(base, attribute, part, verb, value),
        (false, Some(_)) => {
            let reason = format!("{} is no list", named(path));
            Err(ScimError::bad(Bad::InvalidPath, reason))
        }
    }
}

/// An extension as a whole.
fn extension(
    kind: Resource,
    resource: &mut Value,
    verb: Verb,
    path: &Path,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    let schema = path.extension.clone().unwrap_or_default();
    match (verb, value.and_then(Value::as_object)) {
        (Verb::Remove, _) => {
            remove(resource, &schema);
            Ok(())
        }
        // Some clients write the schemas into the extension as well.
        (_, Some(fields)) => {
            fields.iter().filter(|it| it.0 != "schemas").try_for_each(|(name, value)| {
                let target = Target::parse(&format!("{schema}:{name}"))?;
                apply(kind, resource, verb, &target, Some(value))
            })
        }
        (_, None) => Err(ScimError::bad(Bad::InvalidValue, "an extension is an object")),
    }
}

/// A value as the attribute, or the named part of it, holds it.
fn fitted(
    attribute: &'static Attribute,
    part: Option<&'static Attribute>,
    of_element: bool,
    value: &Value,
) -> Result<Value, ScimError> {
    let fitted = match part {
        Some(part) => part.fitted(value),
        None if of_element => attribute.fitted(value).map(|it| match it {
            Value::Array(mut all) if all.len() == 1 => all.remove(0),
            other => other,
        }),
        None => attribute.fitted(value),
    };
    fitted.map_err(|reason| ScimError::bad(Bad::InvalidValue, reason))
}

/// An attribute that has one value.
fn one(
    base: &mut Value,
    attribute: &'static Attribute,
    part: Option<&'static Attribute>,
    verb: Verb,
    value: Option<Value>,
) -> Result<(), ScimError> {
    match (part, verb, value) {
        (None, Verb::Remove, _) => {
            remove(base, attribute.name);
        }
        (Some(part), Verb::Remove, _) => {
            if let Some(whole) = slot(base, attribute.name) {
                remove(whole, part.name);
            }
        }
        // To add to an object is to add to its parts, and so is to replace some of them.
        (None, _, Some(Value::Object(parts))) => {
            let whole = entry(base, attribute.name, || json!({}));
            for (name, value) in parts {
                *entry(whole, &name, || Value::Null) = value;
            }
        }
        (None, _, Some(value)) => *entry(base, attribute.name, || Value::Null) = value,
        (Some(part), _, Some(value)) => {
            *entry(entry(base, attribute.name, || json!({})), part.name, || Value::Null) = value;
        }
        (_, _, None) => {}
    }
    Ok(())
}

/// A list as a whole, or one part of all of its elements.
fn whole_list(
    base: &mut Value,
    attribute: &'static Attribute,
    part: Option<&'static Attribute>,
    verb: Verb,
    value: Option<Value>,
) -> Result<(), ScimError> {
    if let Some(part) = part {
        let list = entry(base, attribute.name, || json!([]));
        for element in list.as_array_mut().into_iter().flatten() {
            match &value {
                Some(value) if verb != Verb::Remove => {
                    *entry(element, part.name, || Value::Null) = value.clone();
                }
                _ => remove(element, part.name),
            }
        }
        return Ok(());
    }
    match (verb, value) {
        (Verb::Remove, None) => remove(base, attribute.name),
        // Entra names what to remove by the value.
        (Verb::Remove, Some(named)) => {
            let named = attribute.fitted(&named);
            let named = named.map_err(|reason| ScimError::bad(Bad::InvalidValue, reason))?;
            let named = named.as_array().cloned().unwrap_or_default();
            let named = Known::of(&named);
            if let Some(list) = slot(base, attribute.name).and_then(Value::as_array_mut) {
                list.retain(|element| !named.has(element));
            }
        }
        (Verb::Add, Some(Value::Array(more))) => {
            let list = entry(base, attribute.name, || json!([]));
            add_all(list, more);
        }
        (_, Some(value)) => *entry(base, attribute.name, || Value::Null) = value,
        (_, None) => {}
    }
    Ok(())
}

fn named(path: &Path) -> String {
    let attribute = match &path.part {
        Some(part) => format!("{}.{part}", path.attribute),
        None => path.attribute.clone(),
    };
    match &path.extension {
        Some(extension) => format!("{extension}:{attribute}"),
        None => attribute,
    }
}

/// A field, whatever the case of its name.
fn slot<'a>(object: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    let fields = object.as_object_mut()?;
    fields.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A field, made where it is missing.
fn entry<'a>(object: &'a mut Value, name: &str, missing: fn() -> Value) -> &'a mut Value {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(fields) = object else { unreachable!("it was just made one") };
    let known = fields.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned();
    fields.entry(known.unwrap_or_else(|| name.to_owned())).or_insert_with(missing)
}

fn remove(object: &mut Value, name: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|key, _| !key.eq_ignore_ascii_case(name));
    }
}
