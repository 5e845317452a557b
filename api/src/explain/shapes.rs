//! How explanations look over HTTP.

use commands::explain::{AiSaid, Called, Done, Ended, Explanation, Incoming, Spoken};
use commands::ports::Made;
use domain::behaviors::Power;
use domain::kernel::Outcome;
use poem_openapi::Object;
use poem_openapi::types::Any;
use serde_json::Value;
use uuid::Uuid;

use crate::audit::ActorView;
use crate::request;

/// The chain from what came in to what was done about it.
#[derive(Object)]
#[oai(rename = "Explanation")]
pub(super) struct ExplanationView {
    id: String,
    /// What the id names: `answer`, `call`, `interaction`, `message`, or `own_message`, which the bot
    /// wrote.
    about: String,
    /// All of it in one paragraph of plain words.
    summary: String,
    /// What came in; null for what the clock called.
    event: Option<ExplainedEvent>,
    calls: Vec<ExplainedCall>,
    answers: Vec<ExplainedAnswer>,
    /// Why nothing happened, or not what was wanted; empty when all was done.
    nothing_happened_because: Vec<String>,
}

/// The event that came in.
#[derive(Object)]
struct ExplainedEvent {
    position: u64,
    #[oai(rename = "type")]
    kind: String,
    timestamp: String,
    /// `discord` when it was seen live, `import` when an import or a backfill brought it.
    source: String,
    guild_id: Option<String>,
    channel_id: Option<String>,
    user_id: Option<String>,
    message_id: Option<String>,
    interaction_id: Option<String>,
    /// Of a slash command.
    command: Option<String>,
}

/// A behavior that was called.
#[derive(Object)]
struct ExplainedCall {
    id: Uuid,
    behavior: String,
    file: String,
    description: Option<String>,
    /// The revision of the workspace that was live for the event.
    revision: u64,
    /// The edit that made this version of the file.
    edit: Option<ExplainedEdit>,
    /// What called it: `command`, `prefix_command`, `message`, `member_joined` …
    what: String,
    position: u64,
    timestamp: String,
    /// `failed`, `held` or `ran`.
    status: String,
    /// What it may do, and no more.
    powers: Vec<PowerView>,
    /// Of a call that was held: `cooldown` or `guild_limit`.
    held_by: Option<String>,
    /// Of a failure.
    failure: Option<ExplainedFailure>,
    operations: u64,
    took_us: u64,
    actions: Vec<ExplainedAction>,
}

/// The edit that made the version of a file.
#[derive(Object)]
struct ExplainedEdit {
    edit_id: Uuid,
    /// The revision of the workspace that it made.
    revision: u64,
    /// `applied`, `rolled_back` or `seeded`.
    kind: String,
    author: ActorView,
    description: String,
    applied_at: String,
    /// The edit that it takes back.
    rolls_back: Option<Uuid>,
}

/// A power, and what it allows.
#[derive(Object)]
#[oai(rename = "Power")]
pub(crate) struct PowerView {
    power: String,
    meaning: String,
}

/// Where and why a script failed.
#[derive(Object)]
struct ExplainedFailure {
    file: String,
    line: Option<u32>,
    reason: String,
}

/// An action, and what became of it.
#[derive(Object)]
struct ExplainedAction {
    kind: String,
    /// `[erased]` once its owner was erased; null for an apology.
    content: Any<Value>,
    /// The power that allowed it.
    allowed_by: Option<PowerView>,
    /// `delivered`, `failed` or `unknown`; null while that is not known.
    outcome: Option<String>,
    /// What Discord calls it: a message's id.
    outside_id: Option<String>,
    /// Why not; or of what was delivered, what did not work of it.
    reason: Option<String>,
    settled_at: Option<String>,
    /// What the AI answered, where it was asked.
    ai: Option<ExplainedAi>,
}

#[derive(Object)]
struct ExplainedAi {
    content: String,
    provider: String,
    model: String,
    tokens: u64,
}

/// An answer in a conversation.
#[derive(Object)]
struct ExplainedAnswer {
    id: Uuid,
    conversation_id: String,
    position: u64,
    timestamp: String,
    content: String,
    provider: String,
    model: String,
    tokens: u64,
    processing_ms: u64,
    /// `delivered`, `failed` or `unknown`; null while that is not known, and where it was given in
    /// the reply to a request.
    outcome: Option<String>,
    outside_id: Option<String>,
    reason: Option<String>,
}

