//! An event of the log in the form of CloudEvents 1.0.

use domain::kernel::Recorded;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::request;

/// The CloudEvent, its payload open. Names of our own follow the rule for extensions: lower case
/// letters and digits.
pub(crate) fn of(recorded: &Recorded) -> Result<Map<String, Value>, ApiError> {
    let data = recorded.event.payload().map_err(|error| ApiError::internal(&error))?;
    let data: Value = serde_json::from_str(data.get()).map_err(|it| ApiError::internal(&it))?;
    let Recorded { position, index, version, actor, .. } = recorded;
    let mut event = json!({
        "specversion": "1.0",
        "id": recorded.id,
        "source": "/palimpsest",
        "type": recorded.event.type_name(),
        "subject": recorded.stream.as_str(),
        "time": request::shown(recorded.occurred_at),
        "datacontenttype": "application/json",
        "data": data,
        "position": position,
        "index": index,
        "version": version,
        "recordedtime": request::shown(recorded.recorded_at),
        "actorkind": actor.kind.as_ref(),
        "actorid": actor.id,
        "command": recorded.command,
        "correlationid": recorded.correlation,
        "door": recorded.source.as_ref(),
    });
    if let Some((position, index)) = recorded.causation {
        event["causation"] = json!(format!("{position}.{index}"));
    }
    match event {
        Value::Object(event) => Ok(event),
        _ => Ok(Map::new()),
    }
}
