//! `/edit show`: an edit as it stands, or its diff page by page.

use async_trait::async_trait;
use commands::CommandError;
use domain::identity::Permission;
use domain::kernel::EditId;
use serenity::all::CreateCommandOption;

use super::pages::{fenced, pages};
use super::{Deed, Desk, options};
use crate::slash::{Button, Call, Card, Look, Reply};

pub(super) const PATH: &str = "edit show";

/// How much of a diff one page holds.
const PAGE: usize = 1_750;

pub(super) struct Show;

#[async_trait]
impl Deed for Show {
    fn path(&self) -> &'static str {
        PATH
    }

    fn definition(&self) -> CreateCommandOption {
        let options = vec![options::id().required(true), options::page()];
        options::sub(PATH, "See an edit; with a page, only its diff", options)
    }

    async fn run(&self, desk: &Desk, call: &Call) -> Result<Reply, CommandError> {
        call.caller.require(Permission::ReadSelfEdit)?;
        let id = desk.id(call).await?;
        let mut shown = desk.shown(id).await?;
        let Some(page) = call.whole("page") else {
            shown.watched = desk.watched(call, &shown).await?;
            return Ok(Reply::Card(Card { private: true, ..shown.card() }));
        };
        let card = diff(id, &shown.diff, page);
        // Who turns a page has a message of his own already.
        Ok(if call.truth("turn") { Reply::Replaced(card) } else { Reply::Card(card) })
    }
}

/// One page of a diff.
fn diff(id: EditId, diff: &str, page: u64) -> Card {
    let pages = pages(diff, PAGE);
    let all = pages.len().max(1);
    let page = usize::try_from(page).unwrap_or(all).clamp(1, all);
    let text = match pages.get(page - 1) {
        Some(text) => format!("{}\n-# Edit `{id}`, page {page} of {all}", fenced(text)),
        None => format!("Edit `{id}` changes no line."),
    };
    let turn = |label: &'static str, to: usize| {
        let id = ("id", id.0.simple().to_string());
        let carried = vec![id, ("page", to.to_string()), ("turn", "true".to_owned())];
        Button { command: PATH, carried, label: label.into(), look: Look::Plain }
    };
    let mut buttons = Vec::new();
    if page > 1 {
        buttons.push(turn("Back", page - 1));
    }
    if page < all {
        buttons.push(turn("Next", page + 1));
    }
    Card { text, buttons, private: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_turned_and_end() {
        let id = EditId(uuid::Uuid::nil());
        let long = format!("+ {}```\n", "a line ".repeat(9)).repeat(60);
        let label =
            |card: &Card| card.buttons.iter().map(|it| it.label.clone()).collect::<Vec<_>>();
        let first = diff(id, &long, 1);
        assert_eq!(label(&first), ["Next"]);
        assert!(first.text.chars().count() < 2_000);
        assert_eq!(label(&diff(id, &long, 2)), ["Back", "Next"]);
        let last = diff(id, &long, 99);
        assert!(last.text.contains("page 3 of 3"), "{}", last.text);
        assert_eq!(label(&last), ["Back"]);
    }
}
