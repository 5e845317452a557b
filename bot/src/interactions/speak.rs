//! What behaviors say in answer to slash commands, and what the messages are called.

use commands::behaviors::{Answer, Said};
use domain::kernel::{MessageId, Outcome};

use super::answer::{Answering, Step, messages};
use crate::rest::Trouble;

impl Answering {
    /// Says one thing of a behavior, as the first word or after others; answers what the messages
    /// are called. What stands there is told also where the rest did not work.
    pub(super) async fn speak(
        &self,
        answer: &Answer,
        deferred: bool,
        first: bool,
    ) -> Result<Said, Trouble> {
        let Answer { text, private, reactions, .. } = answer;
        if !first {
            let mut messages = messages(text, *private).into_iter();
            let id = match messages.next() {
                Some(message) => self.step(Step::FollowUp(message)).await?,
                None => None,
            };
            return Ok(said(id, self.go_on(messages).await, None));
        }
        let rest_of_it = self.say(messages(text, *private), *private, deferred).await?;
        let rest = &self.tools.rest;
        let (channel, message) = match rest.original(&self.ticket).await {
            Ok(said) => said,
            // It was said; only what it is called is not known.
            Err(trouble) => {
                tracing::debug!(%trouble, "an answer's id is unknown");
                return Ok(said(None, rest_of_it, None));
            }
        };
        let mut refused = None;
        for emoji in reactions {
            // The message is there, and can be taken back under its id.
            if let Err(trouble) = rest.react(channel, message, emoji).await {
                refused = Some(format!("the reaction {emoji}: {trouble}"));
            }
        }
        Ok(said(Some(message), rest_of_it, refused))
    }
}

/// What became of something that a behavior says, whose first message is there.
fn said(
    first: Option<MessageId>,
    (also, late): (Vec<MessageId>, Option<Trouble>),
    refused: Option<String>,
) -> Said {
    let outside_id = first.map(|id| id.to_string()).unwrap_or_default();
    let late = late.map(|trouble| format!("message {} of it: {trouble}", also.len() + 2));
    let trouble: Vec<_> = late.into_iter().chain(refused).collect();
    let trouble = Some(trouble.join("; ")).filter(|it| !it.is_empty());
    Said { outcome: Outcome::Delivered { outside_id }, also, trouble }
}
