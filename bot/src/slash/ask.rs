//! `/ask`: say something to the bot and read its answer.

use async_trait::async_trait;
use commands::CommandError;
use commands::conversation::{Conversations, Said};
use domain::kernel::ConversationId;
use serenity::all::{CommandOptionType, CreateCommand, CreateCommandOption};
use uuid::Uuid;

use super::{Call, Reply, SlashCommand};

pub(super) struct Ask(pub(super) Conversations);

#[async_trait]
impl SlashCommand for Ask {
    fn name(&self) -> &'static str {
        "ask"
    }

    fn definition(&self) -> CreateCommand {
        let text = CreateCommandOption::new(CommandOptionType::String, "text", "What to ask");
        CreateCommand::new("ask")
            .description("Ask me something")
            .add_option(text.required(true).max_length(4_000))
    }

    fn is_private(&self) -> bool {
        false
    }

    async fn run(&self, call: &Call) -> Result<Reply, CommandError> {
        let to = ConversationId::new(&call.user.to_string(), &call.channel.to_string());
        let said = Said {
            to: to.map_err(CommandError::unavailable)?,
            guild: call.guild.map(|guild| guild.to_string()),
            message: Uuid::new_v5(&Uuid::NAMESPACE_OID, call.id.to_string().as_bytes()),
            text: call.text("text").to_owned(),
            deliver: None,
        };
        let reply = self.0.say(&call.caller, said).await?;
        Ok(Reply::Public(reply.answer.text))
    }
}
