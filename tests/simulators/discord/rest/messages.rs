//! Messages: reading them page by page, sending, editing, deleting.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::{
        shapes,
        snowflake::Snowflake,
        world::{Channel, Message, World},
    },
    call::Call,
    channels,
    reply::{Outcome, Refusal, Reply},
};

const LONGEST: usize = 2000;

/// For how long a nonce stands for the message it was first sent with.
const NONCE_LIFE: Duration = Duration::from_mins(5);

/// A page of messages, always the newest first. `after` takes those that follow at once, not the
/// newest of all.
pub(super) fn list(world: &World, call: &Call) -> Outcome {
    let channel = channels::named(world, call)?;
    let limit: usize = call.asked("limit").unwrap_or(50);
    let mut page: Vec<&Message> = if let Some(around) = call.asked::<Snowflake>("around") {
        let older = channel.messages.range(..around).rev().take(limit / 2);
        let newer = channel.messages.range(around..).take(limit - limit / 2);
        older.chain(newer).map(|(_, message)| message).collect()
    } else if let Some(before) = call.asked::<Snowflake>("before") {
        channel.messages.range(..before).rev().take(limit).map(|(_, message)| message).collect()
    } else if let Some(Snowflake(after)) = call.asked("after") {
        let newer = channel.messages.range(Snowflake(after.saturating_add(1))..);
        newer.take(limit).map(|(_, message)| message).collect()
    } else {
        channel.messages.values().rev().take(limit).collect()
    };
    page.sort_unstable_by_key(|message| std::cmp::Reverse(message.id));
    Ok(Reply::of(page.into_iter().map(|message| shown(world, message)).collect()))
}

pub(super) fn get(world: &World, call: &Call) -> Outcome {
    Ok(Reply::of(shown(world, named(world, call)?)))
}

pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let channel = channels::named(world, call)?.id;
    let nonce = call.field("nonce").cloned();
    let only_once = call.field("enforce_nonce") == Some(&json!(true));
    let nonce_to_honor = nonce.as_ref().filter(|_| only_once);
    if let Some(twin) = nonce_to_honor.and_then(|nonce| sent_before(world, nonce)) {
        return Ok(Reply::of(with_nonce(world, twin)));
    }

    let mut message = world.draft(channel, world.bot(), String::new());
    write(world, &mut message, call.body.as_ref().unwrap_or(&Value::Null))?;
    message.reply_to = replied_to(&world.channels[&channel], call)?;
    message.nonce = nonce;
    let original = message.reply_to.and_then(|id| world.message(channel, id));
    let author = original.map(|original| original.author);
    let told = call.field("allowed_mentions").is_none_or(|it| it["replied_user"] == true);
    message.pings.extend(author.filter(|author| told && !message.pings.contains(author)));

    let shape = with_nonce(world, &message);
    world.post(message);
    Ok(Reply::of(shape))
}

pub(super) fn edit(world: &mut World, call: &Call) -> Outcome {
    let mut message = named(world, call)?.clone();
    if message.author != world.bot() {
        return Err(Refusal::not_your_message());
    }
    write(world, &mut message, call.body.as_ref().unwrap_or(&Value::Null))?;
    message.edited_at = Some(world.clock.now());
    let (channel, id, shape) = (message.channel, message.id, world.message_shape(&message));
    if let Some(there) = world.message_mut(channel, id) {
        *there = message;
    }
    world.publish_update(channel, id);
    Ok(Reply::of(shape))
}

pub(super) fn delete(world: &mut World, call: &Call) -> Outcome {
    let message = named(world, call)?;
    let (channel, id) = (message.channel, message.id);
    world.remove_message(channel, id);
    Ok(Reply::nothing())
}

/// The message in the path.
pub(super) fn named<'a>(world: &'a World, call: &Call) -> Result<&'a Message, Refusal> {
    let channel = channels::named(world, call)?;
    channel.messages.get(&call.id("message_id")).ok_or_else(Refusal::unknown_message)
}

/// Put into a message what a request says of it: what it leaves out stays. Shared with the
/// answers to interactions.
pub(super) fn write(world: &World, message: &mut Message, body: &Value) -> Result<(), Refusal> {
    if let Some(content) = body.get("content") {
        content.as_str().unwrap_or_default().trim().clone_into(&mut message.content);
    }
    for (key, list) in [("components", &mut message.components), ("embeds", &mut message.embeds)] {
        if let Some(value) = body.get(key) {
            *list = value.as_array().cloned().unwrap_or_default();
        }
    }
    if let Some(flags) = body["flags"].as_u64() {
        message.flags = flags;
    }
    if message.content.chars().count() > LONGEST {
        return Err(Refusal::field(
            "content",
            "BASE_TYPE_MAX_LENGTH",
            &format!("Must be {LONGEST} or fewer in length."),
        ));
    }
    if message.content.trim().is_empty()
        && message.embeds.is_empty()
        && message.components.is_empty()
    {
        return Err(Refusal::empty_message());
    }
    ping(world, message, &body["allowed_mentions"]);
    Ok(())
}

/// Who is told about a message: everybody named in it, unless the bot holds back.
fn ping(world: &World, message: &mut Message, allowed: &Value) {
    let may = |kind: &str| match &allowed["parse"] {
        Value::Array(kinds) => kinds.iter().any(|it| it == kind),
        _ => allowed.is_null(),
    };
    let listed = |id: &Snowflake| match &allowed["users"] {
        Value::Array(ids) => ids.iter().any(|it| it.as_str() == Some(&id.to_string())),
        _ => false,
    };
    let everyone = message.content.contains("@everyone") || message.content.contains("@here");
    message.mention_everyone = everyone && may("everyone");
    message.pings = world.mentioned_in(&message.content);
    message.pings.retain(|id| may("users") || listed(id));
}

fn replied_to(channel: &Channel, call: &Call) -> Result<Option<Snowflake>, Refusal> {
    let Some(reference) = call.field("message_reference") else { return Ok(None) };
    let id = reference["message_id"].as_str().and_then(|id| id.parse().ok());
    let there = id.filter(|id| channel.messages.contains_key(id));
    if there.is_none() && reference["fail_if_not_exists"] != false {
        return Err(Refusal::field(
            "message_reference",
            "REPLIES_UNKNOWN_MESSAGE",
            "Unknown message",
        ));
    }
    Ok(there)
}

/// The message that the bot has sent with this nonce a short while ago.
fn sent_before<'a>(world: &'a World, nonce: &Value) -> Option<&'a Message> {
    let oldest = world.clock.now() - NONCE_LIFE;
    let recent = world.channels.values().flat_map(|channel| {
        channel.messages.values().rev().take_while(|message| message.id.time() >= oldest)
    });
    let mut own = recent.filter(|message| message.author == world.bot());
    own.find(|message| message.nonce.as_ref() == Some(nonce))
}

fn with_nonce(world: &World, message: &Message) -> Value {
    let mut shape = world.message_shape(message);
    if let Some(nonce) = &message.nonce {
        shape["nonce"] = nonce.clone();
    }
    shape
}

/// A message as this bot may read it.
fn shown(world: &World, message: &Message) -> Value {
    let shape = world.message_shape(message);
    let readable = world.application.privileged || world.concerns_bot(message);
    if readable { shape } else { shapes::without_content(shape) }
}
