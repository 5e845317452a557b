//! The one place that sends replies: in time, whole, and without pinging anybody.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use commands::CommandError;
use commands::conversation::pieces;
use domain::identity::Permission;
use domain::kernel::{Ground, MessageId};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::recorder::Tools;
use crate::rest::{self, Ticket, Trouble};
use crate::slash::{Button, Card, Choice, Form, Look, Reply, custom_id};

/// The kinds of first answers.
const MESSAGE: u8 = 4;
const THINKING: u8 = 5;
const UPDATE_LATER: u8 = 6;
const UPDATE: u8 = 7;
const CHOICES: u8 = 8;
const MODAL: u8 = 9;

pub(super) const TOO_LATE_FOR_A_FORM: &str =
    "That took too long to show the form. Please try again.";

/// How often an answer is tried while Discord does not take it.
const TRIES: u32 = 3;
const WAIT: Duration = Duration::from_millis(300);

/// Answers one interaction.
pub(super) struct Answering {
    pub(super) tools: Arc<Tools>,
    pub(super) ticket: Ticket,
    /// Whether it began with a message whose button was pressed.
    pressed: bool,
    /// Whether Discord was told that we think, and how; it may not have heard.
    thought: OnceLock<Thought>,
}

/// How it is shown that we think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thought {
    Open,
    Private,
    /// Not at all: the message whose button was pressed may change later.
    Silent,
}

impl Answering {
    pub(super) fn new(tools: Arc<Tools>, ticket: Ticket, pressed: bool) -> Self {
        Self { tools, ticket, pressed, thought: OnceLock::new() }
    }

    /// Tells Discord that we think; whether it knows now.
    pub(super) async fn think(&self, private: bool) -> bool {
        let thought = match (self.pressed, private) {
            (true, _) => Thought::Silent,
            (false, true) => Thought::Private,
            (false, false) => Thought::Open,
        };
        self.thought.get_or_init(|| thought);
        let thinking = match thought {
            Thought::Silent => json!({ "type": UPDATE_LATER }),
            Thought::Open => json!({ "type": THINKING, "data": { "flags": 0 } }),
            Thought::Private => json!({ "type": THINKING, "data": { "flags": 1 << 6 } }),
        };
        match self.patiently(Step::Respond(thinking)).await {
            Ok(()) => true,
            // An earlier try came through, though its answer was lost.
            Err(trouble) => trouble.is_answered(),
        }
    }

    /// Suggestions for what is being typed; too late they are of no use.
    pub(super) async fn suggest(&self, choices: &[Choice]) {
        let choices: Vec<_> =
            choices.iter().map(|it| json!({ "name": it.name, "value": it.value })).collect();
        let answer = json!({ "type": CHOICES, "data": { "choices": choices } });
        if let Err(trouble) = self.tools.rest.respond(&self.ticket, &answer).await {
            tracing::debug!(%trouble, "suggestions could not be sent");
        }
    }

    /// Gives the reply, as the first word or after thinking.
    pub(super) async fn give(&self, reply: Reply, deferred: bool) -> Result<(), Trouble> {
        match reply {
            Reply::Card(card) => {
                let message = card_message(&card);
                self.say_all(vec![message], card.private, deferred).await
            }
            Reply::Form(form) => self.show(&form).await,
            Reply::Private(text) => self.say_all(messages(&text, true), true, deferred).await,
            Reply::Public(text) => self.say_all(messages(&text, false), false, deferred).await,
            // Each of its messages is given on its own, by `speak`.
            Reply::Scripted(_) => Ok(()),
            Reply::Replaced(card) if self.pressed => self.replace(&card, deferred).await,
            Reply::Replaced(card) => {
                let message = card_message(&card);
                self.say_all(vec![message], card.private, deferred).await
            }
        }
    }

    async fn show(&self, form: &Form) -> Result<(), Trouble> {
        let modal = json!({ "type": MODAL, "data": modal(form) });
        match self.patiently(Step::Respond(modal)).await {
            Err(trouble) if trouble.is_answered() && self.thought.get().is_none() => Ok(()),
            Err(trouble) if trouble.is_answered() => {
                let late = rest::message(TOO_LATE_FOR_A_FORM, true);
                if self.thought.get() == Some(&Thought::Silent) {
                    return self.patiently(Step::FollowUp(late)).await;
                }
                self.patiently(Step::Amend(without_flags(late))).await
            }
            ended => ended,
        }
    }

