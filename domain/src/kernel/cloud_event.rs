//! Events and commits in the form of `CloudEvents` 1.0 (<https://cloudevents.io>), for people and
//! other programs.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ChainHash, Codec, ERASED, OpenFailure, Recorded, StoredCommit};

/// The `source` of everything that comes from this log; tenants will be further ones.
const SOURCE: &str = "/palimpsest/main";

/// The `type` of a whole commit.
const COMMIT: &str = "palimpsest.commit";

impl Recorded {
    /// The event as one `CloudEvent`, personal data in clear or `[erased]`.
    pub fn to_cloud_event(&self) -> Value {
        let mut event = json!({
            "specversion": "1.0",
            "id": self.id,
            "source": SOURCE,
            "type": self.event.type_name(),
            "subject": self.stream.as_str(),
            "time": time(self.occurred_at),
            "datacontenttype": "application/json",
            "position": self.position,
            "index": self.index,
            "version": self.version,
            "recordedtime": time(self.recorded_at),
            "actorkind": self.actor.kind,
            "actorid": self.actor.id,
            "commandid": self.command,
            "correlationid": self.correlation,
            "door": self.source,
            "data": self.details(),
        });
        if let Some((position, index)) = self.causation {
            event["causationid"] = json!(format!("{position}.{index}"));
        }
        event
    }

    /// The payload as people see it: personal values in clear, or `[erased]`.
    pub fn details(&self) -> Value {
        let payload = self.event.payload().and_then(|raw| serde_json::from_str(raw.get()));
        shown(payload.unwrap_or(Value::Null))
    }
}

/// Personal values, which carry whose they are, become just the value.
fn shown(value: Value) -> Value {
    match value {
        Value::Object(mut fields) => {
            let personal = fields
                .get("of")
                .and_then(Value::as_str)
                .is_some_and(|of| of.starts_with("discord:") || of.starts_with("user:"));
            match fields.len() {
                1 if personal => json!(ERASED),
                2 if personal && fields.contains_key("value") => {
                    fields.remove("value").unwrap_or_default()
                }
                _ => fields.into_iter().map(|(name, value)| (name, shown(value))).collect(),
            }
        }
        Value::Array(values) => values.into_iter().map(shown).collect(),
        other => other,
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A whole commit as one `CloudEvent` whose `data` are the stored bytes, personal data sealed.
#[derive(Debug, Serialize, Deserialize)]
pub struct CommitEvent<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    pub id: Uuid,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    pub subject: Cow<'a, str>,
    pub time: DateTime<Utc>,
    #[serde(borrow)]
    datacontenttype: Cow<'a, str>,
    pub position: u64,
    /// The chain's value after this commit.
    pub chain: ChainHash,
    #[serde(borrow)]
    pub data: Cow<'a, RawValue>,
}

impl<'a> CommitEvent<'a> {
    /// Wraps a stored commit. The chain is the value after it.
    pub fn of(commit: &'a StoredCommit, chain: ChainHash) -> Result<Self, OpenFailure> {
        let body = Codec::parse(commit)?;
        let unreadable = |error: serde_json::Error| OpenFailure {
            position: commit.position,
            index: None,
            reason: error.to_string(),
        };
        Ok(Self {
            specversion: "1.0".into(),
            id: body.id,
            source: SOURCE.into(),
            r#type: COMMIT.into(),
            subject: body.stream,
            time: body.recorded,
            datacontenttype: "application/json".into(),
            position: commit.position,
            chain,
            data: Cow::Borrowed(serde_json::from_slice(&commit.body).map_err(unreadable)?),
        })
    }

    /// Reads a line of an export.
    pub fn read(line: &'a str) -> Result<Self, String> {
        let event: Self = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if event.specversion != "1.0" || event.r#type != COMMIT {
            return Err(format!("a CloudEvent 1.0 of type {COMMIT} was expected"));
        }
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_values_are_shown_and_erased_ones_say_so() {
        let stored = json!({
            "content": { "of": "discord:1", "value": "hello" },
            "names": [{ "of": "user:a" }],
            "of": "things",
        });
        let people_see = json!({ "content": "hello", "names": ["[erased]"], "of": "things" });
        assert_eq!(shown(stored), people_see);
    }
}
