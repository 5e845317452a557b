//! `/api-token`: a key for the HTTP API, shown to the caller alone, and once.

use async_trait::async_trait;
use chrono::TimeDelta;
use commands::CommandError;
use commands::identity::Identity;
use domain::identity::{NewApiKey, Permission, Permissions};
use domain::kernel::ActorKind;
use serenity::all::{CommandOptionType, CreateCommand, CreateCommandOption};

use super::{Call, Reply, SlashCommand};

/// How long a key is good when nobody says, in days.
const DAYS: u64 = 30;

pub(super) struct ApiToken(pub(super) Identity);

#[async_trait]
impl SlashCommand for ApiToken {
    fn name(&self) -> &'static str {
        "api-token"
    }

    fn definition(&self) -> CreateCommand {
        let option = |kind, name, about| CreateCommandOption::new(kind, name, about);
        let name = option(CommandOptionType::String, "name", "What the key is for");
        let may = "What it may do, as read:audit, with blanks between; all that you may, without";
        let may = option(CommandOptionType::String, "permissions", may);
        let days = option(CommandOptionType::Integer, "days", "How long it is good; 30 without");
        CreateCommand::new("api-token").description("Get a key for my HTTP API").set_options(vec![
            name.required(true).min_length(1).max_length(100),
            may.max_length(1000),
            days.min_int_value(1).max_int_value(365),
        ])
    }

    async fn run(&self, call: &Call) -> Result<Reply, CommandError> {
        let permissions = match call.optional("permissions") {
            None => call.caller.permissions.clone(),
            Some(text) => {
                let names = text.split([' ', ',', '\n']).filter(|it| !it.is_empty());
                let parsed = Permissions::parse(names);
                parsed.map_err(|error| CommandError::invalid("permissions", error.to_string()))?
            }
        };
        // Who runs a server gets keys of his own, and no say about those of others.
        let keys = Permissions::of(&[Permission::ManageApiKey]);
        let server = call.caller.actor().kind == ActorKind::Discord;
        let permissions = if server { permissions.without(&keys) } else { permissions };
        if permissions.iter().next().is_none() {
            let reason = "there is nothing left that the key could do";
            return Err(CommandError::invalid("permissions", reason));
        }
        let days = call.whole("days").unwrap_or(DAYS).clamp(1, 365);
        let ends = call.at + TimeDelta::days(days.cast_signed());
        let name = call.text("name").to_owned();
        let new = NewApiKey { name, permissions, expires_at: Some(ends) };
        let issued = self.0.create_api_key(&call.caller, new).await?;
        Ok(Reply::Private(format!(
            "Here is your key; it is not shown again, and good until <t:{}:D>:\n||{}||\nSend it as \
             `Authorization: Bearer …`. Whoever has it may what it allows: keep it to yourself.",
            ends.timestamp(),
            issued.token
        )))
    }
}
