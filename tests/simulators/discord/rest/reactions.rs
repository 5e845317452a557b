//! Reactions of the bot, and of others whose reactions it removes.

use serde_json::json;

use super::{
    super::{snowflake::Snowflake, world::World},
    call::Call,
    channels, messages,
    reply::{Outcome, Refusal, Reply},
};

pub(super) fn add(world: &mut World, call: &Call) -> Outcome {
    let (channel, message) = place(world, call)?;
    let bot = world.bot();
    world.react(channel, message, bot, call.named("emoji_name"));
    Ok(Reply::nothing())
}

/// Of the bot itself, or of the user in the path.
pub(super) fn remove(world: &mut World, call: &Call) -> Outcome {
    let (channel, message) = place(world, call)?;
    let user = match call.named("user_id") {
        "" => world.bot(),
        _ => call.id("user_id"),
    };
    world.unreact(channel, message, user, call.named("emoji_name"));
    Ok(Reply::nothing())
}

pub(super) fn list(world: &World, call: &Call) -> Outcome {
    let message = messages::named(world, call)?;
    let after = call.asked("after").unwrap_or(Snowflake(0));
    let limit = call.asked("limit").unwrap_or(25);
    let reaction = message.reactions.iter().find(|it| it.emoji == call.named("emoji_name"));
    let mut users = reaction.map(|it| it.users.clone()).unwrap_or_default();
    users.retain(|user| *user > after);
    users.sort_unstable();
    let shapes: Vec<_> = users.into_iter().take(limit).map(|id| world.user_shape(id)).collect();
    Ok(Reply::of(json!(shapes)))
}

fn place(world: &World, call: &Call) -> Result<(Snowflake, Snowflake), Refusal> {
    Ok((channels::named(world, call)?.id, messages::named(world, call)?.id))
}