    /// Changes the message whose button was pressed.
    async fn replace(&self, card: &Card, deferred: bool) -> Result<(), Trouble> {
        let message = without_flags(card_message(card));
        if !deferred {
            let answer = json!({ "type": UPDATE, "data": message });
            match self.patiently(Step::Respond(answer)).await {
                Err(trouble) if trouble.is_answered() => {}
                ended => return ended,
            }
        }
        self.patiently(Step::Amend(message)).await
    }

    /// Says all of it, or tells why not.
    async fn say_all(
        &self,
        messages: Vec<Value>,
        private: bool,
        deferred: bool,
    ) -> Result<(), Trouble> {
        self.say(messages, private, deferred).await?.1.map_or(Ok(()), Err)
    }

    /// Says something; answers what the messages after the first one are called, and why they end
    /// too soon if they do.
    pub(super) async fn say(
        &self,
        messages: Vec<Value>,
        private: bool,
        deferred: bool,
    ) -> Result<(Vec<MessageId>, Option<Trouble>), Trouble> {
        let mut messages = messages.into_iter();
        let first = messages.next().unwrap_or_else(|| rest::message("(nothing)", private));
        let mut taken = deferred;
        if !deferred {
            let answer = json!({ "type": MESSAGE, "data": first });
            match self.patiently(Step::Respond(answer)).await {
                // Either this came through before, or that we think did: both can be amended.
                Err(trouble) if trouble.is_answered() => taken = true,
                ended => ended?,
            }
        }
        let fitting = if private { Thought::Private } else { Thought::Open };
        match self.thought.get() {
            _ if !taken => {}
            None => self.patiently(Step::Amend(without_flags(first))).await?,
            Some(thought) if *thought == fitting => {
                self.patiently(Step::Amend(without_flags(first))).await?;
            }
            Some(Thought::Silent) => self.patiently(Step::FollowUp(first)).await?,
            Some(_) => {
                // What was thought about in the open cannot become private: it is taken back.
                self.patiently(Step::Retract).await?;
                self.patiently(Step::FollowUp(first)).await?;
            }
        }
        Ok(self.go_on(messages).await)
    }

    /// Says what comes after the first message, as far as that goes.
    pub(super) async fn go_on(
        &self,
        messages: impl Iterator<Item = Value>,
    ) -> (Vec<MessageId>, Option<Trouble>) {
        let mut said = Vec::new();
        for message in messages {
            match self.step(Step::FollowUp(message)).await {
                Ok(id) => said.extend(id),
                Err(trouble) => return (said, Some(trouble)),
            }
        }
        (said, None)
    }

    async fn patiently(&self, step: Step) -> Result<(), Trouble> {
        self.step(step).await.map(drop)
    }

    /// Tries again what bears repeating; answers what a further message is called.
    pub(super) async fn step(&self, step: Step) -> Result<Option<MessageId>, Trouble> {
        let (rest, ticket) = (&self.tools.rest, &self.ticket);
        let mut tries = 1;
        loop {
            let done = match &step {
                Step::Amend(message) => rest.amend(ticket, message).await.map(|()| None),
                Step::FollowUp(message) => rest.follow_up(ticket, message).await,
                Step::Respond(answer) => rest.respond(ticket, answer).await.map(|()| None),
                Step::Retract => rest.retract(ticket).await.map(|()| None),
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
pub(super) enum Step {
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
    let id = custom_id(form.id, &form.carried);
    json!({ "custom_id": id, "title": form.title, "components": rows.collect::<Vec<_>>() })
}

/// A text as messages that Discord takes.
pub(super) fn messages(text: &str, private: bool) -> Vec<Value> {
    pieces(text).into_iter().map(|piece| rest::message(&piece, private)).collect()
}

fn card_message(card: &Card) -> Value {
    let rows = card.buttons.chunks(5).map(|row| {
        let row: Vec<_> = row.iter().map(button).collect();
        json!({ "type": 1, "components": row })
    });
    let mut message = rest::message(&card.text, card.private);
    message["components"] = rows.collect();
    message
}

fn button(button: &Button) -> Value {
    let style = match button.look {
        Look::Danger => 4,
        Look::Plain => 2,
        Look::Success => 3,
    };
    json!({
        "type": 2,
        "style": style,
        "label": button.label,
        "custom_id": custom_id(button.command, &button.carried),
    })
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
