//! “Why?” on any message: what the bot did about it, or why it did nothing.

use async_trait::async_trait;
use commands::CommandError;
use commands::explain::Explain;
use domain::identity::Permission;
use serenity::all::{CommandType, CreateCommand};

use super::{Call, Reply, SlashCommand};

/// Where the message is that it was used on.
pub(crate) const TARGET: &str = "target";

/// See the module. Anybody who may read what was said may ask; what is inside of behaviors is only
/// for those who may see edits.
pub(super) struct Why(pub(super) Explain);

#[async_trait]
impl SlashCommand for Why {
    fn name(&self) -> &'static str {
        "Why?"
    }

    fn definition(&self) -> CreateCommand {
        CreateCommand::new(self.name()).kind(CommandType::Message)
    }

    async fn run(&self, call: &Call) -> Result<Reply, CommandError> {
        call.caller.require(Permission::ReadHistory)?;
        let found = self.0.explain(call.text(TARGET)).await?;
        // What happened elsewhere is not for this channel.
        let Some(found) = found.filter(|it| it.channel() == Some(call.channel)) else {
            let unknown = "I know nothing of this message: it is older than I am here, or was not \
                           recorded yet.";
            return Ok(Reply::Private(unknown.to_owned()));
        };
        let inside = call.caller.permissions.allow(Permission::ReadSelfEdit);
        Ok(Reply::Private(found.summary(inside)))
    }
}
