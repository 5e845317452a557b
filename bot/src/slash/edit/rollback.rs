//! `/edit rollback`: take an edit back, or go back to a moment. First it is shown what would
//! happen; a button and a reason make it happen.

use std::fmt::Write;

use async_trait::async_trait;
use chrono::DateTime;
use commands::CommandError;
use commands::self_editing::{Moment, Rollback, RolledBack, Target};
use domain::identity::Permission;
use domain::kernel::EditId;
use domain::self_editing::{Status, WorkspaceError};
use serenity::all::CreateCommandOption;

use super::pages::{beginning, fenced, first};
use super::{Deed, Desk, options, undo};
use crate::slash::{Button, Call, Card, Field, Form, Look, Reply};

pub(super) const PATH: &str = "edit rollback";

/// How many files, and how many characters of the diff or of what is in the way, a preview shows.
const FILES: usize = 8;
const DIFF: usize = 600;

pub(super) struct TakeBack;

#[async_trait]
impl Deed for TakeBack {
    fn path(&self) -> &'static str {
        PATH
    }

    fn definition(&self) -> CreateCommandOption {
        let to =
            options::text("to", "Or a moment to go back to: 2026-11-24T14:00:00Z, or a position");
        let force =
            options::flag("force", "Restore the older lines even where later edits changed them");
        let options = vec![options::id(), to.max_length(40), force];
        options::sub(PATH, "Take an edit back, or go back to a moment", options)
    }

    fn suggests(&self) -> &'static [Status] {
        &[Status::Applied]
    }

    async fn run(&self, desk: &Desk, call: &Call) -> Result<Reply, CommandError> {
        call.caller.require(Permission::RollbackSelfEdit)?;
        let target = target(desk, call).await?;
        if let Target::Edit(id) = target
            && let Some(late) = desk.too_late(call, id, &[Status::Applied]).await?
        {
            return Ok(late);
        }
        match call.whole("revision") {
            Some(revision) if call.form => {
                let (now, _) = desk.editing.workspace_at(Moment::Now).await?;
                if now.revision() != revision {
                    let no = WorkspaceError::Moved { base: revision, at: now.revision() };
                    return Err(CommandError::rejected(&no));
                }
                let (reason, force) = (call.text("reason").to_owned(), call.truth("force"));
                let rollback = Rollback { target, reason, force, preview: false };
                let done = desk.editing.roll_back(&call.caller, rollback).await?;
                let mut card = finished(&done);
                if let Some(edit) = done.edit
                    && let Ok(sums) = desk.compensations.sums(&call.caller, edit).await
                {
                    let _ = write!(card.text, "\nIts behaviors {}", undo::told(&sums));
                    card.buttons = undo::offer(edit, &sums);
                }
                Ok(Reply::Replaced(card))
            }
            Some(_) => Ok(Reply::Form(Form {
                id: PATH,
                carried: carried(call, target, call.whole("revision"), call.truth("force")),
                title: "Roll back".to_owned(),
                fields: vec![Field {
                    name: "reason",
                    label: "Why",
                    value: String::new(),
                    long: true,
                }],
            })),
            None => {
                let (reason, force) = ("a preview".to_owned(), call.truth("force"));
                let rollback = Rollback { target, reason, force, preview: true };
                let preview = desk.editing.roll_back(&call.caller, rollback).await?;
                let mut card = self::preview(call, target, &preview);
                // What is late to be told is not worth an error.
                let foreseen = desk.compensations.foreseen(&call.caller, target, &preview.files);
                if let (Ok(foreseen), false) = (foreseen.await, card.buttons.is_empty()) {
                    let told = undo::told(&foreseen.sums);
                    let _ = write!(card.text, "\n-# What it touches {told}");
                }
                Ok(Reply::Card(card))
            }
        }
    }
}

async fn target(desk: &Desk, call: &Call) -> Result<Target, CommandError> {
    match (call.optional("id"), call.optional("to")) {
        (Some(_), None) => Ok(Target::Edit(desk.id(call).await?)),
        (None, Some(to)) => Ok(Target::Moment(moment(to.trim())?)),
        _ => Err(CommandError::invalid("id", "give either an id or a moment to go back to")),
    }
}

