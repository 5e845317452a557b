//! `/edit rehearse`: what an edit would change of what happened lately, in numbers. What people said
//! is not shown: whoever reads along may not be allowed to read it where it was said.

use std::fmt::Write;
use std::time::Duration;

use async_trait::async_trait;
use commands::CommandError;
use commands::self_editing::{Ending, MOST_REHEARSED, Rehearsals, RehearsedRange, Standing};
use domain::kernel::{EditId, RehearsalId};
use domain::self_editing::{Report, Status};
use serenity::all::{CommandOptionType as Kind, CreateCommandOption};

use super::pages::beginning;
use super::{Deed, Desk, options};
use crate::slash::{Call, Reply};
use crate::views;

const PATH: &str = "edit rehearse";

/// How long one is waited for: Discord takes an answer for a quarter of an hour.
const PATIENCE: Duration = Duration::from_mins(10);

/// How many behaviors are named.
const NAMED: usize = 10;

/// How much of a summary is shown beside an edit.
const BRIEF: usize = 200;

pub(super) struct Rehearse;

#[async_trait]
impl Deed for Rehearse {
    fn path(&self) -> &'static str {
        PATH
    }

    #[expect(clippy::cast_precision_loss, reason = "Discord takes numbers that it can show")]
    fn definition(&self) -> CreateCommandOption {
        let about = "How many of the newest commits that say something to behaviors; else 1000";
        let last = CreateCommandOption::new(Kind::Integer, "last", about);
        let last = last.min_int_value(1).max_number_value(MOST_REHEARSED as f64);
        let about = "See what an edit would change of what happened lately";
        options::sub(PATH, about, vec![options::id().required(true), last])
    }

    fn suggests(&self) -> &'static [Status] {
        &[Status::Approved, Status::Checked]
    }

    /// Answers once it is over.
    async fn run(&self, desk: &Desk, call: &Call) -> Result<Reply, CommandError> {
        let edit = desk.id(call).await?;
        let range = RehearsedRange { last: call.whole("last"), ..RehearsedRange::default() };
        let mut caller = call.caller.clone();
        caller.cause = caller.cause.then("rehearse");
        let (id, _) = desk.rehearsals.start(&caller, edit, range).await?;
        let ended = tokio::time::timeout(PATIENCE, desk.rehearsals.ending(id)).await;
        let text = match ended {
            Ok(Ok(Some(Ending::Ended(report)))) => {
                let more =
                    format!("Examples: `GET /api/v1/self-editing/edits/{edit}/rehearsals/{id}`");
                format!("Edit `{edit}`: {}\n{more}", told(&report))
            }
            Ok(Ok(Some(Ending::Failed(reason)))) => {
                format!("The rehearsal of edit `{edit}` failed: {reason}.")
            }
            Ok(Err(error)) => return Err(error),
            Ok(Ok(None)) | Err(_) => still(&desk.rehearsals, edit, id).await?,
        };
        Ok(Reply::Public(text))
    }
}

async fn still(
    rehearsals: &Rehearsals,
    edit: EditId,
    id: RehearsalId,
) -> Result<String, CommandError> {
    let far = match rehearsals.standing(id).await? {
        Standing::Here { percent, .. } => format!(" ({percent} %)"),
        Standing::Elsewhere | Standing::Gone | Standing::Over(_) => String::new(),
    };
    Ok(format!(
        "The rehearsal of edit `{edit}` is not over yet{far}. What comes of it: \
         `GET /api/v1/self-editing/edits/{edit}/rehearsals/{id}`"
    ))
}

impl Desk {
    /// What the newest rehearsal of an edit showed that came to its end, for those who are to
    /// approve it.
    pub(super) async fn rehearsed(&self, edit: EditId) -> Option<String> {
        // What cannot be told now is not worth an error.
        let all = views::rehearsals(&*self.models, edit).await.ok()?;
        let newest = all.iter().rev().find(|it| it.status == "done")?;
        Some(brief(&newest.figures()))
    }
}

/// What a rehearsal showed, in a line.
fn brief(report: &Report) -> String {
    let Report { events, differing, errors_before, errors_after, .. } = report;
    let text = format!(
        "Rehearsed over {events} events: {differing} answered otherwise, errors {errors_before} \
         before and {errors_after} after{}",
        by(report)
    );
    beginning(&text, BRIEF)
}

/// What a rehearsal showed, in a few lines.
fn told(report: &Report) -> String {
    let Report { events, differing, errors_before, errors_after, .. } = report;
    let mut text = format!("rehearsed over {events} recorded events, ");
    let _ = match differing {
        0 => write!(text, "it would answer all of them as now."),
        _ => write!(text, "it would answer {differing} of them otherwise{}.", by(report)),
    };
    let _ = write!(text, "\nErrors: {errors_before} before, {errors_after} after.");
    let _ = write!(
        text,
        " Time of the scripts: {} before, {} after; steps: {} before, {} after.",
        time(report.time_before_us),
        time(report.time_after_us),
        report.operations_before,
        report.operations_after
    );
    text
}

/// Which behaviors, those with the most events first.
fn by(report: &Report) -> String {
    let mut all: Vec<_> = report.differing_by.iter().collect();
    all.sort_by_key(|(_, events)| std::cmp::Reverse(**events));
    let named = all.iter().take(NAMED).map(|(name, events)| format!("`{name}` {events}"));
    let mut named: Vec<_> = named.collect();
    if all.len() > NAMED {
        named.push(format!("and {} more", all.len() - NAMED));
    }
    if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) }
}

fn time(us: u64) -> String {
    match us {
        0..10_000 => format!("{us} µs"),
        10_000..10_000_000 => format!("{} ms", us / 1_000),
        _ => format!("{} s", us / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_the_behaviors_and_fits_into_a_message() {
        let names = (0..40).map(|nth| (format!("behavior-{nth}"), nth + 1));
        let differing_by = names.map(|(name, events)| (name.parse().unwrap(), events)).collect();
        let report = Report { events: 9_000, differing: 820, differing_by, ..Report::default() };
        let text = told(&report);
        assert!(text.contains("820 of them otherwise (`behavior-39` 40"), "{text}");
        assert!(text.contains("and 30 more") && text.chars().count() < 1_000, "{text}");
        assert!(told(&Report::default()).contains("all of them as now"));
    }
}
