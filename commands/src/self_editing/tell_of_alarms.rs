//! When the watch raises an alarm, tell the people who wrote and approved the edit.

use std::sync::Arc;

use async_trait::async_trait;
use domain::kernel::{Actor, ActorKind, Cause, EditId, Event, Outcome, Recorded};
use domain::self_editing::{WatchCommand, WatchEvent};

use super::SelfEditing;
use crate::ports::{Discord, Post, TryLater};
use crate::{CommandError, Reactor, Setback};

/// See the module.
pub struct TellOfAlarms {
    pub self_editing: SelfEditing,
    pub discord: Arc<dyn Discord>,
}

#[async_trait]
impl Reactor for TellOfAlarms {
    fn name(&self) -> &'static str {
        "tell_of_alarms"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        matches!(
            &recorded.event,
            Event::Watch(_, WatchEvent::Alarmed(_) | WatchEvent::GivenUp { .. })
        )
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        let Event::Watch(edit, event) = &recorded.event else { return Ok(()) };
        let Some(text) = words(*edit, event) else { return Ok(()) };
        let watch = self.self_editing.watches.load(edit).await?.aggregate;
        for whom in self.concerned(*edit).await? {
            // Who was told before this was cut off is not told again.
            if watch.was_told(&whom, recorded.position) {
                continue;
            }
            let later = |it: TryLater| Setback::Retry { reason: it.to_string(), after: it.after };
            let outcome = self.tell(recorded, &whom, &text).await.map_err(later)?;
            let cause = Cause::answering(recorded, self.name()).then(&whom.id);
            let told = WatchCommand::RecordTold { whom, about: recorded.position, outcome };
            self.self_editing.watches.execute(edit, told, &cause).await?;
        }
        Ok(())
    }
}

fn words(edit: EditId, event: &WatchEvent) -> Option<String> {
    match event {
        WatchEvent::Alarmed(alarm) => Some(format!(
            "I am taking the edit `{edit}` back by myself, because it does harm: {}. \
             `/edit show id:{edit}` shows it.",
            alarm.reason
        )),
        WatchEvent::GivenUp { reason } => Some(format!(
            "I could not take the edit `{edit}` back by myself: {reason}. Please decide: \
             `/edit rollback id:{edit}`"
        )),
        WatchEvent::Told { .. } => None,
    }
}

impl TellOfAlarms {
    /// Who wrote and who approved it, as far as Discord knows them; others read the audit.
    async fn concerned(&self, edit: EditId) -> Result<Vec<Actor>, CommandError> {
        let edit = self.self_editing.edits.load(&edit).await?.aggregate;
        let people = [edit.approved_by(), edit.author()].into_iter().flatten();
        let mut people: Vec<_> =
            people.filter(|it| it.kind == ActorKind::Discord).cloned().collect();
        people.dedup();
        Ok(people)
    }

    async fn tell(
        &self,
        recorded: &Recorded,
        whom: &Actor,
        text: &str,
    ) -> Result<Outcome, TryLater> {
        let failed = |reason: String| Outcome::Failed { reason };
        let Ok(user) = whom.id.parse() else {
            return Ok(failed(format!("{} is not a Discord id", whom.id)));
        };
        let channel = match self.discord.direct(user).await? {
            Ok(channel) => channel,
            Err(reason) => return Ok(failed(reason)),
        };
        let name = [recorded.id.as_bytes().as_slice(), whom.id.as_bytes()].concat();
        let nonce = blake3::hash(&name).to_hex()[..24].to_owned();
        let text = text.to_owned();
        let (reply_to, pings) = (None, None);
        let (not_before, taken) = (recorded.recorded_at, Vec::new());
        let post = Post { channel, text, reply_to, pings, nonce, not_before, taken };
        self.discord.post(&post).await
    }
}
