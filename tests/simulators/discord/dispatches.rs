//! What the gateway tells the bot, and which intents it takes to hear it.

use serde_json::{Value, json};

use super::{
    shapes,
    snowflake::Snowflake,
    world::{Guild, Member, Message, World},
};

pub(super) mod intents {
    //! The bits with which a bot says what it wants to hear.

    pub(in super::super) const GUILDS: u64 = 1;
    pub(in super::super) const GUILD_MEMBERS: u64 = 1 << 1;
    pub(in super::super) const GUILD_PRESENCES: u64 = 1 << 8;
    pub(in super::super) const GUILD_MESSAGES: u64 = 1 << 9;
    pub(in super::super) const GUILD_MESSAGE_REACTIONS: u64 = 1 << 10;
    pub(in super::super) const DIRECT_MESSAGES: u64 = 1 << 12;
    pub(in super::super) const DIRECT_MESSAGE_REACTIONS: u64 = 1 << 13;
    pub(in super::super) const MESSAGE_CONTENT: u64 = 1 << 15;

    /// Those that Discord has to approve.
    pub(in super::super) const PRIVILEGED: u64 = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT;
    /// All that exist; any other bit is an error.
    pub(in super::super) const KNOWN: u64 = 0x331_FFFF;
}

/// One event for the bot.
#[derive(Debug, Clone)]
pub(super) struct Dispatch {
    pub(super) name: &'static str,
    /// The guild it happened in; direct messages go to the first shard.
    pub(super) guild: Option<Snowflake>,
    /// The intent it takes; 0 for what every bot hears.
    pub(super) needs: u64,
    /// Whether its text is only for bots that may read messages.
    pub(super) private: bool,
    pub(super) data: Value,
}

impl Dispatch {
    /// An event that every bot hears.
    pub(super) fn plain(name: &'static str, guild: Option<Snowflake>, data: Value) -> Self {
        Self { name, guild, needs: 0, private: false, data }
    }

