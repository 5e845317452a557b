//! How a compensation is shown in a message: what it takes back, who said what, how far it has come.

use std::collections::BTreeMap;
use std::fmt::Write;

use commands::CommandError;
use domain::kernel::{Actor, ActorKind, CompensationId, Event, Expected, Recorded, StreamId};
use domain::self_editing::{Compensation, CompensationEvent, MAX_STEPS};
use projections::self_editing::compensations::{self, Model};

use super::pages::beginning;
use super::shown::mention;
use super::{Desk, undo};
use crate::slash::{Button, Card, Look};

/// How many events one has at most: proposed, decided, and its steps.
const EVENTS: usize = MAX_STEPS + 2;

/// How many characters of a reason are shown.
const REASON: usize = 400;

impl Desk {
    /// A compensation as its own history tells it.
    pub(super) async fn compensation(&self, id: CompensationId) -> Result<Card, CommandError> {
        let stream = StreamId::of::<Compensation>(&id);
        let history = self.editing.journal.read_stream(&stream, Expected::New, EVENTS).await?;
        let Some(row) = compensations::told(&history) else {
            return Err(CommandError::NotFound(format!("compensation {id}")));
        };
        Ok(card(id, &row, &kinds(&history)))
    }
}

/// What is done, and how often.
fn kinds(history: &[Recorded]) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for recorded in history {
        if let Event::Compensation(_, CompensationEvent::Proposed { steps, .. }) = &recorded.event {
            for step in steps {
                *kinds.entry(step.undo.words()).or_default() += 1;
            }
        }
    }
    kinds
}

fn card(id: CompensationId, row: &Model, kinds: &BTreeMap<&'static str, usize>) -> Card {
    let by = |kind: &str, name: &str| {
        let kind = kind.parse().unwrap_or(ActorKind::System);
        mention(&Actor { kind, id: name.to_owned() })
    };
    let (edit, status) = (row.edit_id, &row.status);
    let who = by(&row.by_kind, &row.by_id);
    let reason = beginning(&row.reason, REASON);
    let mut text = format!("Compensation `{id}` of edit `{edit}` is {status}. By {who}: {reason}");
    for (what, count) in kinds {
        let _ = write!(text, "\n- {what}: {count}");
    }
    if let (Some(kind), Some(name)) = (&row.decided_by_kind, &row.decided_by_id) {
        let who = by(kind, name);
        let _ = match &row.word {
            Some(word) => write!(text, "\nRejected by {who}: {}", beginning(word, REASON)),
            None => write!(text, "\nApproved by {who}"),
        };
    }
    let (all, done, failed) = (row.steps, row.delivered, row.failed);
    if ["approved", "done"].contains(&status.as_str()) {
        let _ = write!(text, "\n{done} of {all} are undone, {failed} could not be.");
    }
    if failed > 0 {
        let _ = write!(text, " Why: `GET /api/v1/self-editing/compensations/{id}`");
    }
    let button = |what, label: &'static str, look| Button {
        command: undo::PATH,
        carried: undo::carried(id, what),
        label: label.into(),
        look,
    };
    let buttons = match status.as_str() {
        "proposed" => vec![
            button("approve", "Approve", Look::Success),
            button("reject", "Reject", Look::Danger),
        ],
        "approved" => vec![button("look", "How far is it?", Look::Plain)],
        _ => Vec::new(),
    };
    Card { text, buttons, private: false }
}
