//! What an event says, as JSON for people: personal data in clear, or `[erased]`.

use domain::kernel::{ERASED, Person, Recorded};
use serde_json::{Map, Value};

/// The payload of an event. Where a personal value was, only the value stands.
pub fn details(recorded: &Recorded) -> Value {
    let payload = recorded.event.payload().ok();
    let payload = payload.and_then(|payload| serde_json::from_str(payload.get()).ok());
    shown(payload.unwrap_or(Value::Null))
}

/// The same for JSON at hand.
pub fn shown(value: Value) -> Value {
    match value {
        Value::Array(all) => all.into_iter().map(shown).collect(),
        Value::Object(mut fields) => {
            if is_personal(&fields) {
                return fields.remove("value").unwrap_or_else(|| ERASED.into());
            }
            fields.into_iter().map(|(name, value)| (name, shown(value))).collect()
        }
        plain => plain,
    }
}

/// `{"of": person, "value": …}`, or without the value where it was erased.
fn is_personal(fields: &Map<String, Value>) -> bool {
    let of = fields.get("of").and_then(Value::as_str);
    let named = of.is_some_and(|of| of.parse::<Person>().is_ok());
    named && (fields.len() == 1 || fields.len() == 2 && fields.contains_key("value"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn personal_values_stand_for_themselves() {
        let given = json!({
            "reason": { "of": "discord:7", "value": "bored" },
            "names": [{ "of": "user:ana" }, { "of": "user:ben", "value": { "of": "x" } }],
            "kind": { "rolled_back": { "of": null } },
            "length": 3,
        });
        let expected = json!({
            "reason": "bored",
            "names": ["[erased]", { "of": "x" }],
            "kind": { "rolled_back": { "of": null } },
            "length": 3,
        });
        assert_eq!(shown(given), expected);
    }
}
