//! Looks for a message that may have been sent long ago, and remembers which message is which.
//!
//! Two messages may say the same: the time of what asks for one, and whose the others are, tell
//! them apart.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use commands::ports::{Post, TryLater};
use domain::kernel::MessageId;
use serde_json::Value;

use super::{DiscordRest, Sent, text};

/// How many messages one look takes, and how many looks are worth it.
const PAGE: usize = 100;
const PAGES: usize = 5;

/// How far Discord's clock may be behind ours. To look at too much costs little, as what is known
/// to be another message is left out; to look at too little sends something twice.
const SKEW: TimeDelta = TimeDelta::seconds(5);

/// The first millisecond of 2015, from which the times in ids count.
const EPOCH_MS: i64 = 1_420_070_400_000;

/// How many messages are remembered.
const REMEMBERED: usize = 4_096;

/// What a look into a channel showed.
pub(super) enum Seen {
    /// The message is there.
    There(MessageId),
    /// It is certainly not there.
    Missing,
    /// Discord does not let us look, or there is too much to look through.
    Hidden(String),
}

/// The nonces of the messages that this process sent or found.
#[derive(Default)]
pub(super) struct Known(Mutex<BTreeMap<MessageId, String>>);

impl Known {
    pub(super) fn keep(&self, message: MessageId, nonce: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(message, nonce.to_owned());
        if known.len() > REMEMBERED {
            known.pop_first();
        }
    }

    /// The message with this nonce.
    pub(super) fn find(&self, nonce: &str) -> Option<MessageId> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(_, it)| *it == nonce).map(|(message, _)| *message)
    }

    /// Whether a message is known to be another one.
    fn is_other(&self, message: MessageId, nonce: &str) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&message).is_some_and(|it| it != nonce)
    }
}

impl DiscordRest {
    /// Looks for the message among those that were sent since it was asked for.
    pub(super) async fn look(&self, post: &Post) -> Result<Seen, TryLater> {
        let later = |reason| TryLater { reason, after: None };
        let own = match self.own_id().await {
            Sent::Answer(own) => own,
            Sent::Later(later) => return Err(later),
            Sent::Refused(reason, _) => return Ok(Seen::Hidden(reason)),
            Sent::Unclear(reason) => return Err(later(reason)),
        };
        let is_free =
            |id: &MessageId| !post.taken.contains(id) && !self.known.is_other(*id, &post.nonce);
        let url = format!("{}/channels/{}/messages?limit={PAGE}", self.base, post.channel);
        let mut after = beginning(post);
        for _ in 0..PAGES {
            let request = self.client.get(format!("{url}&after={after}"));
            let page = match self.ask(request, Some(post.channel)).await {
                Sent::Answer(page) => page,
                Sent::Later(later) => return Err(later),
                Sent::Refused(reason, _) => return Ok(Seen::Hidden(reason)),
                Sent::Unclear(reason) => return Err(later(reason)),
            };
            let Some(page) = page.as_array() else {
                return Err(later("Discord answered something else than messages".to_owned()));
            };
            let equal = page.iter().filter(|it| is(it, post, &own)).filter_map(id);
            // Equal ones were sent in order.
            if let Some(found) = equal.filter(is_free).min() {
                return Ok(Seen::There(found));
            }
            match page.iter().filter_map(id).max() {
                Some(newest) if page.len() >= PAGE => after = newest,
                _ => return Ok(Seen::Missing),
            }
        }
        Ok(Seen::Hidden("too much was said since to find the message among it".to_owned()))
    }
}

/// What comes after this id may be the message: ids carry the time.
fn beginning(post: &Post) -> MessageId {
    let millis = (post.not_before - SKEW).timestamp_millis() - EPOCH_MS;
    let asked = MessageId(u64::try_from(millis).unwrap_or_default() << 22);
    post.reply_to.map_or(asked, |to| to.max(asked))
}

/// Whether this message of the channel says what we sent, where we sent it.
fn is(message: &Value, post: &Post, own: &Value) -> bool {
    // What was said to a slash command went another way.
    if message["author"]["id"] != *own || !message["webhook_id"].is_null() {
        return false;
    }
    if let Some(nonce) = message["nonce"].as_str() {
        return nonce == post.nonce;
    }
    let answers = text(&message["message_reference"]["message_id"]);
    // The message it answers may be gone: Discord then shows no reference.
    let same_place =
        answers.is_empty() || post.reply_to.is_some_and(|to| answers == to.to_string());
    // Discord strips white space at the ends.
    same_place && text(&message["content"]).trim() == post.text.trim()
}

fn id(message: &Value) -> Option<MessageId> {
    text(&message["id"]).parse().ok()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use domain::discord::happened_at;
    use domain::kernel::ChannelId;

    use super::*;

    #[test]
    fn what_was_there_before_it_was_asked_for_is_not_looked_at() {
        let asked: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
        let post = Post {
            channel: ChannelId(1),
            text: "Pong".to_owned(),
            reply_to: None,
            pings: None,
            nonce: "n".to_owned(),
            not_before: asked,
            taken: Vec::new(),
        };
        assert_eq!(happened_at(beginning(&post)), asked - SKEW);
        let to = MessageId(beginning(&post).0 + 1);
        assert_eq!(beginning(&Post { reply_to: Some(to), ..post.clone() }), to);
        assert_eq!(beginning(&Post { not_before: DateTime::UNIX_EPOCH, ..post }), MessageId(0));
    }

    #[test]
    fn a_message_belongs_to_one_nonce_and_the_oldest_are_forgotten() {
        let known = Known::default();
        known.keep(MessageId(1), "one");
        assert!(known.is_other(MessageId(1), "two") && !known.is_other(MessageId(1), "one"));
        assert!(!known.is_other(MessageId(2), "two"));
        assert_eq!((known.find("one"), known.find("two")), (Some(MessageId(1)), None));
        for id in 2..=u64::try_from(REMEMBERED).unwrap() + 1 {
            known.keep(MessageId(id), "more");
        }
        assert_eq!(known.find("one"), None);
    }
}
