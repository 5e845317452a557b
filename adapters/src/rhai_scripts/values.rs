//! What scripts see, as values of their language. Ids are texts, because they are too large for
//! some readers of numbers; times are texts too (RFC 3339) and seconds since 1970.

use std::cell::RefCell;

use chrono::{DateTime, SecondsFormat, Utc};
use commands::ports::{Described, Line, Occasion};
use domain::behaviors::Action;
use rhai::{Dynamic, Map};
use serde_json::Value;

thread_local! {
    /// What the last event on this thread was made of, and what it looks like. One event calls many
    /// scripts one after another, and to build this costs more than a short script.
    static LAST: RefCell<Option<(Occasion, Map)>> = const { RefCell::new(None) };
}

pub(super) fn of_occasion(occasion: &Occasion) -> Dynamic {
    let mut map = LAST.with_borrow_mut(|last| {
        if let Some((before, map)) = last
            && looks_alike(before, occasion)
        {
            return map.clone();
        }
        let map = of_event(occasion);
        let (history, stats) = (Vec::new(), serde_json::Map::new());
        let (args, options, text) = (String::new(), stats.clone(), occasion.text.clone());
        let what = String::new();
        let kept = Occasion {
            what,
            args,
            options,
            text,
            history,
            stats,
            emoji: occasion.emoji.clone(),
            user: occasion.user.clone(),
            ..*occasion
        };
        *last = Some((kept, map.clone()));
        map
    });
    let mut put = |name: &str, value: Dynamic| {
        map.insert(name.into(), value);
    };
    put("what", occasion.what.clone().into());
    // The others are there, empty.
    if !occasion.args.is_empty() {
        put("args", occasion.args.clone().into());
    }
    if !occasion.options.is_empty() {
        put("options", of_object(&occasion.options));
    }
    if !occasion.history.is_empty() {
        put("history", Dynamic::from_array(occasion.history.iter().map(of_line).collect()));
    }
    if !occasion.stats.is_empty() {
        put("stats", of_object(&occasion.stats));
    }
    Dynamic::from_map(map)
}

/// Whether the parts look the same that do not depend on which script is called.
fn looks_alike(one: &Occasion, other: &Occasion) -> bool {
    one.at == other.at
        && one.message == other.message
        && one.channel == other.channel
        && one.guild == other.guild
        && one.reply_to == other.reply_to
        && one.latency_ms == other.latency_ms
        && one.text == other.text
        && one.emoji == other.emoji
        && one.user == other.user
}

/// What does not depend on which script is called, and nothing for what does.
fn of_event(occasion: &Occasion) -> Map {
    let mut map = Map::new();
    let mut put = |name: &str, value: Dynamic| map.insert(name.into(), value);
    put("at", time(occasion.at).into());
    put("at_s", occasion.at.timestamp().into());
    put("guild", id(occasion.guild));
    put("channel", id(occasion.channel));
    put("user", occasion.user.as_ref().map_or(Dynamic::UNIT, |it| of_json(it.seen())));
    put("message", id(occasion.message));
    put("reply_to", id(occasion.reply_to));
    put("text", occasion.text.clone().into());
    put("emoji", occasion.emoji.clone().into());
    put("latency_ms", whole(occasion.latency_ms));
    put("what", Dynamic::UNIT);
    put("args", String::new().into());
    put("options", Dynamic::from_map(Map::new()));
    put("history", Dynamic::from_array(Vec::new()));
    put("stats", Dynamic::from_map(Map::new()));
    map
}

fn of_object(object: &serde_json::Map<String, Value>) -> Dynamic {
    of_json(Value::Object(object.clone()))
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
    Dynamic::from_map(map)
}

pub(super) fn of_described(command: &Described) -> Dynamic {
    let Described { kind, name, description } = command;
    let entry = |name: &str, value: &str| (name.into(), value.to_owned().into());
    let entries = [entry("kind", kind), entry("name", name), entry("description", description)];
    Dynamic::from_map(Map::from(entries))
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
        Value::Array(list) => Dynamic::from_array(list.into_iter().map(of_json).collect()),
        Value::Object(map) => {
            let entries = map.into_iter().map(|(name, value)| (name.into(), of_json(value)));
            Dynamic::from_map(entries.collect())
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
