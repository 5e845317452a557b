//! A watch is what the platform keeps an eye on for a while after an edit went live.

use serde::{Deserialize, Serialize};

use crate::kernel::{Actor, BehaviorId, Ground, Outcome, Rejection, aggregate};

/// What came of it so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Watch {
    alarmed: bool,
    given_up: bool,
    /// Who was told of which event.
    told: Vec<(Actor, u64)>,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchCommand {
    /// A behavior that the edit changed fares worse than before.
    Alarm(Alarm),
    /// The edit could not be taken back.
    GiveUp { reason: String },
    /// Record that somebody was told of the event at this position, or could not be.
    RecordTold { whom: Actor, about: u64, outcome: Outcome },
}

/// What is worse than before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    pub behavior: BehaviorId,
    /// The revision that the edit made.
    pub revision: u64,
    pub before: Fared,
    pub after: Fared,
    /// The share of bad runs that is put up with on top of that before.
    pub threshold: f64,
    /// In plain words.
    pub reason: String,
}

/// How a behavior fared for some time, in runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fared {
    pub runs: u64,
    pub failed: u64,
    /// Actions that were refused, by Discord or by the platform.
    pub refused: u64,
    /// Those that took too long.
    pub slow: u64,
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum WatchEvent {
    Alarmed(Alarm),
    GivenUp { reason: String },
    Told { whom: Actor, about: u64, outcome: Outcome },
}

/// There is nothing it refuses.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {}

impl Rejection for WatchError {
    fn ground(&self) -> Ground {
        match *self {}
    }
}

impl Watch {
    /// Whether it is left to people.
    pub fn is_given_up(&self) -> bool {
        self.given_up
    }

    /// Whether it is known what became of telling this person of the event at this position.
    pub fn was_told(&self, whom: &Actor, about: u64) -> bool {
        self.told.iter().any(|it| it.0 == *whom && it.1 == about)
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: WatchCommand) -> Result<Vec<WatchEvent>, WatchError> {
        use {WatchCommand as Do, WatchEvent as Did};

        let event = match command {
            Do::Alarm(_) if self.alarmed => return Ok(vec![]),
            Do::Alarm(alarm) => Did::Alarmed(alarm),
            Do::GiveUp { .. } if self.given_up => return Ok(vec![]),
            Do::GiveUp { reason } => Did::GivenUp { reason },
            Do::RecordTold { whom, about, .. } if self.was_told(&whom, about) => {
                return Ok(vec![]);
            }
            Do::RecordTold { whom, about, outcome } => Did::Told { whom, about, outcome },
        };
        Ok(vec![event])
    }

    /// The memory. Never fails: what happened, happened.
    fn evolve(&mut self, event: &WatchEvent) {
        match event {
            WatchEvent::Alarmed(_) => self.alarmed = true,
            WatchEvent::GivenUp { .. } => self.given_up = true,
            WatchEvent::Told { whom, about, .. } => self.told.push((whom.clone(), *about)),
        }
    }
}

aggregate!(Watch: "watch", WatchCommand -> WatchEvent | WatchError);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::testing::given;

    #[test]
    fn who_was_told_of_an_event_is_not_told_of_it_again() {
        let (whom, outcome) = (Actor::discord(7), Outcome::Failed { reason: "closed".into() });
        let told = |about| WatchEvent::Told { whom: whom.clone(), about, outcome: outcome.clone() };
        let record = |about| WatchCommand::RecordTold {
            whom: whom.clone(),
            about,
            outcome: outcome.clone(),
        };
        given::<Watch>([told(5)]).when(record(5)).then_expect_events(vec![]);
        given::<Watch>([told(5)]).when(record(6)).then_expect_events(vec![told(6)]);

        let mut watch = Watch::default();
        watch.evolve(&told(5));
        assert!(watch.was_told(&whom, 5) && !watch.was_told(&whom, 6));
        assert!(!watch.was_told(&Actor::discord(8), 5));
    }
}
