//! `/edit history`: the edits there were, the newest first.

use std::fmt::Write;

use async_trait::async_trait;
use commands::CommandError;
use domain::identity::Permission;
use domain::kernel::{Actor, ActorKind};
use domain::self_editing::Status;
use projections::Slice;
use projections::self_editing::edits::{Filter, Model};
use serenity::all::CreateCommandOption;

use super::ids::SHORT;
use super::pages::beginning;
use super::shown::{mention, words};
use super::{Deed, Desk, options};
use crate::slash::{Button, Call, Card, Look, Reply};
use crate::views;

const PATH: &str = "edit history";

/// How many edits a page shows.
const PAGE: u64 = 10;

const STATUSES: [Status; 7] = [
    Status::Applied,
    Status::Approved,
    Status::Checked,
    Status::Failed,
    Status::Proposed,
    Status::Rejected,
    Status::RolledBack,
];

pub(super) struct History;

#[async_trait]
impl Deed for History {
    fn path(&self) -> &'static str {
        PATH
    }

    fn definition(&self) -> CreateCommandOption {
        let status = STATUSES
            .into_iter()
            .fold(options::text("status", "Only edits that stand so"), |option, status| {
                option.add_string_choice(words(status), status.word())
            });
        options::sub(
            PATH,
            "See the edits there were, the newest first",
            vec![status, options::page()],
        )
    }

    async fn run(&self, desk: &Desk, call: &Call) -> Result<Reply, CommandError> {
        call.caller.require(Permission::ReadSelfEdit)?;
        let wrong = |_| CommandError::invalid("status", "is no status of an edit");
        let status: Option<Status> =
            call.optional("status").map(|it| it.parse().map_err(wrong)).transpose()?;
        let filter = Filter { kind: None, statuses: status.into_iter().collect() };
        let page = call.whole("page").unwrap_or(1).clamp(1, 1_000_000);
        let slice = Slice { limit: PAGE, offset: (page - 1) * PAGE };
        let found = views::edits(desk.models.as_ref(), &filter, slice).await?;
        let pages = found.total.div_ceil(PAGE).max(1);
        let mut text = match found.total {
            0 => "There are no such edits.".to_owned(),
            1 => "1 edit:".to_owned(),
            total => format!("{total} edits, page {page} of {pages}:"),
        };
        for edit in &found.items {
            let _ = write!(text, "\n{}", line(edit));
        }
        let turn = |label: &'static str, to: u64| {
            let mut carried = vec![("page", to.to_string())];
            carried.extend(status.map(|it| ("status", it.word().to_owned())));
            Button { command: PATH, carried, label: label.into(), look: Look::Plain }
        };
        let mut buttons = Vec::new();
        if page > 1 {
            buttons.push(turn("Newer", (page - 1).min(pages)));
        }
        if page < pages {
            buttons.push(turn("Older", page + 1));
        }
        let card = Card { text, buttons, private: true };
        Ok(if call.pressed { Reply::Replaced(card) } else { Reply::Card(card) })
    }
}

fn line(edit: &Model) -> String {
    let id = edit.id.to_string();
    let sign = match edit.status.parse() {
        Ok(Status::Applied) => "✓",
        Ok(Status::Failed | Status::Rejected) => "✗",
        Ok(Status::RolledBack) => "↩",
        _ => "…",
    };
    let status = edit.status.replace('_', " ");
    let (kind, what) = (beginning(&edit.kind, 20), beginning(&edit.description, 50));
    let when = edit.created_at.0.timestamp();
    let by = match edit.author_kind.parse::<ActorKind>() {
        Ok(kind) => beginning(&mention(&Actor { kind, id: edit.author_id.clone() }), 50),
        Err(_) => edit.author_kind.clone(),
    };
    format!("`{}` {sign} {status} · {kind} · {what} · <t:{when}:R> by {by}", &id[..SHORT])
}
