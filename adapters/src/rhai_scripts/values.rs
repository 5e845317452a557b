//! What scripts see, as values of their language. Ids are texts, because they are too large for
//! some readers of numbers; times are texts too (RFC 3339) and seconds since 1970.

use chrono::{DateTime, SecondsFormat, Utc};
use commands::ports::{Described, Line, Occasion};
use domain::behaviors::Action;
use rhai::{Dynamic, Map};
use serde_json::Value;

pub(super) fn of_occasion(occasion: &Occasion) -> Dynamic {
    let mut map = Map::new();
    let mut put = |name: &str, value: Dynamic| map.insert(name.into(), value);
    put("what", occasion.what.clone().into());
    put("at", time(occasion.at).into());
    put("at_s", occasion.at.timestamp().into());
    put("guild", id(occasion.guild));
    put("channel", id(occasion.channel));
    put("user", occasion.user.as_ref().map_or(Dynamic::UNIT, |it| of_json(it.seen())));
    put("message", id(occasion.message));
    put("reply_to", id(occasion.reply_to));
    put("text", occasion.text.clone().into());
    put("args", occasion.args.clone().into());
    put("options", of_json(Value::Object(occasion.options.clone())));
    put("emoji", occasion.emoji.clone().into());
    put("history", occasion.history.iter().map(of_line).collect::<Vec<_>>().into());
    put("stats", of_json(Value::Object(occasion.stats.clone())));
    put("latency_ms", whole(occasion.latency_ms));
    map.into()
}

fn of_line(line: &Line) -> Dynamic {
    let mut map = Map::new();
    let mut put = |name: &str, value: Dynamic| map.insert(name.into(), value);
    put("message", line.message.to_string().into());
    put("user", line.user.to_string().into());
    put("name", line.name.clone().into());
    put("text", line.text.clone().into());
    put("at", time(line.at).into());
    put("at_s", line.at.timestamp().into());
    map.into()
}

pub(super) fn of_described(command: &Described) -> Dynamic {
    let Described { kind, name, description } = command;
    let entry = |name: &str, value: &str| (name.into(), value.to_owned().into());
    let entries = [entry("kind", kind), entry("name", name), entry("description", description)];
    Map::from(entries).into()
}

/// An action as a test looks at it.
pub(super) fn of_action(action: &Action) -> Dynamic {
    serde_json::to_value(action).map_or(Dynamic::UNIT, of_json)
}

pub(super) fn of_json(value: Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(value) => value.into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(part)) => part.into(),
            (None, None) => Dynamic::UNIT,
        },
        Value::String(text) => text.into(),
        Value::Array(list) => list.into_iter().map(of_json).collect::<Vec<_>>().into(),
        Value::Object(map) => {
            let entries = map.into_iter().map(|(name, value)| (name.into(), of_json(value)));
            entries.collect::<Map>().into()
        }
    }
}

fn id(id: Option<impl ToString>) -> Dynamic {
    id.map_or(Dynamic::UNIT, |id| id.to_string().into())
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn whole(number: u64) -> Dynamic {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}
