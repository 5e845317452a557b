//! Changes a resource as a PATCH says: RFC 7644, 3.5.2, and what Entra and Okta make of it.

use serde_json::{Map, Value, json};

use super::error::{Kind as Bad, ScimError};
use super::filter::{Filter, Operator};
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
pub(crate) fn patched(kind: Resource, resource: &Value, message: &Value) -> Result<Value, ScimError> {
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
        let extension = value.as_object().filter(|_| target.path.attribute.is_empty());
        match extension {
            Some(fields) => {
                for (attribute, value) in fields {
                    let target = Target::parse(&format!("{name}:{attribute}"))?;
                    apply(kind, resource, verb, &target, Some(value))?;
                }
            }
            None => apply(kind, resource, verb, &target, Some(value))?,
        }
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
    let unknown = || ScimError::bad(Bad::InvalidPath, format!("there is no attribute {}", named(path)));
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
        (_, Some(fields)) => fields.iter().try_for_each(|(name, value)| {
            let target = Target::parse(&format!("{schema}:{name}"))?;
            apply(kind, resource, verb, &target, Some(value))
        }),
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
            if let Some(list) = slot(base, attribute.name).and_then(Value::as_array_mut) {
                list.retain(|element| !named.iter().any(|it| is_same(it, element)));
            }
        }
        (Verb::Add, Some(Value::Array(more))) => {
            let list = entry(base, attribute.name, || json!([]));
            for element in more {
                add_to(list, element);
            }
        }
        (_, Some(value)) => *entry(base, attribute.name, || Value::Null) = value,
        (_, None) => {}
    }
    Ok(())
}

/// The elements of a list that a filter finds.
fn in_list(
    base: &mut Value,
    attribute: &'static Attribute,
    part: Option<&'static Attribute>,
    verb: Verb,
    filter: &Filter,
    value: Option<Value>,
) -> Result<(), ScimError> {
    let list = entry(base, attribute.name, || json!([]));
    let Value::Array(elements) = list else { return Ok(()) };
    let found: Vec<usize> =
        (0..elements.len()).filter(|index| filter.fits(&elements[*index])).collect();
    if verb == Verb::Remove {
        if found.is_empty() {
            let reason = format!("nothing in {} fits the filter", attribute.name);
            return Err(ScimError::bad(Bad::NoTarget, reason));
        }
        match part {
            Some(part) => found.iter().for_each(|index| remove(&mut elements[*index], part.name)),
            None => elements.retain(|element| !filter.fits(element)),
        }
        return Ok(());
    }
    let Some(value) = value else { return Ok(()) };
    if found.is_empty() {
        // Entra replaces the work address of whoever has none; it is made from what the filter says.
        let Some(mut made) = made_to_fit(attribute, filter) else {
            let reason = format!("nothing in {} fits the filter", attribute.name);
            return Err(ScimError::bad(Bad::NoTarget, reason));
        };
        put(&mut made, part, value);
        add_to(list, made);
        return Ok(());
    }
    for index in found {
        put(&mut elements[index], part, value.clone());
        if elements[index]["primary"] == true {
            only_primary(elements, index);
        }
    }
    Ok(())
}

fn put(element: &mut Value, part: Option<&Attribute>, value: Value) {
    match (part, value) {
        (Some(part), value) => *entry(element, part.name, || Value::Null) = value,
        (None, Value::Object(parts)) => {
            for (name, value) in parts {
                *entry(element, &name, || Value::Null) = value;
            }
        }
        (None, value) => *element = value,
    }
}

/// The element that a filter of nothing but equalities describes.
fn made_to_fit(attribute: &Attribute, filter: &Filter) -> Option<Value> {
    match filter {
        Filter::Compare { path, operator: Operator::Eq, value } if path.part.is_none() => {
            let part = attribute.parts.iter().find(|it| path.is(it.name))?;
            Some(json!({ part.name: value }))
        }
        Filter::And(one, other) => {
            let (mut one, other) = (made_to_fit(attribute, one)?, made_to_fit(attribute, other)?);
            one.as_object_mut()?.extend(other.as_object()?.clone());
            Some(one)
        }
        _ => None,
    }
}

/// Adds an element that is not there yet; a new primary one is the only one.
fn add_to(list: &mut Value, element: Value) {
    let Value::Array(elements) = list else { return };
    if elements.iter().any(|it| is_same(it, &element)) {
        return;
    }
    let primary = element["primary"] == true;
    elements.push(element);
    if primary {
        let last = elements.len() - 1;
        only_primary(elements, last);
    }
}

fn only_primary(elements: &mut [Value], chosen: usize) {
    for (index, element) in elements.iter_mut().enumerate() {
        if index != chosen && element["primary"] == true {
            element["primary"] = json!(false);
        }
    }
}

