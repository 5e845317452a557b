//! `/behaviors`: what the bot can do, what each behavior may do, and how it fares.

use std::fmt::Write;

use async_trait::async_trait;
use commands::CommandError;
use commands::explain::{Explain, Failure, Fared, Unusable};
use domain::identity::Permission;
use serenity::all::{
    CommandOptionType as Kind, CreateCommand, CreateCommandOption, InteractionContext, Permissions,
};

use super::{Call, Reply, SlashCommand};

pub(super) struct Behaviors(pub(super) Explain);

#[async_trait]
impl SlashCommand for Behaviors {
    fn name(&self) -> &'static str {
        "behaviors"
    }

    fn definition(&self) -> CreateCommand {
        let name = CreateCommandOption::new(Kind::String, "name", "Just this one, and more of it");
        CreateCommand::new("behaviors")
            .description("See what my behaviors are, what they may do, and how they fare")
            .default_member_permissions(Permissions::MANAGE_GUILD)
            .add_context(InteractionContext::Guild)
            .add_option(name.max_length(200))
    }

    async fn run(&self, call: &Call) -> Result<Reply, CommandError> {
        call.caller.require(Permission::ReadSelfEdit)?;
        let (all, unusable) = self.0.behaviors().await?;
        let Some(wanted) = call.optional("name") else {
            return Ok(Reply::Private(list(&all, &unusable)));
        };
        let wanted = wanted.trim().trim_start_matches(['/', '!']);
        let named = |it: &&Fared| {
            it.name.as_str() == wanted || it.command.as_deref() == Some(wanted) || it.file == wanted
        };
        let unknown = || CommandError::NotFound(format!("a behavior called “{wanted}” was"));
        let found = all.iter().find(named);
        if let Some(broken) = unusable.iter().find(|it| it.file.contains(wanted) && found.is_none())
        {
            return Ok(Reply::Private(unusable_line(broken)));
        }
        Ok(Reply::Private(one(found.ok_or_else(unknown)?)))
    }
}

fn list(all: &[Fared], unusable: &[Unusable]) -> String {
    if all.is_empty() && unusable.is_empty() {
        return "I have no behaviors yet: see `/edit propose`.".to_owned();
    }
    let mut text = String::from("My behaviors:");
    for it in all {
        let _ = write!(text, "\n- **{}** ({}): {}", it.name, kind(it), it.description);
        let tally = it.tally;
        let _ = write!(text, " · ran {}", tally.ran);
        for (count, word) in
            [(tally.failed, "failed"), (tally.held, "held"), (tally.refused, "refused")]
        {
            if count > 0 {
                let _ = write!(text, ", {word} {count}");
            }
        }
    }
    for it in unusable {
        let _ = write!(text, "\n- {}", unusable_line(it));
    }
    text
}

fn one(it: &Fared) -> String {
    let mut text = format!("**{}** ({}): {}\nIt may:", it.name, kind(it), it.description);
    for power in &it.powers {
        let _ = write!(text, "\n- {}", power.meaning());
    }
    if it.powers.is_empty() {
        text.push_str(" nothing.");
    }
    if it.cooldown_s > 0 {
        let _ = write!(text, "\nOne person waits {} seconds between two calls.", it.cooldown_s);
    }
    let tally = it.tally;
    let _ = write!(
        text,
        "\nIt ran {} times, failed {}, was held {}, and {} of its actions were refused; a run \
         takes {} µs.",
        tally.ran,
        tally.failed,
        tally.held,
        tally.refused,
        tally.mean_us()
    );
    if let Some((revision, edit)) = it.changed {
        let _ =
            write!(text, "\nIt stands in `{}` since revision {revision}, edit `{edit}`.", it.file);
    }
    if let Some(Failure { at, line, reason }) = &it.last_failure {
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        let at = at.timestamp();
        let _ = write!(text, "\nIt failed last <t:{at}:R>: `{}{line}` {reason}", it.file);
    }
    text
}

/// What calls it.
fn kind(it: &Fared) -> String {
    let kind = it.kind.as_str().replace('_', " ");
    it.command.as_ref().map_or_else(|| kind.clone(), |name| format!("{kind} {name}"))
}

fn unusable_line(it: &Unusable) -> String {
    let line = it.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("`{}{line}` cannot be used: {}", it.file, it.reason)
}
