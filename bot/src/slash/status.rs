//! `/status`: how the bot is.

use std::fmt::Write;
use std::sync::Arc;

use async_trait::async_trait;
use commands::CommandError;
use commands::lifecycle::Lifecycle;
use serenity::all::CreateCommand;

use super::{Call, Reply, SlashCommand};
use crate::{ReadModels, views};

pub(super) struct Status {
    pub(super) lifecycle: Lifecycle,
    pub(super) models: Arc<dyn ReadModels>,
}

#[async_trait]
impl SlashCommand for Status {
    fn name(&self) -> &'static str {
        "status"
    }

    fn definition(&self) -> CreateCommand {
        CreateCommand::new("status").description("See how I am")
    }

    async fn run(&self, call: &Call) -> Result<Reply, CommandError> {
        let settings = self.lifecycle.settings(&call.caller).await?.aggregate;
        let status = views::status(self.models.as_ref()).await?;
        let mut text = String::from("I am here");
        if let Some(since) = status.bot.as_ref().and_then(|bot| bot.connected_at) {
            let _ = write!(text, " since <t:{}:R>", since.0.timestamp());
        }
        let _ = write!(
            text,
            ".\nServers: {}\nPeople: {}\nCommands used: {}",
            status.guilds, status.users, status.commands
        );
        text.push_str(if settings.self_editing.enabled {
            "\nI may be edited: see `/edit`."
        } else {
            "\nEdits of me are switched off."
        });
        Ok(Reply::Private(text))
    }
}
