//! Messages that behaviors want written: in pieces if they are long, each one once.

use chrono::TimeDelta;
use domain::behaviors::BehaviorEvent as Did;
use domain::kernel::{ChannelId, DiscordUserId, Event, Expected, MessageId, Outcome, Recorded};
use uuid::Uuid;

use super::{PerformActions, refused, unknown};
use crate::conversation::pieces;
use crate::ports::{Act, Post, TryLater};

/// Discord knows the nonces of what was asked for lately, so nothing is taken for another.
pub(super) const LATELY: TimeDelta = TimeDelta::minutes(1);

/// How many commits of a behavior are searched for what it wrote since.
const SEARCHED: usize = 1_000;

/// A message that a behavior wants written.
pub(super) struct Letter<'a> {
    pub(super) channel: ChannelId,
    pub(super) text: &'a str,
    pub(super) reply_to: Option<MessageId>,
    pub(super) pings: Option<DiscordUserId>,
    /// What the bot puts under it.
    pub(super) reactions: &'a [String],
}

/// What became of an action.
pub(super) struct Done {
    pub(super) outcome: Outcome,
    /// It was so before.
    pub(super) already: bool,
    /// The messages after the first one.
    pub(super) also: Vec<MessageId>,
    /// What did not work of what was delivered.
    pub(super) trouble: Option<String>,
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, already: false, also: Vec::new(), trouble: None }
    }
}

impl PerformActions {
    /// Writes a message. What stands there is told also where the rest did not work, so that it can
    /// be taken back. A repeat finds those that are there.
    pub(super) async fn write(
        &self,
        recorded: &Recorded,
        call: Uuid,
        place: u32,
        letter: Letter<'_>,
    ) -> Result<Done, TryLater> {
        let Letter { channel, text, reply_to, pings, reactions } = letter;
        let mut taken = self.written_since(recorded, call, place).await?;
        let (mut first, mut also, mut trouble) = (None, Vec::new(), None);
        for (number, text) in pieces(text).into_iter().enumerate() {
            let nonce = nonce(recorded.id, place, number);
            let (not_before, known) = (recorded.recorded_at, taken.clone());
            let post = Post { channel, text, reply_to, pings, nonce, not_before, taken: known };
            match self.discord.post(&post).await? {
                Outcome::Delivered { outside_id } => {
                    let message = outside_id.parse::<MessageId>().ok();
                    taken.extend(message);
                    if first.is_some() {
                        also.extend(message);
                    } else {
                        first = Some(outside_id);
                    }
                }
                ended if first.is_none() => return Ok(ended.into()),
                Outcome::Failed { reason } | Outcome::Unknown { reason } => {
                    trouble = Some(format!("message {} of it: {reason}", number + 1));
                    break;
                }
            }
        }
        let Some(outside_id) = first else { return Ok(refused("the text is empty").into()) };
        for emoji in reactions {
            let Ok(message) = outside_id.parse() else { break };
            let act = Act::React { channel, message, emoji: emoji.clone() };
            if let Outcome::Failed { reason } = self.discord.act(&act, "").await? {
                let words = format!("the reaction {emoji}: {reason}");
                trouble = Some(match trouble {
                    None => words,
                    Some(before) => format!("{before}; {words}"),
                });
            }
        }
        let outcome = Outcome::Delivered { outside_id };
        Ok(Done { outcome, already: false, also, trouble })
    }

    /// The messages that the behavior wrote since, for other actions: what is looked for late is
    /// none of them.
    async fn written_since(
        &self,
        recorded: &Recorded,
        call: Uuid,
        place: u32,
    ) -> Result<Vec<MessageId>, TryLater> {
        let journal = &self.behaviors.journal;
        if journal.clock().now() - recorded.recorded_at < LATELY {
            return Ok(Vec::new());
        }
        let (version, position) = (recorded.version, recorded.position);
        let after = Expected::Exact { version, position };
        let page = journal.read_stream(&recorded.stream, after, SEARCHED).await;
        let page = page.map_err(|error| unknown(error.into()))?;
        let mut written = Vec::new();
        for it in page {
            let Event::Behavior(_, Did::ActionSettled { call: of, action, outcome, also, .. }) =
                it.event
            else {
                continue;
            };
            if (of, action) == (call, place) {
                continue;
            }
            if let Outcome::Delivered { outside_id } = outcome {
                written.extend(outside_id.parse::<MessageId>().ok());
            }
            written.extend(also);
        }
        Ok(written)
    }
}

/// 24 characters that name one message of one action.
fn nonce(event: Uuid, place: u32, piece: usize) -> String {
    let mut name = blake3::Hasher::new();
    name.update(event.as_bytes()).update(&place.to_be_bytes()).update(&piece.to_be_bytes());
    name.finalize().to_hex()[..24].to_owned()
}
