//! When a message on Discord speaks to the bot, answer it.

use async_trait::async_trait;
use domain::conversation::Delivery;
use domain::discord::{ChannelEvent, Message, happened_at};
use domain::kernel::{Cause, ChannelId, ConversationId, Event, Recorded, Source};
use uuid::Uuid;

use super::{Conversations, Said};
use crate::behaviors::Registries;
use crate::{CommandError, Reactor, Setback};

/// Said when there is nothing to read: only a picture, or a sticker.
const NO_TEXT: &str = "I can only read text, and there is none in your message.";

/// Said when nothing helps.
const SORRY: &str = "I am sorry, I could not answer this. Please ask me again a little later.";

/// See the module.
pub struct AnswerMessages {
    pub conversations: Conversations,
    /// What calls a behavior by its prefix is that behavior's to answer.
    pub registries: Registries,
}

#[async_trait]
impl Reactor for AnswerMessages {
    fn name(&self) -> &'static str {
        "answer_messages"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        // What an import or a backfill brings is history: nobody waits for an answer any more.
        recorded.source == Source::Discord
            && matches!(&recorded.event, Event::Channel(_, ChannelEvent::MessageCreated(message))
                if message.to_bot && !message.bot)
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        let Event::Channel(channel, ChannelEvent::MessageCreated(message)) = &recorded.event else {
            return Ok(());
        };
        let Some(said) = said(*channel, message)? else { return Ok(()) };
        let registry = self.registries.at(recorded.position).await?;
        if registry.prefix_command(&said.text).is_some() {
            return Ok(());
        }
        let cause = Cause::answering(recorded, self.name());
        if said.text.trim().is_empty() {
            return Ok(self.conversations.excuse(&cause, said, NO_TEXT).await?);
        }
        if let Err(fast) = self.conversations.count(&said, happened_at(message.id)).await? {
            // Once; who goes on all the same hears nothing more.
            if fast.news {
                let words = CommandError::from(fast).to_string();
                self.conversations.excuse(&cause, said, &words).await?;
            }
            return Ok(());
        }
        self.conversations.exchange(&cause, said).await?;
        Ok(())
    }

    async fn give_up(&self, recorded: &Recorded, _: &str) -> Result<(), CommandError> {
        let Event::Channel(channel, ChannelEvent::MessageCreated(message)) = &recorded.event else {
            return Ok(());
        };
        let Ok(Some(said)) = said(*channel, message) else { return Ok(()) };
        self.conversations.excuse(&Cause::answering(recorded, "give_up"), said, SORRY).await
    }
}

/// What was said; none when whoever said it was erased.
fn said(channel: ChannelId, message: &Message) -> Result<Option<Said>, Setback> {
    let Some(text) = message.content.clear() else { return Ok(None) };
    let to = ConversationId::new(&message.author.to_string(), &channel.to_string());
    Ok(Some(Said {
        to: to.map_err(|error| Setback::Final(error.to_string()))?,
        guild: message.guild.map(|guild| guild.to_string()),
        message: Uuid::new_v5(&Uuid::NAMESPACE_OID, message.id.to_string().as_bytes()),
        text: text.clone(),
        deliver: Some(Delivery { channel, reply_to: Some(message.id) }),
    }))
}
