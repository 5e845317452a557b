//! The bot's application and its slash commands.

use serde_json::{Value, json};

use super::{
    super::{snowflake::Snowflake, world::World},
    call::Call,
    reply::{Outcome, Refusal, Reply},
};

const CHAT_INPUT: u8 = 1;

pub(super) fn me(world: &World) -> Reply {
    let bot = world.user_shape(world.bot());
    Reply::of(json!({
        "id": world.application.id,
        "name": bot["username"],
        "bot": bot,
        "bot_public": true,
        "bot_require_code_grant": false,
        "description": "",
        "flags": world.application_flags(),
        "hook": true,
        "icon": null,
        "integration_types_config": { "0": {} },
        "owner": world.users.keys().find(|id| **id != world.bot()).map(|id| world.user_shape(*id)),
        "team": null,
        "type": null,
        "verify_key": "0".repeat(64),
    }))
}

pub(super) fn commands(world: &World, call: &Call) -> Outcome {
    let scope = scope(world, call)?;
    let commands = world.application.commands.get(&scope);
    Ok(Reply::of(json!(commands.cloned().unwrap_or_default())))
}

/// Bulk overwrite: what is not in the list is gone, and what keeps its name keeps its id.
pub(super) fn set_commands(world: &mut World, call: &Call) -> Outcome {
    let scope = scope(world, call)?;
    let before = world.application.commands.remove(&scope).unwrap_or_default();
    let mut commands: Vec<Value> = Vec::new();
    for given in call.body.as_ref().and_then(Value::as_array).into_iter().flatten() {
        let twin = commands.iter().any(|it| same(it, given));
        if twin {
            world.application.commands.insert(scope, before);
            return Err(Refusal::field(
                "name",
                "APPLICATION_COMMANDS_DUPLICATE_NAME",
                "Application command names must be unique",
            ));
        }
        let known = before.iter().find(|it| same(it, given)).map(|it| it["id"].clone());
        commands.push(registered(world, scope, given, known));
    }
    world.application.commands.insert(scope, commands.clone());
    Ok(Reply::of(json!(commands)))
}

/// Add one command, or overwrite the one of the same name.
pub(super) fn add_command(world: &mut World, call: &Call) -> Outcome {
    let scope = scope(world, call)?;
    let given = call.body.clone().unwrap_or_default();
    let commands = world.application.commands.get(&scope).cloned().unwrap_or_default();
    let known = commands.iter().find(|it| same(it, &given)).map(|it| it["id"].clone());
    let overwritten = known.is_some();
    let command = registered(world, scope, &given, known);
    let commands = world.application.commands.entry(scope).or_default();
    commands.retain(|it| !same(it, &given));
    commands.push(command.clone());
    Ok(if overwritten { Reply::of(command) } else { Reply::created(command) })
}

/// The guild whose commands are meant, or none for those that are everywhere.
fn scope(world: &World, call: &Call) -> Result<Option<Snowflake>, Refusal> {
    call.must_be_own_application(world.application.id)?;
    if call.named("guild_id").is_empty() {
        return Ok(None);
    }
    let guild = call.id("guild_id");
    if world.bot_is_in(guild) { Ok(Some(guild)) } else { Err(Refusal::missing_access()) }
}

fn same(a: &Value, b: &Value) -> bool {
    let kind = |it: &Value| it["type"].as_u64().unwrap_or(CHAT_INPUT.into());
    a["name"] == b["name"] && kind(a) == kind(b)
}

fn registered(
    world: &mut World,
    scope: Option<Snowflake>,
    given: &Value,
    known: Option<Value>,
) -> Value {
    let (id, version) = (world.clock.next_id(), world.clock.next_id());
    let mut command = json!({
        "id": known.unwrap_or(json!(id)),
        "application_id": world.application.id,
        "contexts": null,
        "default_member_permissions": null,
        "description": "",
        "integration_types": [0],
        "nsfw": false,
        "type": CHAT_INPUT,
        "version": version,
    });
    for (key, value) in given.as_object().into_iter().flatten() {
        if key != "id" {
            command[key] = value.clone();
        }
    }
    if let Some(guild) = scope {
        command["guild_id"] = json!(guild);
    }
    command
}
