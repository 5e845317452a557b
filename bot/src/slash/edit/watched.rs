//! What the watch over an edit has seen, in a few lines of its message.

use commands::CommandError;
use commands::ports::Effect;
use commands::self_editing::Watched;

use super::Desk;
use super::pages::beginning;
use super::shown::Shown;
use crate::slash::Call;

/// How many characters of each reason are shown.
const REASON: usize = 120;

impl Desk {
    /// None before it went live, and where nothing is to be told.
    pub(super) async fn watched(
        &self,
        call: &Call,
        shown: &Shown,
    ) -> Result<Option<String>, CommandError> {
        if shown.revision.is_none() {
            return Ok(None);
        }
        let watched = self.editing.watched(shown.id).await?;
        // What the read models cannot tell now is not worth an error.
        let troubles = self.compensations.troubles(&call.caller, shown.id).await;
        let (trouble, troubles) = troubles.unwrap_or_default();
        Ok(in_words(&watched, trouble.first(), troubles))
    }
}

fn in_words(watched: &Watched, newest: Option<&Effect>, troubles: u64) -> Option<String> {
    let mut lines = Vec::new();
    if let Some((alarm, at)) = &watched.alarm {
        let reason = beginning(&alarm.reason, REASON);
        lines.push(format!("The watch raised an alarm <t:{}:R>: {reason}", at.timestamp()));
    }
    if let Some(reason) = &watched.given_up {
        let reason = beginning(reason, REASON);
        lines.push(format!("It could not be taken back by itself: {reason}"));
    }
    if let Some(effect) = newest
        && let Some(trouble) = &effect.trouble
    {
        let (kind, reason) = (effect.kind.replace('_', " "), beginning(trouble, REASON));
        let things = if troubles == 1 { "thing" } else { "things" };
        lines.push(format!(
            "{troubles} {things} it did worked only in part, at last {kind} of {}: {reason}",
            effect.behavior
        ));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::self_editing::{Alarm, Fared};

    use super::*;

    #[test]
    fn what_is_wrong_is_told_and_nothing_else() {
        assert_eq!(in_words(&Watched::default(), None, 0), None);
        let alarm = Alarm {
            behavior: "greet".parse().unwrap(),
            revision: 3,
            before: Fared::default(),
            after: Fared { runs: 3, failed: 3, refused: 0, slow: 0 },
            threshold: 0.1,
            reason: "3 of 3 runs went wrong".to_owned(),
        };
        let alarm = Some((alarm, DateTime::UNIX_EPOCH));
        let given_up = Some("others changed the same lines".to_owned());
        let watched = Watched { alarm, given_up, ..Watched::default() };
        let effect = Effect {
            behavior: "greet".parse().unwrap(),
            call: uuid::Uuid::nil(),
            action: 0,
            kind: "reply".to_owned(),
            at: DateTime::UNIX_EPOCH,
            channel: None,
            user: None,
            outside_id: None,
            trouble: Some("the reaction 🎂: Unknown Emoji".to_owned()),
            undo: Err("no".to_owned()),
        };
        let text = in_words(&watched, Some(&effect), 2).unwrap();
        for part in
            ["3 of 3", "could not be taken back", "2 things", "reply of greet: the reaction"]
        {
            assert!(text.contains(part), "{text}");
        }
    }
}
