//! Events of older versions, brought to today's form as they are read; the log is never rewritten.

use serde_json::Value;

/// One step: events of this type and version become the next version.
pub(super) struct Upcaster {
    pub(super) event_type: &'static str,
    pub(super) from: u32,
    pub(super) step: fn(Value) -> Value,
}

/// Every step there is, by type and version. Today's version of a type is one more than its last
/// step; without a step it is 1.
pub(super) const STEPS: &[Upcaster] = &[];

/// An event of a version that this program does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{event_type} version {found} was written by a newer program; this one knows version {known}"
)]
pub struct UpcastError {
    pub event_type: String,
    pub found: u32,
    pub known: u32,
}

/// Today's version of an event type.
pub(super) fn current(steps: &[Upcaster], event_type: &str) -> u32 {
    let own = steps.iter().filter(|step| step.event_type == event_type);
    own.map(|step| step.from + 1).max().unwrap_or(1)
}

/// The payload in today's form; none when it has that form already.
pub(super) fn upcast(
    steps: &[Upcaster],
    event_type: &str,
    version: u32,
    data: impl FnOnce() -> serde_json::Result<Value>,
) -> Result<Option<Value>, UpcastError> {
    let known = current(steps, event_type);
    if version == known {
        return Ok(None);
    }
    let unknown = || UpcastError { event_type: event_type.to_owned(), found: version, known };
    if version > known || version == 0 {
        return Err(unknown());
    }
    let mut data = data().map_err(|_| unknown())?;
    for from in version..known {
        let step = steps.iter().find(|step| step.event_type == event_type && step.from == from);
        data = (step.ok_or_else(unknown)?.step)(data);
    }
    Ok(Some(data))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SAMPLE: &[Upcaster] = &[
        Upcaster { event_type: "edit.proposed", from: 1, step: |_| json!({ "two": true }) },
        Upcaster { event_type: "edit.proposed", from: 2, step: |old| json!({ "three": old }) },
    ];

    #[test]
    fn old_events_take_every_step() {
        let data = upcast(SAMPLE, "edit.proposed", 1, || Ok(json!({})));
        assert_eq!(data, Ok(Some(json!({ "three": { "two": true } }))));
    }

    #[test]
    fn events_of_today_are_left_alone() {
        assert_eq!(upcast(SAMPLE, "edit.proposed", 3, || Ok(json!({}))), Ok(None));
        assert_eq!(upcast(SAMPLE, "edit.applied", 1, || Ok(json!({}))), Ok(None));
    }

    #[test]
    fn events_of_tomorrow_are_refused() {
        let error = upcast(SAMPLE, "edit.applied", 2, || Ok(json!({}))).unwrap_err();
        assert_eq!((error.found, error.known), (2, 1));
    }
}
