//! What the watch over an edit has seen since it went live.

use chrono::{DateTime, Utc};
use domain::kernel::{Actor, EditId, Event, Expected, Outcome, Recorded, StreamId};
use domain::self_editing::{Alarm, Watch, WatchEvent};

use super::SelfEditing;
use crate::CommandError;

/// How many events of a watch are read: an alarm, a word of resignation, and who was told.
const EVENTS: usize = 1_000;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Watched {
    /// What was worse than before, and when that was seen.
    pub alarm: Option<(Alarm, DateTime<Utc>)>,
    /// Why the edit could not be taken back.
    pub given_up: Option<String>,
    pub told: Vec<Telling>,
}

/// Somebody who was told of it, or could not be.
#[derive(Debug, Clone, PartialEq)]
pub struct Telling {
    pub whom: Actor,
    pub at: DateTime<Utc>,
    pub outcome: Outcome,
}

impl Watched {
    fn and(mut self, recorded: Recorded) -> Self {
        let at = recorded.recorded_at;
        match recorded.event {
            Event::Watch(_, WatchEvent::Alarmed(alarm)) => self.alarm = Some((alarm, at)),
            Event::Watch(_, WatchEvent::GivenUp { reason }) => self.given_up = Some(reason),
            Event::Watch(_, WatchEvent::Told { whom, outcome, .. }) => {
                self.told.push(Telling { whom, at, outcome });
            }
            _ => {}
        }
        self
    }
}

impl SelfEditing {
    /// What the watch over an edit has seen; nothing where all went well.
    pub async fn watched(&self, edit: EditId) -> Result<Watched, CommandError> {
        let stream = StreamId::of::<Watch>(&edit);
        let history = self.journal.read_stream(&stream, Expected::New, EVENTS).await?;
        Ok(history.into_iter().fold(Watched::default(), Watched::and))
    }
}
