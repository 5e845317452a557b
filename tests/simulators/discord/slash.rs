//! What happens between a member's keyboard and the bot: the client offers registered commands
//! only, with their own options.

use serde_json::{Map, Value, json};

use super::{
    interactions::{AUTOCOMPLETE, Ask, COMMAND, COMPONENT, MODAL},
    snowflake::Snowflake,
    world::{Message, Ref, World},
};

/// The kind of a command that is used on a message.
const ON_MESSAGE: u64 = 3;

/// The kinds of options.
const SUBCOMMAND: u64 = 1;
const GROUP: u64 = 2;
const INTEGER: u64 = 4;
const BOOLEAN: u64 = 5;
pub(super) const USER: u64 = 6;
pub(super) const CHANNEL: u64 = 7;
pub(super) const ROLE: u64 = 8;
const NUMBER: u64 = 10;

const BUTTON: u64 = 2;
const STRING_SELECT: u64 = 3;

impl World {
    /// Whether the bot is here, and has registered a command of this name for this channel.
    pub(super) fn can_call(&self, channel: &Ref, path: &str) -> bool {
        let guild = self.channel(channel).map(|channel| channel.guild);
        self.sessions.connected() > 0 && guild.is_ok_and(|guild| self.command(guild, path).is_ok())
    }

    /// A member types `/path` with these options.
    pub(super) fn slash(
        &mut self,
        (channel, user): (&Ref, &Ref),
        path: &str,
        options: &Value,
    ) -> Result<Snowflake, String> {
        let ask = self.command_ask((channel, user), path, options, None)?;
        self.ask(ask)
    }

    /// A member uses a command on a message.
    pub(super) fn use_on(
        &mut self,
        (channel, user): (&Ref, &Ref),
        name: &str,
        message: Snowflake,
    ) -> Result<Snowflake, String> {
        let (channel, user) = (self.channel(channel)?, self.user(user)?.id);
        let command = self.named(channel.guild, name)?;
        if command["type"] != ON_MESSAGE {
            return Err(format!("{name:?} is no command for messages: {command}"));
        }
        let target = self.message(channel.id, message).ok_or("that message is not there")?;
        let mut data = json!({
            "id": command["id"],
            "name": name,
            "type": ON_MESSAGE,
            "target_id": message,
            "resolved": { "messages": { message.to_string(): self.message_shape(target) } },
        });
        if let Some(guild) = command.get("guild_id") {
            data["guild_id"] = guild.clone();
        }
        self.ask(Ask { kind: COMMAND, channel: channel.id, user, data, pressed: None })
    }

    /// A member is typing the option `focused`; the bot may suggest.
    pub(super) fn autocomplete(
        &mut self,
        (channel, user): (&Ref, &Ref),
        path: &str,
        options: &Value,
        focused: &str,
    ) -> Result<Snowflake, String> {
        let ask = self.command_ask((channel, user), path, options, Some(focused))?;
        self.ask(ask)
    }

    /// A member presses a button, or picks from a list.
    pub(super) fn press(
        &mut self,
        user: &Ref,
        (channel, message): (&Ref, Snowflake),
        custom_id: &str,
        values: &[&str],
    ) -> Result<Snowflake, String> {
        let (channel, user) = (self.channel(channel)?.id, self.user(user)?.id);
        let shown = self.seen(channel, message).ok_or("that message is not there")?;
        let component = component(shown, custom_id).ok_or_else(|| {
            format!("the message has nothing to press called {custom_id:?}: {:?}", shown.components)
        })?;
        let kind = component["type"].as_u64().unwrap_or(BUTTON);
        let mut data = json!({ "custom_id": custom_id, "component_type": kind, "id": 1 });
        if kind >= STRING_SELECT {
            data["values"] = json!(values);
        }
        self.ask(Ask { kind: COMPONENT, channel, user, data, pressed: Some(message) })
    }

    /// A member sends in the form that a modal has shown, after pressing a button of a message.
    pub(super) fn submit(
        &mut self,
        (channel, user): (&Ref, &Ref),
        pressed: Option<Snowflake>,
        custom_id: &str,
        fields: &[(&str, &str)],
    ) -> Result<Snowflake, String> {
        let (channel, user) = (self.channel(channel)?.id, self.user(user)?.id);
        let rows = fields.iter().map(|(name, value)| {
            let field = json!({ "type": 4, "id": 2, "custom_id": name, "value": value });
            json!({ "type": 1, "id": 1, "components": [field] })
        });
        let rows: Vec<_> = rows.collect();
        let data = json!({ "custom_id": custom_id, "components": rows });
        self.ask(Ask { kind: MODAL, channel, user, data, pressed })
    }

    fn command(&self, guild: Option<Snowflake>, path: &str) -> Result<&Value, String> {
        self.named(guild, path.split(' ').next().unwrap_or_default())
    }

