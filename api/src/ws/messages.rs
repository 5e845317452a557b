//! The words of the WebSocket: what clients say, and what they are told.

use serde::Deserialize;
use serde_json::{Value, json};

/// What a client may say.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Said {
    /// Who it is; the first message of every client.
    Auth { token: String },
    /// Are you there?
    Ping,
    /// What it wants to hear of; without lists, of everything.
    Subscribe {
        /// Types of events, as `edit.applied`, `edit.*` or `*`.
        #[serde(default)]
        events: Option<Vec<String>>,
        /// Streams, as `edit.<id>`.
        #[serde(default)]
        streams: Option<Vec<String>>,
    },
}

/// What a client wants to hear of.
#[derive(Debug, Clone, Default)]
pub(super) struct Subscription {
    events: Option<Vec<String>>,
    streams: Option<Vec<String>>,
}

impl Subscription {
    pub(super) fn new(events: Option<Vec<String>>, streams: Option<Vec<String>>) -> Self {
        Self { events, streams }
    }

    /// Whether a message about this type and stream is wanted.
    pub(super) fn wants(&self, kind: &str, stream: &str) -> bool {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => kind.starts_with(start),
            None => pattern == kind,
        };
        let event = self.events.as_ref().is_none_or(|patterns| patterns.iter().any(fits));
        event && self.streams.as_ref().is_none_or(|streams| streams.iter().any(|it| it == stream))
    }
}

/// The client was let in.
pub(super) fn welcome(position: u64) -> String {
    json!({ "type": "auth.ok", "data": { "position": position } }).to_string()
}

/// The client said something that cannot be heeded.
pub(super) fn error(code: &str, message: &str) -> String {
    json!({ "type": "error", "error": { "code": code, "message": message } }).to_string()
}

/// Yes, we are there.
pub(super) fn pong() -> String {
    json!({ "type": "pong" }).to_string()
}

/// The subscription stands.
pub(super) fn subscribed(subscription: &Subscription) -> String {
    let Subscription { events, streams } = subscription;
    json!({ "type": "subscribed", "data": { "events": events, "streams": streams } }).to_string()
}

/// An event of the log.
pub(super) fn event(event: Value) -> String {
    json!({ "type": "event", "data": event }).to_string()
}

/// How the bot is now.
pub(super) fn bot_status(status: &str, timestamp: &str) -> String {
    json!({ "type": "bot.status", "data": { "status": status, "timestamp": timestamp } })
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_know_wildcards() {
        let edits = Subscription::new(Some(vec!["edit.*".into(), "bot.connected".into()]), None);
        assert!(edits.wants("edit.applied", "edit.1") && edits.wants("bot.connected", "bot.main"));
        assert!(!edits.wants("editor.opened", "editor.1") && !edits.wants("bot.gone", "bot.main"));
        let one = Subscription::new(None, Some(vec!["edit.1".into()]));
        assert!(one.wants("edit.applied", "edit.1") && !one.wants("edit.applied", "edit.2"));
    }

    #[test]
    fn only_known_words_are_understood() {
        let auth = Said::Auth { token: "t".into() };
        let said = serde_json::from_str::<Said>(r#"{"type":"auth","token":"t"}"#);
        assert!(said.is_ok_and(|it| it == auth));
        for odd in [r#"{"type":"auth"}"#, r#"{"type":"dance"}"#, "{}", "[]"] {
            assert!(serde_json::from_str::<Said>(odd).is_err(), "{odd}");
        }
    }
}
