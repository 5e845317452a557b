//! Holds a value against the schema the OpenAPI document promises for it, and names every field
//! that breaks the promise.

use serde_json::{Map, Value};

use crate::error::Fault;

/// So many faults are named, no more.
const MAX_FAULTS: usize = 20;

/// The schemas of the document, by name.
pub(crate) type Schemas = Map<String, Value>;

/// What is wrong with a value; `field` says where it stands.
pub(crate) fn faults(schemas: &Schemas, schema: &Value, field: &str, value: &Value) -> Vec<Fault> {
    let mut check = Check { schemas, found: Vec::new() };
    check.value(schema, field, value);
    check.found.truncate(MAX_FAULTS);
    check.found
}

/// A parameter as the schema's type; none when it is not of that type.
pub(crate) fn parameter(schema: &Value, text: &str) -> Option<Value> {
    match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => text.parse().ok().map(Value::Bool),
        Some("integer") => {
            let number = text.parse::<u64>().map(Value::from);
            number.or_else(|_| text.parse::<i64>().map(Value::from)).ok()
        }
        Some("number") => text.parse::<f64>().ok().filter(|it| it.is_finite()).map(Value::from),
        _ => Some(Value::from(text)),
    }
}

struct Check<'a> {
    schemas: &'a Schemas,
    found: Vec<Fault>,
}

impl Check<'_> {
    fn fault(&mut self, field: &str, reason: impl Into<String>) {
        let field = if field.is_empty() { "body" } else { field };
        self.found.push(Fault { field: field.to_owned(), reason: reason.into() });
    }

    fn value(&mut self, schema: &Value, field: &str, value: &Value) {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let name = name.rsplit('/').next().unwrap_or(name);
            if let Some(schema) = self.schemas.get(name) {
                self.value(schema, field, value);
            }
            return;
        }
        if value.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
            return;
        }
        for part in array(schema, "allOf") {
            self.value(part, field, value);
        }
        let choices: Vec<_> = array(schema, "oneOf").chain(array(schema, "anyOf")).collect();
        if !choices.is_empty() {
            let fits = |choice: &&Value| faults(self.schemas, choice, field, value).is_empty();
            if !choices.iter().any(fits) {
                self.fault(field, "has none of the forms it may have");
            }
            return;
        }
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
            && !allowed.contains(value)
        {
            let names: Vec<_> = allowed.iter().map(|it| it.to_string().replace('"', "")).collect();
            self.fault(field, format!("must be one of {}", names.join(", ")));
            return;
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("array") => self.array(schema, field, value),
            Some("boolean") if !value.is_boolean() => self.fault(field, "must be true or false"),
            Some("integer") if !is_integer(value) => self.fault(field, "must be an integer"),
            Some("integer" | "number") => self.number(schema, field, value),
            Some("object") => self.object(schema, field, value),
            Some("string") => self.string(schema, field, value),
            _ => {}
        }
    }

    fn array(&mut self, schema: &Value, field: &str, value: &Value) {
        let Some(items) = value.as_array() else {
            return self.fault(field, "must be a list");
        };
        let count = items.len() as u64;
        if let Some(least) = number(schema, "minItems").filter(|least| count < *least) {
            self.fault(field, format!("must have at least {least} entries"));
        }
        if let Some(most) = number(schema, "maxItems").filter(|most| count > *most) {
            self.fault(field, format!("must have at most {most} entries"));
        }
        if let Some(inner) = schema.get("items") {
            for (index, item) in items.iter().enumerate() {
                if self.found.len() >= MAX_FAULTS {
                    return;
                }
                self.value(inner, &format!("{field}[{index}]"), item);
            }
        }
    }

    fn number(&mut self, schema: &Value, field: &str, value: &Value) {
        let Some(number) = value.as_f64() else {
            return self.fault(field, "must be a number");
        };
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        if let Some(least) = bound("minimum").filter(|least| number < *least) {
            self.fault(field, format!("must be at least {least}"));
        }
        if let Some(most) = bound("maximum").filter(|most| number > *most) {
            self.fault(field, format!("must be at most {most}"));
        }
    }

    fn object(&mut self, schema: &Value, field: &str, value: &Value) {
        let Some(object) = value.as_object() else {
            return self.fault(field, "must be an object");
        };
        let at = |name: &str| match field {
            "" => name.to_owned(),
            field => format!("{field}.{name}"),
        };
        let properties = schema.get("properties").and_then(Value::as_object);
        if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
            let known = |name: &&String| properties.is_some_and(|it| it.contains_key(*name));
            for unknown in object.keys().filter(|name| !known(name)) {
                self.fault(&at(unknown), "unknown field");
            }
        }
        for name in array(schema, "required").filter_map(Value::as_str) {
            if !object.contains_key(name) {
                self.fault(&at(name), "is required");
            }
        }
        for (name, schema) in properties.into_iter().flatten() {
            if let Some(value) = object.get(name) {
                self.value(schema, &at(name), value);
            }
        }
    }

    fn string(&mut self, schema: &Value, field: &str, value: &Value) {
        let Some(text) = value.as_str() else {
            return self.fault(field, "must be a string");
        };
        if text.contains('\0') {
            self.fault(field, "must not hold the character U+0000");
        }
        let length = text.chars().count() as u64;
        if let Some(least) = number(schema, "minLength").filter(|least| length < *least) {
            self.fault(field, format!("must have at least {least} characters"));
        }
        if let Some(most) = number(schema, "maxLength").filter(|most| length > *most) {
            self.fault(field, format!("must have at most {most} characters"));
        }
        match schema.get("format").and_then(Value::as_str) {
            Some("uuid") if text.parse::<uuid::Uuid>().is_err() => {
                self.fault(field, "must be a UUID");
            }
            Some("date-time") if chrono::DateTime::parse_from_rfc3339(text).is_err() => {
                self.fault(field, "must be a time as RFC 3339 writes it");
            }
            _ => {}
        }
    }
}

fn is_integer(value: &Value) -> bool {
    value.is_u64() || value.is_i64()
}

fn number(schema: &Value, name: &str) -> Option<u64> {
    schema.get(name).and_then(Value::as_u64)
}

fn array<'a>(schema: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    schema.get(name).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_fault_is_named_with_its_place() {
        let inner = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["path"],
            "properties": { "path": { "type": "string", "maxLength": 3 } },
        });
        let schemas = Schemas::from_iter([("File".to_owned(), inner)]);
        let schema = json!({
            "type": "object",
            "properties": {
                "files": { "type": "array", "items": { "$ref": "#/components/schemas/File" } },
                "scope": { "type": "string", "enum": ["features", "security"] },
            },
        });
        let value = json!({ "files": [{ "path": "long" }, { "oath": 1 }], "scope": "all" });
        let found = faults(&schemas, &schema, "", &value);
        let found: Vec<_> =
            found.iter().map(|it| (it.field.as_str(), it.reason.as_str())).collect();
        let expected = [
            ("files[0].path", "must have at most 3 characters"),
            ("files[1].oath", "unknown field"),
            ("files[1].path", "is required"),
            ("scope", "must be one of features, security"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn parameters_are_read_as_their_type() {
        let integer = json!({ "type": "integer" });
        assert_eq!(parameter(&integer, "-3"), Some(json!(-3)));
        assert_eq!(parameter(&integer, "3.5"), None);
        assert_eq!(parameter(&json!({ "type": "boolean" }), "yes"), None);
        assert_eq!(parameter(&json!({ "type": "string" }), "yes"), Some(json!("yes")));
    }
}
