//! `/history`: what was said in a channel, and the search in it.

use std::fmt::Write;
use std::sync::Arc;

use async_trait::async_trait;
use commands::CommandError;
use domain::identity::Permission;
use domain::kernel::{ChannelId, ERASED};
use projections::discord::messages;
use serenity::all::{CommandOptionType as Kind, CreateCommand, CreateCommandOption};

use super::{Call, Reply, SlashCommand};
use crate::{ReadModels, views};

/// How many messages are shown, unless more or fewer are asked for.
const USUAL: u64 = 10;
const MOST: u64 = 25;

/// How much of one message is shown.
const SHOWN: usize = 300;

pub(super) struct History(pub(super) Arc<dyn ReadModels>);

#[async_trait]
impl SlashCommand for History {
    fn name(&self) -> &'static str {
        "history"
    }

    fn definition(&self) -> CreateCommand {
        let channel = CreateCommandOption::new(Kind::Channel, "channel", "Where; else right here");
        let search = CreateCommandOption::new(Kind::String, "search", "Words to look for");
        let limit = CreateCommandOption::new(Kind::Integer, "limit", "How many messages, up to 25");
        CreateCommand::new("history")
            .description("See what was said, the newest last")
            .add_option(channel)
            .add_option(search.max_length(200))
            .add_option(limit.min_int_value(1).max_int_value(MOST))
    }

    async fn run(&self, call: &Call) -> Result<Reply, CommandError> {
        call.caller.require(Permission::ReadHistory)?;
        let channel = match call.optional("channel") {
            Some(picked) => readable(call, &picked)?,
            None => call.channel,
        };
        let limit = call.whole("limit").unwrap_or(USUAL).clamp(1, MOST);
        let search = call.optional("search");
        let lines = views::history(self.0.as_ref(), channel, search.clone(), limit).await?;
        if lines.is_empty() {
            let nothing = match &search {
                Some(words) => format!("Nothing in <#{channel}> matches “{words}”."),
                None => format!("Nothing is recorded of <#{channel}> yet."),
            };
            return Ok(Reply::Private(nothing));
        }
        let mut text = format!("In <#{channel}>:");
        for line in lines.iter().rev() {
            let _ = write!(text, "\n{}", shown(line));
        }
        Ok(Reply::Private(text))
    }
}

/// The channel that was picked, if the caller may read what was said there.
fn readable(call: &Call, picked: &str) -> Result<ChannelId, CommandError> {
    let unknown = |_| CommandError::invalid("channel", "this is not a channel");
    let channel: ChannelId = picked.parse().map_err(unknown)?;
    if channel == call.channel || call.readable.get(&channel).copied().unwrap_or_default() {
        return Ok(channel);
    }
    Err(CommandError::invalid("channel", "you cannot read the history of this channel yourself"))
}

fn shown(line: &messages::Model) -> String {
    let mut text: String = line.content.chars().take(SHOWN).collect();
    if text.len() < line.content.len() {
        text.push('…');
    }
    let text = text.replace('\n', " ");
    let author = line.author_name.as_deref().unwrap_or(ERASED).replace('*', "\\*");
    format!("<t:{}:t> **{author}** {text}", line.sent_at.0.timestamp())
}
