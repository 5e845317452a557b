//! Folds without a database.

use chrono::{DateTime, TimeDelta, Utc};
use domain::kernel::{Actor, Event, Recorded, Source};
use uuid::Uuid;

use crate::{Fold, Touch};

/// The moment of the commit at a position.
pub(crate) fn moment(position: u64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(position.cast_signed())
}

/// An event alone in the commit at a position.
pub(crate) fn recorded(position: u64, event: Event) -> Recorded {
    Recorded {
        id: Uuid::nil(),
        position,
        index: 0,
        recorded_at: moment(position),
        occurred_at: event.occurred_at().unwrap_or(moment(position)),
        stream: event.stream(),
        version: position,
        actor: Actor::system("tests"),
        command: Uuid::nil(),
        correlation: Uuid::nil(),
        causation: None,
        source: Source::Api,
        origin: None,
        event,
    }
}

/// What a row becomes by these events, one commit each from 1; all must touch that row only.
pub(crate) fn folded<F: Fold>(events: impl IntoIterator<Item = Event>) -> Option<F::Row> {
    let mut row = None;
    for (position, event) in (1..).zip(events) {
        let recorded = recorded(position, event);
        for touch in F::touches(&recorded) {
            let (Touch::Changes(key) | Touch::Creates(key)) = touch;
            row = F::fold(&key, row, &recorded);
        }
    }
    row
}