    fn named(&self, guild: Option<Snowflake>, name: &str) -> Result<&Value, String> {
        let own = guild.and_then(|guild| self.application.commands.get(&Some(guild)));
        let all = own.into_iter().chain(self.application.commands.get(&None)).flatten();
        let known: Vec<&str> = all.clone().filter_map(|it| it["name"].as_str()).collect();
        all.into_iter()
            .find(|it| it["name"] == name)
            .ok_or_else(|| format!("the bot has no command /{name}; it has registered {known:?}"))
    }

    fn command_ask(
        &self,
        (channel, user): (&Ref, &Ref),
        path: &str,
        options: &Value,
        focused: Option<&str>,
    ) -> Result<Ask, String> {
        let (channel, user) = (self.channel(channel)?, self.user(user)?.id);
        let command = self.command(channel.guild, path)?;
        let (guild, resolved) = (channel.guild, Map::new());
        let mut typed = Typed { world: self, guild, user, focused, resolved };
        let options = typed.options(command, path.split(' ').skip(1), options)?;
        let mut data = json!({
            "id": command["id"],
            "name": command["name"],
            "type": command["type"],
            "options": options,
        });
        if !typed.resolved.is_empty() {
            data["resolved"] = Value::Object(typed.resolved);
        }
        if let Some(guild) = command.get("guild_id") {
            data["guild_id"] = guild.clone();
        }
        let kind = if focused.is_some() { AUTOCOMPLETE } else { COMMAND };
        Ok(Ask { kind, channel: channel.id, user, data, pressed: None })
    }
}

/// A command line being filled in.
struct Typed<'a> {
    world: &'a World,
    guild: Option<Snowflake>,
    user: Snowflake,
    focused: Option<&'a str>,
    resolved: Map<String, Value>,
}

impl Typed<'_> {
    fn options<'p>(
        &mut self,
        definition: &Value,
        mut path: impl Iterator<Item = &'p str>,
        given: &Value,
    ) -> Result<Vec<Value>, String> {
        let defined = definition["options"].as_array().map_or(&[][..], Vec::as_slice);
        if let Some(name) = path.next() {
            let sub = defined
                .iter()
                .find(|it| {
                    it["name"] == name && matches!(it["type"].as_u64(), Some(SUBCOMMAND | GROUP))
                })
                .ok_or_else(|| format!("there is no subcommand {name:?} in {defined:?}"))?;
            let rest: Vec<&str> = path.collect();
            let options = self.options(sub, rest.into_iter(), given)?;
            return Ok(vec![json!({ "name": name, "type": sub["type"], "options": options })]);
        }

        let given = given.as_object().cloned().unwrap_or_default();
        if let Some(name) =
            given.keys().find(|name| !defined.iter().any(|it| it["name"] == ***name))
        {
            return Err(format!("there is no option {name:?} in {defined:?}"));
        }
        let mut options = Vec::new();
        for option in defined {
            let name = option["name"].as_str().unwrap_or_default();
            match given.get(name) {
                Some(value) => options.push(self.option(option, name, value)?),
                None if option["required"] == true && self.focused.is_none() => {
                    return Err(format!("the option {name:?} is required"));
                }
                None => {}
            }
        }
        Ok(options)
    }

    fn option(&mut self, definition: &Value, name: &str, value: &Value) -> Result<Value, String> {
        let kind = definition["type"].as_u64().unwrap_or_default();
        let mut option = json!({ "name": name, "type": kind, "value": value });
        if self.focused == Some(name) {
            option["focused"] = json!(true);
            return Ok(option);
        }
        let fits = match kind {
            INTEGER => value.is_i64(),
            BOOLEAN => value.is_boolean(),
            NUMBER => value.is_number(),
            _ => value.is_string(),
        };
        if !fits {
            return Err(format!("the option {name:?} cannot be {value}"));
        }
        if let Some(id) = value.as_str().and_then(|id| id.parse().ok()) {
            self.resolve(kind, id);
        }
        let choices = definition["choices"].as_array().filter(|choices| !choices.is_empty());
        if choices.is_some_and(|choices| !choices.iter().any(|it| it["value"] == *value)) {
            return Err(format!("{value} is not among the choices of {name:?}"));
        }
        Ok(option)
    }

    /// Tell the bot more about a picked user, channel or role than its id.
    fn resolve(&mut self, kind: u64, id: Snowflake) {
        let found = self.world.resolved(self.guild, self.user, kind, id);
        for (group, entries) in found.as_object().into_iter().flatten() {
            let group = self.resolved.entry(group.clone()).or_insert_with(|| json!({}));
            for (key, entry) in entries.as_object().into_iter().flatten() {
                group[key] = entry.clone();
            }
        }
    }
}

fn component<'a>(message: &'a Message, custom_id: &str) -> Option<&'a Value> {
    let rows = message.components.iter().filter_map(|row| row["components"].as_array());
    rows.flatten().find(|it| it["custom_id"] == custom_id && it["disabled"] != true)
}
