//! Reading Discord's JSON with patience: ids come as text or as numbers, and what is absent, null
//! or of another kind reads as absent.

use chrono::{DateTime, Utc};
use domain::kernel::{ChannelId, DiscordUserId, GuildId, MessageId};
use serde_json::Value;

pub(crate) fn id(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64(),
        _ => None,
    }
    .filter(|id| *id > 0)
}

pub(crate) fn channel(value: &Value) -> Option<ChannelId> {
    id(value).map(ChannelId)
}

pub(crate) fn guild(value: &Value) -> Option<GuildId> {
    id(value).map(GuildId)
}

pub(crate) fn message(value: &Value) -> Option<MessageId> {
    id(value).map(MessageId)
}

pub(crate) fn user(value: &Value) -> Option<DiscordUserId> {
    id(value).map(DiscordUserId)
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(crate) fn number(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.parse().unwrap_or_default(),
        value => value.as_u64().unwrap_or_default(),
    }
}

pub(crate) fn truth(value: &Value) -> bool {
    value.as_bool().unwrap_or_default()
}

pub(crate) fn time(value: &Value) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|it| it.to_utc())
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// What a user is called: the name he chose to be shown, else the one he has.
pub(crate) fn name(user: &Value) -> String {
    let shown = user["global_name"].as_str().filter(|name| !name.is_empty());
    shown.unwrap_or_else(|| text(&user["username"])).to_owned()
}
