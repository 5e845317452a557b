//! When a message on Discord speaks to the bot, answer it.

use async_trait::async_trait;
use domain::conversation::Delivery;
use domain::discord::ChannelEvent;
use domain::kernel::{Cause, ConversationId, Event, Recorded, Source};
use uuid::Uuid;

use super::{Conversations, Said};
use crate::{Reactor, Setback};

/// See the module.
pub struct AnswerMessages(pub Conversations);

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
        let Some(text) = message.content.clear() else { return Ok(()) };

        let to = ConversationId::new(&message.author.to_string(), &channel.to_string());
        let said = Said {
            to: to.map_err(|error| Setback::Final(error.to_string()))?,
            guild: message.guild.map(|guild| guild.to_string()),
            message: Uuid::new_v5(&Uuid::NAMESPACE_OID, message.id.to_string().as_bytes()),
            text: text.clone(),
            deliver: Some(Delivery { channel: *channel, reply_to: Some(message.id) }),
        };
        self.0.exchange(&Cause::answering(recorded, self.name()), said).await?;
        Ok(())
    }
}
