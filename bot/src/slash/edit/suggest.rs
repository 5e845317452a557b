//! `/edit suggest`: the AI writes an edit.

use std::fmt::Write;

use async_trait::async_trait;
use commands::CommandError;
use commands::self_editing::{Suggested, Suggestion};
use serenity::all::CreateCommandOption;

use super::options::{self, scope};
use super::{Deed, Desk, pages};
use crate::slash::{Call, Reply};

const PATH: &str = "edit suggest";

/// How much of what the model says is shown, in characters, and of it all.
const SAID: usize = 300;
const MOST: usize = 2_000;

pub(super) struct Suggest;

#[async_trait]
impl Deed for Suggest {
    fn path(&self) -> &'static str {
        PATH
    }

    fn definition(&self) -> CreateCommandOption {
        let options = vec![
            options::text("wish", "What should be different").required(true).max_length(2_000),
            options::text("file", "The file it is about, such as behaviors/faq.rhai"),
            options::scopes(),
        ];
        options::sub(PATH, "Let the AI write an edit", options)
    }

    async fn run(&self, desk: &Desk, call: &Call) -> Result<Reply, CommandError> {
        let files = call.optional("file").map(|file| file.trim().to_owned());
        let (wish, files) = (call.text("wish").to_owned(), files.into_iter().collect());
        let suggestion = Suggestion { wish, scope: scope(call)?, files };
        let done = desk.editing.suggest(&call.caller, suggestion).await?;
        let mut card = desk.card(done.edit).await?;
        card.text = pages::first(&format!("{}\n{}", told(&done), card.text), MOST).0;
        Ok(Reply::Card(card))
    }
}

/// How it went.
fn told(done: &Suggested) -> String {
    let Suggested { attempts, said, model, tokens_in, tokens_out, .. } = done;
    let tries = if *attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
    let mut text =
        format!("{} tried {tries}, with {} tokens.", model.model, tokens_in + tokens_out);
    if !said.is_empty() {
        let _ = write!(text, "\n> {}", pages::beginning(said, SAID));
    }
    text
}
