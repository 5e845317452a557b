//! The elements of lists: found by filters, added once, one of them primary.

use std::collections::{HashMap, HashSet};

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
        add_all(list, vec![made]);
        return Ok(());
    }
    let mut primary = None;
    for index in found {
        put(&mut elements[index], part, value.clone());
        if elements[index]["primary"] == true {
            primary = Some(index);
        }
    }
    if let Some(chosen) = primary {
        only_primary(elements, chosen);
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

/// Adds the elements that are not there yet; of new primary ones the last is the only one.
pub(super) fn add_all(list: &mut Value, more: Vec<Value>) {
    let Value::Array(elements) = list else { return };
    let mut known = Known::of(elements);
    let mut primary = None;
    for element in more {
        if known.has(&element) {
            continue;
        }
        known.keep(&element);
        if element["primary"] == true {
            primary = Some(elements.len());
        }
        elements.push(element);
    }
    if let Some(chosen) = primary {
        only_primary(elements, chosen);
    }
}

fn only_primary(elements: &mut [Value], chosen: usize) {
    for (index, element) in elements.iter_mut().enumerate() {
        if index != chosen && element["primary"] == true {
            element["primary"] = json!(false);
        }
    }
}

/// Elements by what makes them the same: their values and their types, where both have one. So a hundred thousand
/// are told from as many others without comparing each with each.
#[derive(Default)]
pub(super) struct Known(HashMap<String, HashSet<Option<String>>>);

impl Known {
    pub(super) fn of(elements: &[Value]) -> Self {
        let mut known = Self::default();
        for element in elements {
            known.keep(element);
        }
        known
    }

    fn keep(&mut self, element: &Value) {
        let (value, kind) = signs(element);
        self.0.entry(value).or_default().insert(kind);
    }

    pub(super) fn has(&self, element: &Value) -> bool {
        let (value, kind) = signs(element);
        let kinds = self.0.get(&value);
        kinds.is_some_and(|it| kind.is_none() || it.contains(&None) || it.contains(&kind))
    }
}

/// The value and the type; without a value, the whole element.
fn signs(element: &Value) -> (String, Option<String>) {
    match element.get("value") {
        Some(value) => (format!("={value}"), element.get("type").map(Value::to_string)),
        None => (element.to_string(), None),
    }
}
