//! The elements of lists: found by filters, added once, one of them primary.

use serde_json::{Value, json};

use super::{Verb, entry, remove};
use crate::scim::error::{Kind as Bad, ScimError};
use crate::scim::filter::{Filter, Operator};
use crate::scim::schema::Attribute;

/// The elements of a list that a filter finds.
pub(super) fn in_list(
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
pub(super) fn add_to(list: &mut Value, element: Value) {
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
pub(super) fn is_same(one: &Value, other: &Value) -> bool {
    let (Some(value), Some(others)) = (one.get("value"), other.get("value")) else {
        return one == other;
    };
    let (kind, others_kind) = (one.get("type"), other.get("type"));
    value == others && (kind.is_none() || others_kind.is_none() || kind == others_kind)
}
