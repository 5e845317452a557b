//! When an answer is meant for Discord, send it there and record what became of it.

use std::sync::Arc;

use async_trait::async_trait;
use domain::conversation::{ConversationEvent, Outcome};
use domain::kernel::{Cause, Event, Recorded};

use super::Conversations;
use crate::ports::{Discord, Post};
use crate::{CommandError, Reactor, Setback};

/// The most characters of one Discord message.
const DISCORD_LIMIT: usize = 2_000;

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

        let post = Post {
            channel: deliver.channel,
            text: text.chars().take(DISCORD_LIMIT).collect(),
            reply_to: deliver.reply_to,
            nonce: nonce(recorded.id),
        };
        let outcome = self.discord.post(&post).await;
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

/// 24 characters that name an event: Discord sends the same nonce once, for some minutes.
fn nonce(event: uuid::Uuid) -> String {
    blake3::hash(event.as_bytes()).to_hex()[..24].to_owned()
}
