//! The one place that sends replies: in time, whole, and without pinging anybody.

use std::sync::Arc;
use std::time::Duration;

use commands::CommandError;
use domain::kernel::Ground;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::recorder::Tools;
use crate::rest::{self, Ticket, Trouble};
use crate::slash::{Form, Reply, pieces};

/// The kinds of first answers.
const MESSAGE: u8 = 4;
const THINKING: u8 = 5;
const CHOICES: u8 = 8;
const MODAL: u8 = 9;

/// How often an answer is tried while Discord does not take it.
const TRIES: u32 = 3;
const WAIT: Duration = Duration::from_millis(300);

/// Answers one interaction.
pub(super) struct Answering {
    tools: Arc<Tools>,
    ticket: Ticket,
    private: std::sync::atomic::AtomicBool,
}

impl Answering {
    pub(super) fn new(tools: Arc<Tools>, ticket: Ticket) -> Self {
        Self { tools, ticket, private: false.into() }
    }

    /// Tells Discord that we think; whether it knows now.
    pub(super) async fn think(&self, private: bool) -> bool {
        self.private.store(private, std::sync::atomic::Ordering::Relaxed);
        let flags = if private { 1 << 6 } else { 0 };
        let thinking = json!({ "type": THINKING, "data": { "flags": flags } });
        self.patiently(Step::Respond(thinking)).await.is_ok()
    }

    pub(super) async fn no_suggestions(&self) {
        let none = json!({ "type": CHOICES, "data": { "choices": [] } });
        if let Err(trouble) = self.tools.rest.respond(&self.ticket, &none).await {
            tracing::debug!(%trouble, "suggestions could not be sent");
        }
    }

    /// Gives the reply, as the first word or after thinking.
    pub(super) async fn give(&self, reply: Reply, deferred: bool) -> Result<(), Trouble> {
        let (text, private) = match reply {
            Reply::Form(form) => {
                let modal = json!({ "type": MODAL, "data": modal(&form) });
                return self.patiently(Step::Respond(modal)).await;
            }
            Reply::Private(text) => (text, true),
            Reply::Public(text) => (text, false),
        };
        let mut pieces = pieces(&text).into_iter();
        let first = pieces.next().unwrap_or_else(|| "(nothing)".to_owned());
        let first = rest::message(&first, private);
        let thought_in_private = self.private.load(std::sync::atomic::Ordering::Relaxed);
        if !deferred {
            let answer = json!({ "type": MESSAGE, "data": first });
            self.patiently(Step::Respond(answer)).await?;
        } else if private == thought_in_private {
            self.patiently(Step::Amend(without_flags(first))).await?;
        } else {
            // What was thought about in the open cannot become private: it is taken back.
            self.patiently(Step::Retract).await?;
            self.tools.rest.follow_up(&self.ticket, &first).await?;
        }
        for piece in pieces {
            self.tools.rest.follow_up(&self.ticket, &rest::message(&piece, private)).await?;
        }
        Ok(())
    }

    /// Tries again what bears repeating.
    async fn patiently(&self, step: Step) -> Result<(), Trouble> {
        let (rest, ticket) = (&self.tools.rest, &self.ticket);
        let mut tries = 1;
        loop {
            let done = match &step {
                Step::Amend(message) => rest.amend(ticket, message).await,
                Step::Respond(answer) => rest.respond(ticket, answer).await,
                Step::Retract => rest.retract(ticket).await,
            };
            match done {
                Err(trouble) if trouble.passes() && tries < TRIES => sleep(WAIT * tries).await,
                ended => return ended,
            }
            tries += 1;
        }
    }
}

/// What may be sent twice without harm.
enum Step {
    Amend(Value),
    Respond(Value),
    Retract,
}

/// An edit keeps the privacy of what it edits.
fn without_flags(mut message: Value) -> Value {
    if let Some(fields) = message.as_object_mut() {
        fields.remove("flags");
    }
    message
}

fn modal(form: &Form) -> Value {
    let rows = form.fields.iter().map(|field| {
        let mut input = json!({
            "type": 4,
            "custom_id": field.name,
            "label": field.label,
            "style": if field.long { 2 } else { 1 },
            "required": true,
        });
        if !field.value.is_empty() {
            input["value"] = json!(field.value);
        }
        json!({ "type": 1, "components": [input] })
    });
    json!({ "custom_id": form.id, "title": form.title, "components": rows.collect::<Vec<_>>() })
}

/// What went wrong, and what to do next.
pub(super) fn in_plain_words(error: &CommandError) -> String {
    match error {
        CommandError::Conflict | CommandError::Moved { .. } => {
            "Somebody else changed this at the same moment. Please try again.".to_owned()
        }
        CommandError::Forbidden { needed } => {
            let meaning = needed.meaning();
            format!(
                "You may not do this. It takes the permission `{needed}` ({meaning}). People who \
                 manage this server have it: ask one of them."
            )
        }
        CommandError::NotFound(what) => {
            format!("There is no {what}. Please check what you typed.")
        }
        // It says itself what to do.
        CommandError::Rejected(no) if no.code == Some("RATE_LIMIT_EXCEEDED") => no.reason.clone(),
        CommandError::Rejected(no) => {
            let next = match (no.ground, &no.field) {
                (Ground::Input, Some(field)) => format!(" Please correct `{field}` and try again."),
                (Ground::Input, None) => " Please correct it and try again.".to_owned(),
                (Ground::Missing, _) => " Please check what you typed.".to_owned(),
                (Ground::Person, _) => " Please ask somebody else to do it.".to_owned(),
                (Ground::State, _) => " Look at how it stands now, then decide anew.".to_owned(),
            };
            let reason = match &no.field {
                Some(field) if !no.reason.contains(field.as_str()) => {
                    format!("{field}: {}", no.reason)
                }
                _ => no.reason.clone(),
            };
            format!("That did not work: {reason}.{next}")
        }
        CommandError::Unavailable(_) => {
            "This is not available right now. Please try again in a minute.".to_owned()
        }
    }
}
