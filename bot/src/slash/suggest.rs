//! `/edit suggest`: the AI writes an edit.

use std::fmt::Write;

use commands::CommandError;
use commands::self_editing::{SelfEditing, Suggested, Suggestion};
use domain::kernel::Scope;
use serenity::all::{CommandOptionType as Kind, CreateCommandOption};

use super::Call;

/// How much of what the model says is shown: a message holds 2000 characters.
const SAID: usize = 300;

/// What Discord shows of it.
pub(super) fn definition(scope: CreateCommandOption) -> CreateCommandOption {
    let text = |name, description| CreateCommandOption::new(Kind::String, name, description);
    CreateCommandOption::new(Kind::SubCommand, "suggest", "Let the AI write an edit")
        .add_sub_option(text("wish", "What should be different").required(true).max_length(2_000))
        .add_sub_option(text("file", "The file it is about, such as behaviors/faq.rhai"))
        .add_sub_option(scope)
}

pub(super) async fn run(
    editing: &SelfEditing,
    call: &Call,
    scope: Option<Scope>,
) -> Result<Suggested, CommandError> {
    let files = call.optional("file").map(|file| file.trim().to_owned());
    let (wish, files) = (call.text("wish").to_owned(), files.into_iter().collect());
    editing.suggest(&call.caller, Suggestion { wish, scope, files }).await
}

/// How it went; the edit itself is told beside it.
pub(super) fn told(done: &Suggested, edit: &str) -> String {
    let Suggested { attempts, said, model, tokens_in, tokens_out, .. } = done;
    let tries = if *attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
    let mut text =
        format!("{} tried {tries}, with {} tokens.\n{edit}", model.model, tokens_in + tokens_out);
    if !said.is_empty() {
        let short: String = said.chars().take(SAID).collect();
        let more = if short.len() < said.len() { " …" } else { "" };
        let _ = write!(text, "\n> {}{more}", short.replace('\n', "\n> "));
    }
    text
}
