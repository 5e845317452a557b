//! When an answer is meant for Discord, send it there and record what became of it.

use std::sync::Arc;

use async_trait::async_trait;
use domain::conversation::{ConversationEvent, Delivery};
use domain::kernel::{Cause, Event, Outcome, Recorded};
use uuid::Uuid;

use super::{Conversations, pieces};
use crate::ports::{Discord, Post, TryLater};
use crate::{CommandError, Reactor, Setback};

/// See the module.
pub struct DeliverAnswers {
    pub conversations: Conversations,
    pub discord: Arc<dyn Discord>,
}

#[async_trait]
impl Reactor for DeliverAnswers {
    fn name(&self) -> &'static str {
        "deliver_answers"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        matches!(
            &recorded.event,
            Event::Conversation(_, ConversationEvent::Answered { deliver: Some(_), .. })
        )
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        let Event::Conversation(
            id,
            ConversationEvent::Answered { answer, content, deliver: Some(deliver), .. },
        ) = &recorded.event
        else {
            return Ok(());
        };
        let Some(text) = content.clear() else { return Ok(()) };

        let outcome = self.send(recorded, deliver, pieces(text)).await;
        let outcome = outcome
            .map_err(|later| Setback::Retry { reason: later.to_string(), after: later.after })?;
        let cause = Cause::answering(recorded, self.name());
        self.conversations.settle(&cause, id, *answer, outcome).await?;
        Ok(())
    }

    async fn give_up(&self, recorded: &Recorded, reason: &str) -> Result<(), CommandError> {
        if let Event::Conversation(id, ConversationEvent::Answered { answer, .. }) = &recorded.event
        {
            let outcome = Outcome::Failed { reason: reason.to_owned() };
            let cause = Cause::answering(recorded, self.name());
            self.conversations.settle(&cause, id, *answer, outcome).await?;
        }
        Ok(())
    }
}

impl DeliverAnswers {
    /// Sends the pieces in order. A repeat finds those that are there; the outcome is that of the
    /// first one, or what ended it.
    async fn send(
        &self,
        event: &Recorded,
        to: &Delivery,
        pieces: Vec<String>,
    ) -> Result<Outcome, TryLater> {
        let mut first = None;
        for (number, text) in pieces.into_iter().enumerate() {
            let nonce = nonce(event.id, number);
            let (reply_to, pings) = (to.reply_to, None);
            let (not_before, taken) = (event.recorded_at, Vec::new());
            let channel = to.channel;
            let post = Post { channel, text, reply_to, pings, nonce, not_before, taken };
            match self.discord.post(&post).await? {
                Outcome::Delivered { outside_id } => {
                    first.get_or_insert(Outcome::Delivered { outside_id });
                }
                Outcome::Failed { reason } if number > 0 => {
                    let reason = format!("message {} of the answer: {reason}", number + 1);
                    return Ok(Outcome::Failed { reason });
                }
                ended @ (Outcome::Failed { .. } | Outcome::Unknown { .. }) => return Ok(ended),
            }
        }
        let empty = || Outcome::Failed { reason: "the answer is empty".to_owned() };
        Ok(first.unwrap_or_else(empty))
    }
}

/// 24 characters that name one message of an answer: Discord sends the same nonce once, for some
/// minutes.
fn nonce(event: Uuid, piece: usize) -> String {
    let mut name = blake3::Hasher::new();
    name.update(event.as_bytes());
    // The first one is named as before there were several.
    if piece > 0 {
        name.update(&piece.to_be_bytes());
    }
    name.finalize().to_hex()[..24].to_owned()
}
