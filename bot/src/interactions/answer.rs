//! The one place that sends replies: in time, whole, and without pinging anybody.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use commands::CommandError;
use commands::behaviors::Answer;
use commands::conversation::pieces;
use domain::identity::Permission;
use domain::kernel::Ground;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::recorder::Tools;
use crate::rest::{self, Ticket, Trouble};
use crate::slash::{Form, Reply};

/// The kinds of first answers.
const MESSAGE: u8 = 4;
const THINKING: u8 = 5;
const CHOICES: u8 = 8;
const MODAL: u8 = 9;

pub(super) const TOO_LATE_FOR_A_FORM: &str =
    "That took too long to show the form. Please use the command again.";

/// How often an answer is tried while Discord does not take it.
const TRIES: u32 = 3;
const WAIT: Duration = Duration::from_millis(300);

/// Answers one interaction.
pub(super) struct Answering {
    tools: Arc<Tools>,
    ticket: Ticket,
    /// Whether Discord was told that we think, and whether in private; it may not have heard.
    thought: OnceLock<bool>,
}

impl Answering {
    pub(super) fn new(tools: Arc<Tools>, ticket: Ticket) -> Self {
        Self { tools, ticket, thought: OnceLock::new() }
    }

    /// Tells Discord that we think; whether it knows now.
    pub(super) async fn think(&self, private: bool) -> bool {
        self.thought.get_or_init(|| private);
        let flags = if private { 1 << 6 } else { 0 };
        let thinking = json!({ "type": THINKING, "data": { "flags": flags } });
        match self.patiently(Step::Respond(thinking)).await {
            Ok(()) => true,
            // An earlier try came through, though its answer was lost.
            Err(trouble) => trouble.is_answered(),
        }
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
                return match self.patiently(Step::Respond(modal)).await {
                    Err(trouble) if trouble.is_answered() && self.thought.get().is_none() => Ok(()),
                    Err(trouble) if trouble.is_answered() => {
                        let late = rest::message(TOO_LATE_FOR_A_FORM, true);
                        self.patiently(Step::Amend(without_flags(late))).await
                    }
                    ended => ended,
                };
            }
            Reply::Private(text) => (text, true),
            Reply::Public(text) => (text, false),
            // Each of its messages is given on its own, by `say`.
            Reply::Scripted(_) => return Ok(()),
        };
        let mut pieces = pieces(&text).into_iter();
        let first = pieces.next().unwrap_or_else(|| "(nothing)".to_owned());
        let first = rest::message(&first, private);
        let mut taken = deferred;
        if !deferred {
            let answer = json!({ "type": MESSAGE, "data": first });
            match self.patiently(Step::Respond(answer)).await {
                // Either this came through before, or that we think did: both can be amended.
                Err(trouble) if trouble.is_answered() => taken = true,
                ended => ended?,
            }
        }
        if taken && self.thought.get().is_none_or(|thought| *thought == private) {
            self.patiently(Step::Amend(without_flags(first))).await?;
        } else if taken {
            // What was thought about in the open cannot become private: it is taken back.
            self.patiently(Step::Retract).await?;
            self.patiently(Step::FollowUp(first)).await?;
        }
        for piece in pieces {
            self.patiently(Step::FollowUp(rest::message(&piece, private))).await?;
        }
        Ok(())
    }

    /// Says one thing of a behavior, as the first word or after others; answers the message's id.
    pub(super) async fn say(
        &self,
        answer: &Answer,
        deferred: bool,
        first: bool,
    ) -> Result<String, Trouble> {
        let Answer { text, private, reactions, .. } = answer;
        if !first {
            for piece in pieces(text) {
                self.patiently(Step::FollowUp(rest::message(&piece, *private))).await?;
            }
            return Ok(String::new());
        }
        let reply =
            if *private { Reply::Private(text.clone()) } else { Reply::Public(text.clone()) };
        self.give(reply, deferred).await?;
        let rest = &self.tools.rest;
        let (channel, message) = match rest.original(&self.ticket).await {
            Ok(said) => said,
            // It was said; only what it is called is not known.
            Err(trouble) => {
                tracing::debug!(%trouble, "an answer's id is unknown");
                return Ok(String::new());
            }
        };
        for emoji in reactions {
            rest.react(channel, message, emoji).await?;
        }
        Ok(message.to_string())
    }

    /// Tries again what bears repeating.
    async fn patiently(&self, step: Step) -> Result<(), Trouble> {
        let (rest, ticket) = (&self.tools.rest, &self.ticket);
        let mut tries = 1;
        loop {
            let done = match &step {
                Step::Amend(message) => rest.amend(ticket, message).await,
                Step::FollowUp(message) => rest.follow_up(ticket, message).await,
                Step::Respond(answer) => rest.respond(ticket, answer).await,
                Step::Retract => rest.retract(ticket).await,
            };
            match done {
                Err(trouble) if step.bears_repeating(&trouble) && tries < TRIES => {
                    sleep(trouble.after().unwrap_or(WAIT * tries)).await;
                }
                ended => return ended,
            }
            tries += 1;
        }
    }
}

/// One request of an answer.
enum Step {
    Amend(Value),
    FollowUp(Value),
    Respond(Value),
    Retract,
}

impl Step {
    /// Whether to try again: what may have come through is sent twice only where that does no harm.
    fn bears_repeating(&self, trouble: &Trouble) -> bool {
        match self {
            Self::Amend(_) | Self::Respond(_) | Self::Retract => trouble.passes(),
            Self::FollowUp(_) => trouble.after().is_some(),
        }
    }
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
    let carried: Vec<_> =
        form.carried.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let id = if carried.is_empty() {
        form.id.to_owned()
    } else {
        format!("{}?{}", form.id, carried.join("&"))
    };
    json!({ "custom_id": id, "title": form.title, "components": rows.collect::<Vec<_>>() })
}

fn edits(needed: Permission) -> bool {
    matches!(
        needed,
        Permission::ApproveSelfEdit
            | Permission::ProposeSelfEdit
            | Permission::ReadSelfEdit
            | Permission::RollbackSelfEdit
    )
}

/// What went wrong, and what to do next.
pub(super) fn in_plain_words(error: &CommandError, trusted: bool) -> String {
    match error {
        CommandError::Forbidden { needed } if !trusted && edits(*needed) => format!(
            "You may not do this here. It takes the permission `{needed}`, and I am the same in all \
             servers: only people who manage a server that I trust have it. Whoever runs me names \
             such servers in `discord.trusted_guilds`."
        ),
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
        CommandError::Rejected(no)
            if matches!(no.code, Some("RATE_LIMIT_EXCEEDED" | "UNAVAILABLE")) =>
        {
            no.reason.clone()
        }
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