fn moment(text: &str) -> Result<Moment, CommandError> {
    if let Ok(position) = text.parse() {
        return Ok(Moment::Position(position));
    }
    let wrong = |_| {
        let reason = "is a time such as 2026-11-24T14:00:00Z, or a position of the log";
        CommandError::invalid("to", reason)
    };
    Ok(Moment::Time(DateTime::parse_from_rfc3339(text).map_err(wrong)?.to_utc()))
}

/// What the next step has to know.
fn carried(
    call: &Call,
    target: Target,
    revision: Option<u64>,
    force: bool,
) -> Vec<(&'static str, String)> {
    let target = match target {
        Target::Edit(EditId(id)) => ("id", id.simple().to_string()),
        Target::Moment(_) => ("to", call.text("to").trim().to_owned()),
    };
    let mut carried = vec![target];
    carried.extend(revision.map(|revision| ("revision", revision.to_string())));
    carried.extend(force.then(|| ("force", "true".to_owned())));
    carried
}

/// What would happen, and the button that makes it happen.
fn preview(call: &Call, target: Target, preview: &RolledBack) -> Card {
    let what = match target {
        Target::Edit(id) => format!("Taking back edit `{id}`"),
        Target::Moment(_) => format!("Going back to {}", beginning(call.text("to"), 40)),
    };
    let force = call.truth("force");
    let extent = preview.changes;
    let (mut text, blocked) = match (preview.conflicts.is_empty(), extent.files_modified) {
        (false, _) if !force => {
            let text = format!(
                "{what} meets later edits, which changed the same lines. With force the older \
                 lines win:"
            );
            (text, true)
        }
        (_, 0) => {
            let text = format!("{what} changes nothing: my files are so already.");
            return Card { text, ..Card::default() };
        }
        (_, files) => {
            let text = format!(
                "{what} would change {files} {} (+{} −{} lines), as revision {}:",
                if files == 1 { "file" } else { "files" },
                extent.lines_added,
                extent.lines_removed,
                preview.revision + 1
            );
            (text, false)
        }
    };
    for file in preview.files.iter().take(FILES) {
        let (added, removed) = (file.lines_added, file.lines_removed);
        let _ = write!(text, "\n- `{}` {}, +{added} −{removed}", file.path, file.change);
    }
    if preview.files.len() > FILES {
        let _ = write!(text, "\n- and {} more", preview.files.len() - FILES);
    }
    let shown = if blocked {
        let hunks = preview.conflicts.iter().map(|it| format!("{}\n{}", it.file, it.hunk));
        hunks.collect::<String>()
    } else {
        preview.diff.clone()
    };
    let (page, left) = first(&shown, DIFF);
    if !page.is_empty() {
        let _ = write!(text, "\n{}", fenced(&page));
    }
    if left > 0 {
        let _ = write!(text, "\n… {left} more lines");
    }
    text.push_str(
        "\n-# It is an edit of its own and can be taken back. What I said and did stays at first.",
    );
    let (label, force) =
        if blocked { ("Roll back with force", true) } else { ("Roll back", force) };
    let carried = carried(call, target, Some(preview.revision), force);
    let confirm = Button { command: PATH, carried, label: label.into(), look: Look::Danger };
    Card { text, buttons: vec![confirm], private: false }
}

fn finished(done: &RolledBack) -> Card {
    let extent = done.changes;
    let Some(id) = done.id else {
        let text = "Nothing had to change: my files were so already.".to_owned();
        return Card { text, ..Card::default() };
    };
    let what = match done.edit {
        Some(edit) => format!("Edit `{edit}` is rolled back"),
        None => "My files are as they were then".to_owned(),
    };
    let text = format!(
        "{what}: revision {} is live ({} files, +{} −{} lines). The rollback is edit `{id}` and \
         can itself be rolled back.",
        done.revision, extent.files_modified, extent.lines_added, extent.lines_removed
    );
    Card { text, ..Card::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_a_position() {
        assert!(matches!(moment("12"), Ok(Moment::Position(12))));
        assert!(matches!(moment("2026-11-24T14:00:00+01:00"), Ok(Moment::Time(_))));
        assert!(moment("yesterday").unwrap_err().to_string().contains("2026-11-24"));
    }
}
