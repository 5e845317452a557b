//! A small aggregate: something is counted, with a note each time.

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    pub count: u64,
    pub last_note: String,
}

#[derive(Debug)]
pub struct Count {
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TallyEvent {
    Counted { note: String },
}

#[derive(Debug, thiserror::Error)]
#[error("a count needs a note")]
pub struct NoNote;

impl DomainEvent for TallyEvent {
    fn event_type(&self) -> String {
        "counted".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Tally {
    const TYPE: &'static str = "tally";
    type Command = Count;
    type Event = TallyEvent;
    type Error = NoNote;
    type Services = ();

    async fn handle(
        &mut self,
        Count { note }: Count,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), NoNote> {
        if note.is_empty() {
            return Err(NoNote);
        }
        sink.write(TallyEvent::Counted { note }, self).await;
        Ok(())
    }

    fn apply(&mut self, TallyEvent::Counted { note }: TallyEvent) {
        self.count += 1;
        self.last_note = note;
    }
}

/// As much text as a chat message has.
pub fn note(number: usize) -> String {
    format!(
        "{number:08} as the wheel turns, each palimpsest keeps what was written before, and it shows"
    )
}
