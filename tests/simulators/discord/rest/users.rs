//! The bot's own account, and other people's.

use serde_json::{Value, json};

use super::{
    super::{snowflake::Snowflake, world::World},
    call::Call,
    reply::{Outcome, Refusal, Reply},
};

/// The permissions that the bot was invited with: all of them.
const PERMISSIONS: &str = "9007199254740991";

pub(super) fn get(world: &World, call: &Call) -> Outcome {
    let id = call.id("user_id");
    if world.users.contains_key(&id) {
        Ok(Reply::of(world.user_shape(id)))
    } else {
        Err(Refusal::unknown_user())
    }
}

/// The guilds the bot is in, in the order of their ids.
pub(super) fn guilds(world: &World, call: &Call) -> Reply {
    let after = call.asked("after").unwrap_or(Snowflake(0));
    let before = call.asked("before").unwrap_or(Snowflake(u64::MAX));
    let limit = call.asked("limit").unwrap_or(200);
    let mine = world.guilds.values().filter(|guild| world.bot_is_in(guild.id));
    let page = mine.filter(|guild| guild.id > after && guild.id < before).take(limit);
    let shapes = page.map(|guild| {
        json!({
            "id": guild.id,
            "name": guild.name,
            "banner": null,
            "features": [],
            "icon": null,
            "owner": false,
            "permissions": PERMISSIONS,
        })
    });
    Reply::of(shapes.collect())
}

pub(super) fn leave_guild(world: &mut World, call: &Call) -> Outcome {
    let guild = call.id("guild_id");
    if !world.bot_is_in(guild) {
        return Err(Refusal::unknown_guild());
    }
    world.remove_bot(guild);
    Ok(Reply::nothing())
}

/// Open a conversation with one person.
pub(super) fn open_direct(world: &mut World, call: &Call) -> Outcome {
    let with = call.field("recipient_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let with = with.filter(|id| world.users.contains_key(id) && *id != world.bot());
    let channel = world.direct_channel(with.ok_or_else(Refusal::unknown_user)?);
    Ok(Reply::of(world.channel_shape(&world.channels[&channel])))
}
