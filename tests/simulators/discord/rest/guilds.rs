//! Guilds, their members and roles.

use serde_json::json;

use super::{
    super::{
        dispatches::Dispatch,
        shapes,
        snowflake::Snowflake,
        world::{Guild, Member, World},
    },
    call::Call,
    reply::{Outcome, Refusal, Reply},
};

pub(super) fn get(world: &World, call: &Call) -> Outcome {
    let guild = named(world, call)?;
    let mut shape = shapes::guild(guild);
    if call.asked("with_counts") == Some(true) {
        shape["approximate_member_count"] = json!(guild.members.len());
        shape["approximate_presence_count"] = json!(guild.members.len());
    }
    Ok(Reply::of(shape))
}

pub(super) fn channels(world: &World, call: &Call) -> Outcome {
    let guild = named(world, call)?;
    Ok(Reply::of(world.channels_of(guild.id).map(|it| world.channel_shape(it)).collect()))
}

/// In the order of their ids; one only, unless more are asked for.
pub(super) fn members(world: &World, call: &Call) -> Outcome {
    let guild = named(world, call)?;
    if !world.application.privileged {
        return Err(Refusal::missing_access());
    }
    let after = Snowflake(call.asked("after").unwrap_or(0));
    let limit = call.asked("limit").unwrap_or(1);
    let page = guild.members.values().filter(|it| it.user > after).take(limit);
    Ok(Reply::of(page.map(|it| world.member_shape(it)).collect()))
}

pub(super) fn member(world: &World, call: &Call) -> Outcome {
    let guild = named(world, call)?;
    let user = call.id("user_id");
    let member = guild.members.get(&user).ok_or_else(|| nobody(world, user))?;
    Ok(Reply::of(world.member_shape(member)))
}

pub(super) fn roles(world: &World, call: &Call) -> Outcome {
    Ok(Reply::of(named(world, call)?.roles.values().map(shapes::role).collect()))
}

pub(super) fn give_role(world: &mut World, call: &Call) -> Outcome {
    change_roles(world, call, |roles, role| {
        if !roles.contains(&role) {
            roles.push(role);
        }
    })
}

pub(super) fn take_role(world: &mut World, call: &Call) -> Outcome {
    change_roles(world, call, |roles, role| roles.retain(|it| *it != role))
}

fn change_roles(
    world: &mut World,
    call: &Call,
    change: impl FnOnce(&mut Vec<Snowflake>, Snowflake),
) -> Outcome {
    let guild = named(world, call)?;
    let (guild, user, role) = (guild.id, call.id("user_id"), call.id("role_id"));
    if !world.guilds[&guild].roles.contains_key(&role) || role == guild {
        return Err(Refusal::unknown_role());
    }
    let Some(member) = member_mut(world, guild, user) else { return Err(nobody(world, user)) };
    let before = member.roles.clone();
    change(&mut member.roles, role);
    let after = member.clone();
    if after.roles != before {
        world.publish([Dispatch::member_update(world, guild, &after)]);
    }
    Ok(Reply::nothing())
}

fn member_mut(world: &mut World, guild: Snowflake, user: Snowflake) -> Option<&mut Member> {
    world.guilds.get_mut(&guild)?.members.get_mut(&user)
}

/// The guild in the path; one the bot is not in is to it as if it were not there.
fn named<'a>(world: &'a World, call: &Call) -> Result<&'a Guild, Refusal> {
    let guild = world.guilds.get(&call.id("guild_id"));
    guild.filter(|guild| world.bot_is_in(guild.id)).ok_or_else(Refusal::unknown_guild)
}

fn nobody(world: &World, user: Snowflake) -> Refusal {
    if world.users.contains_key(&user) {
        Refusal::unknown_member()
    } else {
        Refusal::unknown_user()
    }
}
