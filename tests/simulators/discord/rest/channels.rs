//! Channels.

use super::{
    super::world::{Channel, World},
    call::Call,
    reply::{Outcome, Refusal, Reply},
};

pub(super) fn get(world: &World, call: &Call) -> Outcome {
    let channel = named(world, call)?;
    Ok(Reply::of(world.channel_shape(channel)))
}

pub(super) fn typing(world: &World, call: &Call) -> Outcome {
    named(world, call)?;
    Ok(Reply::nothing())
}

/// The channel in the path, if the bot may look into it.
pub(super) fn named<'a>(world: &'a World, call: &Call) -> Result<&'a Channel, Refusal> {
    let channel =
        world.channels.get(&call.id("channel_id")).ok_or_else(Refusal::unknown_channel)?;
    if world.bot_sees(channel) { Ok(channel) } else { Err(Refusal::missing_access()) }
}
