//! Answers to interactions: one at first, then edits and follow-ups as long as the token lives.

use serde_json::{Value, json};

use super::{
    super::{
        interactions::{Answer, EPHEMERAL, Exchange, LOADING},
        snowflake::Snowflake,
        world::World,
    },
    call::Call,
    messages,
    reply::{Outcome, Refusal, Reply},
};

/// The kinds of first answers.
const MESSAGE: u64 = 4;
const THINKING: u64 = 5;
const UPDATE_LATER: u64 = 6;
const UPDATE: u64 = 7;
const CHOICES: u64 = 8;
const MODAL: u64 = 9;

/// The one first answer.
pub(super) fn callback(world: &mut World, call: &Call) -> Outcome {
    let (id, token) = (call.id("interaction_id"), call.named("interaction_token"));
    let exchange = world.interactions.awaited(id, token, world.clock.now());
    let exchange = exchange.ok_or_else(Refusal::unknown_interaction)?.clone();
    if exchange.answer.is_some() {
        return Err(Refusal::already_answered());
    }
    let kind = call.field("type").and_then(Value::as_u64).unwrap_or_default();
    let data = call.field("data").cloned().unwrap_or_default();
    let answer = match kind {
        MESSAGE => Answer::Message(say(world, &exchange, &data)?),
        THINKING => Answer::Message(think(world, &exchange, &data)),
        UPDATE_LATER | UPDATE => {
            let pressed = exchange.pressed.ok_or_else(wrong_kind)?;
            if kind == UPDATE {
                change(world, &exchange, pressed, &data)?;
            }
            Answer::Message(pressed)
        }
        CHOICES => Answer::Choices(data["choices"].clone()),
        MODAL => Answer::Modal(data),
        _ => return Err(wrong_kind()),
    };
    if let Some(exchange) = world.interactions.get_mut(id) {
        exchange.answer = Some(answer);
        exchange.deferred = matches!(kind, THINKING | UPDATE_LATER);
    }
    if call.asked("with_response") == Some(true) {
        let interaction = json!({ "id": id, "type": exchange.kind });
        return Ok(Reply::of(json!({ "interaction": interaction })));
    }
    Ok(Reply::nothing())
}

/// One more message. If the bot was still thinking, this is what it was thinking of.
pub(super) fn follow_up(world: &mut World, call: &Call) -> Outcome {
    let exchange = open(world, call)?;
    let body = call.body.clone().unwrap_or_default();
    if let Some(Answer::Message(original)) = exchange.answer {
        let loading = world.answer_message(&exchange, original);
        if loading.is_some_and(|message| message.flags & LOADING != 0) {
            return Ok(Reply::of(change(world, &exchange, original, &body)?));
        }
    }
    let id = say(world, &exchange, &body)?;
    if let Some(exchange) = world.interactions.get_mut(exchange.id) {
        exchange.followups.push(id);
    }
    get_message(world, exchange.id, id)
}

pub(super) fn get(world: &World, call: &Call) -> Outcome {
    let exchange = open(world, call)?;
    get_message(world, exchange.id, meant(&exchange, call)?)
}

pub(super) fn edit(world: &mut World, call: &Call) -> Outcome {
    let exchange = open(world, call)?;
    let id = meant(&exchange, call)?;
    let body = call.body.clone().unwrap_or_default();
    Ok(Reply::of(change(world, &exchange, id, &body)?))
}

pub(super) fn delete(world: &mut World, call: &Call) -> Outcome {
    let exchange = open(world, call)?;
    let id = meant(&exchange, call)?;
    let private = world.interactions.get_mut(exchange.id).and_then(|it| it.private.remove(&id));
    if private.is_none() && !world.remove_message(exchange.channel, id) {
        return Err(Refusal::unknown_message());
    }
    Ok(Reply::nothing())
}

/// The interaction that the token in the path speaks for.
fn open(world: &World, call: &Call) -> Result<Exchange, Refusal> {
    let own = call.id("webhook_id") == world.application.id;
    let exchange = world.interactions.open(call.named("webhook_token"), world.clock.now());
    exchange.filter(|_| own).cloned().ok_or_else(Refusal::invalid_webhook_token)
}

/// The message in the path: a later one by its id, or else the first.
fn meant(exchange: &Exchange, call: &Call) -> Result<Snowflake, Refusal> {
    if !call.named("message_id").is_empty() {
        return Ok(call.id("message_id"));
    }
    match exchange.answer {
        Some(Answer::Message(id)) => Ok(id),
        _ => Err(Refusal::unknown_message()),
    }
}

fn get_message(world: &World, interaction: Snowflake, id: Snowflake) -> Outcome {
    let exchange = world.interactions.get(interaction).ok_or_else(Refusal::unknown_interaction)?;
    let message = world.answer_message(exchange, id).ok_or_else(Refusal::unknown_message)?;
    Ok(Reply::of(world.message_shape(message)))
}

fn say(world: &mut World, exchange: &Exchange, data: &Value) -> Result<Snowflake, Refusal> {
    let mut message = world.draft(exchange.channel, world.bot(), String::new());
    messages::write(world, &mut message, data)?;
    Ok(world.post_answer(exchange.id, message))
}

fn think(world: &mut World, exchange: &Exchange, data: &Value) -> Snowflake {
    let mut message = world.draft(exchange.channel, world.bot(), String::new());
    message.flags = LOADING | data["flags"].as_u64().unwrap_or_default() & EPHEMERAL;
    world.post_answer(exchange.id, message)
}

/// Change a message of this exchange; nobody else's.
fn change(
    world: &mut World,
    exchange: &Exchange,
    id: Snowflake,
    data: &Value,
) -> Result<Value, Refusal> {
    let before = world.answer_message(exchange, id).ok_or_else(Refusal::unknown_message)?;
    let own = exchange.pressed == Some(id) || before.interaction == Some(exchange.id);
    if !own {
        return Err(Refusal::unknown_message());
    }
    let mut after = before.clone();
    let (visibility, thinking) = (after.flags & EPHEMERAL, after.flags & LOADING != 0);
    messages::write(world, &mut after, data)?;
    after.flags = after.flags & !EPHEMERAL | visibility;
    if !thinking {
        after.edited_at = Some(world.clock.now());
    }
    let changed = world.change_answer(exchange.id, id, |message| *message = after);
    changed.ok_or_else(Refusal::unknown_message)
}

fn wrong_kind() -> Refusal {
    Refusal::field("type", "BASE_TYPE_CHOICES", "This interaction takes another kind of answer.")
}