impl ExplanationView {
    pub(super) fn of(it: Explanation) -> Self {
        Self {
            summary: it.summary(true),
            id: it.id,
            about: it.about.as_ref().to_owned(),
            event: it.event.map(event),
            calls: it.calls.into_iter().map(call).collect(),
            answers: it.answers.into_iter().map(answer).collect(),
            nothing_happened_because: it.nothing_happened_because,
        }
    }
}

impl PowerView {
    pub(crate) fn of(power: Power) -> Self {
        Self { power: power.as_str().to_owned(), meaning: power.meaning().to_owned() }
    }
}

fn event(it: Incoming) -> ExplainedEvent {
    ExplainedEvent {
        position: it.position,
        kind: it.kind,
        timestamp: request::shown(it.at),
        source: it.source.as_ref().to_owned(),
        guild_id: it.guild.map(|id| id.to_string()),
        channel_id: it.channel.map(|id| id.to_string()),
        user_id: it.user.map(|id| id.to_string()),
        message_id: it.message.map(|id| id.to_string()),
        interaction_id: it.interaction.map(|id| id.to_string()),
        command: it.command,
    }
}

fn call(it: Called) -> ExplainedCall {
    let (status, held_by, failure) = match it.ended {
        Ended::Failed { line, reason } => {
            ("failed", None, Some(ExplainedFailure { file: it.file.clone(), line, reason }))
        }
        Ended::Held(why) => ("held", Some(why.as_ref().to_owned()), None),
        Ended::Ran => ("ran", None, None),
    };
    ExplainedCall {
        id: it.id,
        behavior: it.behavior.to_string(),
        file: it.file,
        description: it.description,
        revision: it.revision,
        edit: it.made.map(edit),
        what: it.what,
        position: it.position,
        timestamp: request::shown(it.at),
        status: status.to_owned(),
        powers: it.powers.into_iter().map(PowerView::of).collect(),
        held_by,
        failure,
        operations: it.operations,
        took_us: it.took_us,
        actions: it.actions.into_iter().map(action).collect(),
    }
}

fn edit(it: Made) -> ExplainedEdit {
    let names = it.author_name.map(|name| (it.author.clone(), name)).into_iter().collect();
    ExplainedEdit {
        edit_id: it.edit.0,
        revision: it.revision,
        kind: it.kind,
        author: ActorView::of(&it.author, &names),
        description: it.description,
        applied_at: request::shown(it.applied_at),
        rolls_back: it.rolls_back.map(|it| it.0),
    }
}

fn action(it: Done) -> ExplainedAction {
    let (outcome, outside_id, reason) = ended(it.outcome);
    ExplainedAction {
        kind: it.kind,
        content: Any(it.content),
        allowed_by: it.power.map(PowerView::of),
        outcome,
        outside_id,
        reason: reason.or(it.trouble),
        settled_at: it.settled_at.map(request::shown),
        ai: it.ai.map(|AiSaid { content, provider, model, tokens }| ExplainedAi {
            content,
            provider,
            model,
            tokens,
        }),
    }
}

fn answer(it: Spoken) -> ExplainedAnswer {
    let (outcome, outside_id, reason) = ended(it.outcome);
    ExplainedAnswer {
        id: it.id,
        conversation_id: it.conversation.to_string(),
        position: it.position,
        timestamp: request::shown(it.at),
        content: it.said.content,
        provider: it.said.provider,
        model: it.said.model,
        tokens: it.said.tokens,
        processing_ms: it.processing_ms,
        outcome,
        outside_id,
        reason,
    }
}

/// The word, the id outside, and the reason.
fn ended(outcome: Option<Outcome>) -> (Option<String>, Option<String>, Option<String>) {
    let word = |word: &str| Some(word.to_owned());
    match outcome {
        Some(Outcome::Delivered { outside_id }) => {
            (word("delivered"), Some(outside_id).filter(|it| !it.is_empty()), None)
        }
        Some(Outcome::Failed { reason }) => (word("failed"), None, Some(reason)),
        Some(Outcome::Unknown { reason }) => (word("unknown"), None, Some(reason)),
        None => (None, None, None),
    }
}