    /// A guild becomes available, or the bot has been added to it. Who is in it stands there
    /// only for bots that see presences; the others ask for the members.
    pub(super) fn guild_create(world: &World, guild: &Guild, session_intents: u64) -> Self {
        let everybody = session_intents & intents::GUILD_PRESENCES != 0;
        let shown = guild.members.values().filter(|it| everybody || it.user == world.bot());
        let members: Vec<_> = shown.map(|it| world.member_shape(it)).collect();
        let channels: Vec<_> =
            world.channels_of(guild.id).map(|it| world.channel_shape(it)).collect();
        let joined_at = guild.members.get(&world.bot()).map(|it| shapes::time(it.joined_at));

        let mut data = shapes::guild(guild);
        let more = json!({
            "channels": channels,
            "guild_scheduled_events": [],
            "joined_at": joined_at,
            "large": false,
            "member_count": guild.members.len(),
            "members": members,
            "presences": [],
            "soundboard_sounds": [],
            "stage_instances": [],
            "threads": [],
            "unavailable": false,
            "voice_states": [],
        });
        if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
            data.extend(more);
        }
        Self { needs: intents::GUILDS, ..Self::plain("GUILD_CREATE", Some(guild.id), data) }
    }

    /// The bot has been removed from a guild.
    pub(super) fn guild_delete(guild: Snowflake) -> Self {
        let data = json!({ "id": guild });
        Self { needs: intents::GUILDS, ..Self::plain("GUILD_DELETE", Some(guild), data) }
    }

    pub(super) fn member_add(world: &World, guild: Snowflake, member: &Member) -> Self {
        let mut data = world.member_shape(member);
        data["guild_id"] = json!(guild);
        Self::of_members("GUILD_MEMBER_ADD", guild, data)
    }

    pub(super) fn member_remove(world: &World, guild: Snowflake, user: Snowflake) -> Self {
        let data = json!({ "guild_id": guild, "user": world.user_shape(user) });
        Self::of_members("GUILD_MEMBER_REMOVE", guild, data)
    }

    pub(super) fn member_update(world: &World, guild: Snowflake, member: &Member) -> Self {
        let mut data = world.member_shape(member);
        data["guild_id"] = json!(guild);
        Self::of_members("GUILD_MEMBER_UPDATE", guild, data)
    }

    /// An interaction is for the bot that owns the command, whatever its intents.
    pub(super) fn interaction(guild: Option<Snowflake>, data: Value) -> Self {
        Self::plain("INTERACTION_CREATE", guild, data)
    }

    pub(super) fn message_create(world: &World, message: &Message) -> Option<Self> {
        Self::of_message("MESSAGE_CREATE", world, message)
    }

    pub(super) fn message_update(world: &World, message: &Message) -> Option<Self> {
        Self::of_message("MESSAGE_UPDATE", world, message)
    }

    pub(super) fn message_delete(world: &World, message: &Message) -> Option<Self> {
        let guild = world.guild_of(message.channel);
        let mut data = json!({ "id": message.id, "channel_id": message.channel });
        if let Some(guild) = guild {
            data["guild_id"] = json!(guild);
        }
        Self::in_channel(
            "MESSAGE_DELETE",
            world,
            message.channel,
            (intents::GUILD_MESSAGES, intents::DIRECT_MESSAGES),
            data,
        )
    }

    pub(super) fn reaction(
        name: &'static str,
        world: &World,
        message: &Message,
        user: Snowflake,
        emoji: &str,
    ) -> Option<Self> {
        let guild = world.guild_of(message.channel);
        let mut data = json!({
            "burst": false,
            "channel_id": message.channel,
            "emoji": { "id": null, "name": emoji },
            "message_id": message.id,
            "type": 0,
            "user_id": user,
        });
        if let Some(guild) = guild {
            data["guild_id"] = json!(guild);
        }
        if name == "MESSAGE_REACTION_ADD" {
            data["message_author_id"] = json!(message.author);
            let member = guild.and_then(|guild| world.guilds[&guild].members.get(&user));
            if let Some(member) = member {
                data["member"] = world.member_shape(member);
            }
        }
        let needs = (intents::GUILD_MESSAGE_REACTIONS, intents::DIRECT_MESSAGE_REACTIONS);
        Self::in_channel(name, world, message.channel, needs, data)
    }

    pub(super) fn reactions_gone(
        world: &World,
        message: &Message,
        emoji: Option<&str>,
    ) -> Option<Self> {
        let mut data = json!({ "channel_id": message.channel, "message_id": message.id });
        if let Some(guild) = world.guild_of(message.channel) {
            data["guild_id"] = json!(guild);
        }
        let name = match emoji {
            Some(emoji) => {
                data["emoji"] = json!({ "id": null, "name": emoji });
                "MESSAGE_REACTION_REMOVE_EMOJI"
            }
            None => "MESSAGE_REACTION_REMOVE_ALL",
        };
        let needs = (intents::GUILD_MESSAGE_REACTIONS, intents::DIRECT_MESSAGE_REACTIONS);
        Self::in_channel(name, world, message.channel, needs, data)
    }

    fn of_members(name: &'static str, guild: Snowflake, data: Value) -> Self {
        Self { needs: intents::GUILD_MEMBERS, ..Self::plain(name, Some(guild), data) }
    }

    fn of_message(name: &'static str, world: &World, message: &Message) -> Option<Self> {
        let data = world.gateway_message_shape(message);
        let needs = (intents::GUILD_MESSAGES, intents::DIRECT_MESSAGES);
        let private = !world.concerns_bot(message);
        let dispatch = Self::in_channel(name, world, message.channel, needs, data)?;
        Some(Self { private, ..dispatch })
    }

    /// Nothing, when the bot is not in the guild; `needs` names the intents for guilds and for
    /// direct messages.
    fn in_channel(
        name: &'static str,
        world: &World,
        channel: Snowflake,
        needs: (u64, u64),
        data: Value,
    ) -> Option<Self> {
        let channel = world.channels.get(&channel).filter(|channel| world.bot_sees(channel))?;
        let needs = if channel.guild.is_some() { needs.0 } else { needs.1 };
        Some(Self { needs, ..Self::plain(name, channel.guild, data) })
    }
}