/// Elements are the same when their values and types are, where both have them.
fn is_same(one: &Value, other: &Value) -> bool {
    let (Some(value), Some(others)) = (one.get("value"), other.get("value")) else {
        return one == other;
    };
    let (kind, others_kind) = (one.get("type"), other.get("type"));
    value == others && (kind.is_none() || others_kind.is_none() || kind == others_kind)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scim::schema::ENTERPRISE;

    #[test]
    fn operations_of_the_rfc_and_of_entra_do_what_they_mean() {
        for (operation, expected) in [
            (json!({ "op": "replace", "path": "active", "value": "False" }), ("/active", json!(false))),
            (json!({ "op": "Add", "path": "name.givenName", "value": "A" }), ("/name/givenName", json!("A"))),
            (json!({ "op": "add", "value": { "name.familyName": "B" } }), ("/name/familyName", json!("B"))),
            (json!({ "op": "replace", "value": { "NickName": "An" } }), ("/nickName", json!("An"))),
            (
                json!({ "op": "Replace", "path": r#"emails[type eq "work"].value"#, "value": "w@x.y" }),
                ("/emails/0/value", json!("w@x.y")),
            ),
            (
                json!({ "op": "Add", "path": r#"emails[type eq "home"].value"#, "value": "h@x.y" }),
                ("/emails/1", json!({ "type": "home", "value": "h@x.y" })),
            ),
            (
                json!({ "op": "add", "path": "emails", "value": [{ "value": "n@x.y", "primary": true }] }),
                ("/emails/0/primary", json!(false)),
            ),
            (
                json!({ "op": "add", "path": format!("{ENTERPRISE}:department"), "value": "R&D" }),
                (
                    "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department",
                    json!("R&D"),
                ),
            ),
            (json!({ "op": "remove", "path": "nickName" }), ("/nickName", Value::Null)),
            (json!({ "op": "replace", "path": "title", "value": null }), ("/title", Value::Null)),
        ] {
            let message = json!({ "Operations": [operation] });
            let after = patched(Resource::User, &ana(), &message);
            let after = after.unwrap_or_else(|no| panic!("{operation}: {no}"));
            let (place, value) = expected;
            assert_eq!(after.pointer(place).unwrap_or(&Value::Null), &value, "{operation}: {after}");
        }
    }

    #[test]
    fn members_come_and_go() {
        let group = json!({ "displayName": "crew", "members": [{ "value": "1" }, { "value": "2" }] });
        for (operation, members) in [
            (json!({ "op": "add", "path": "members", "value": [{ "value": "3" }, { "value": "1" }] }), "123"),
            (json!({ "op": "remove", "path": r#"members[value eq "1"]"# }), "2"),
            (json!({ "op": "Remove", "path": "members", "value": [{ "value": "2" }] }), "1"),
            (json!({ "op": "remove", "path": "members" }), ""),
            (json!({ "op": "replace", "path": "members", "value": [{ "value": "9" }] }), "9"),
        ] {
            let message = json!({ "Operations": [operation] });
            let after = patched(Resource::Group, &group, &message).unwrap();
            let left = after["members"].as_array().into_iter().flatten();
            let left: String = left.map(|it| it["value"].as_str().unwrap()).collect();
            assert_eq!(left, members, "{operation}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_its_kind() {
        for (operation, kind) in [
            (json!({ "op": "remove" }), Bad::NoTarget),
            (json!({ "op": "paint", "path": "title" }), Bad::InvalidSyntax),
            (json!({ "op": "replace", "path": "id", "value": "7" }), Bad::Mutability),
            (json!({ "op": "replace", "path": "shoeSize", "value": 38 }), Bad::InvalidPath),
            (json!({ "op": "replace", "path": "title[", "value": "x" }), Bad::InvalidFilter),
            (json!({ "op": "replace", "path": "active", "value": 7 }), Bad::InvalidValue),
            (json!({ "op": "remove", "path": "userName" }), Bad::InvalidValue),
            (json!({ "op": "remove", "path": r#"emails[type eq "none"]"# }), Bad::NoTarget),
        ] {
            let message = json!({ "Operations": [operation] });
            let no = patched(Resource::User, &ana(), &message).unwrap_err();
            assert_eq!(no.kind, Some(kind), "{operation}: {no}");
        }
    }

    proptest! {
        #[test]
        fn no_path_breaks_the_reader(path in "\\PC{0,60}", value in "[a-z]{0,5}") {
            let operation = json!({ "op": "add", "path": path, "value": value });
            let _ = patched(Resource::User, &ana(), &json!({ "Operations": [operation] }));
        }

        #[test]
        fn adding_twice_is_adding_once(kind in "[a-z]{1,3}", address in "[a-z]{1,3}@x") {
            let operation = json!({
                "op": "add",
                "path": "emails",
                "value": [{ "type": kind, "value": address }],
            });
            let message = json!({ "Operations": [operation] });
            let once = patched(Resource::User, &ana(), &message).unwrap();
            prop_assert_eq!(patched(Resource::User, &once, &message).unwrap(), once);
        }
    }

    fn ana() -> Value {
        json!({
            "userName": "ana",
            "nickName": "Annie",
            "title": "Dr",
            "emails": [{ "value": "ana@acme.com", "type": "work", "primary": true }],
        })
    }
}
