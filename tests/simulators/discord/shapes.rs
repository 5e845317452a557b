//! The world as Discord writes it in JSON.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::{
    snowflake::Snowflake,
    world::{Channel, Guild, Member, Message, Role, World},
};

const TEXT_CHANNEL: u8 = 0;
const DIRECT_CHANNEL: u8 = 1;

/// The kinds of messages that occur here.
const DEFAULT: u8 = 0;
const REPLY: u8 = 19;
const COMMAND_ANSWER: u8 = 20;

/// The permission that contains all others.
const ADMINISTRATOR: u64 = 1 << 3;
const EVERYTHING: u64 = (1 << 53) - 1;

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, false)
}

pub(super) fn role(role: &Role) -> Value {
    json!({
        "id": role.id,
        "name": role.name,
        "color": 0,
        "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null },
        "flags": 0,
        "hoist": false,
        "icon": null,
        "managed": false,
        "mentionable": false,
        "permissions": role.permissions.to_string(),
        "position": role.position,
        "unicode_emoji": null,
    })
}

pub(super) fn guild(guild: &Guild) -> Value {
    json!({
        "id": guild.id,
        "name": guild.name,
        "owner_id": guild.owner,
        "roles": guild.roles.values().map(role).collect::<Vec<_>>(),
        "afk_channel_id": null,
        "afk_timeout": 300,
        "application_id": null,
        "banner": null,
        "default_message_notifications": 0,
        "description": null,
        "discovery_splash": null,
        "emojis": [],
        "explicit_content_filter": 0,
        "features": [],
        "icon": null,
        "max_members": 500_000,
        "max_presences": null,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "mfa_level": 0,
        "nsfw": false,
        "nsfw_level": 0,
        "preferred_locale": "en-US",
        "premium_progress_bar_enabled": false,
        "premium_subscription_count": 0,
        "premium_tier": 0,
        "public_updates_channel_id": null,
        "region": "deprecated",
        "rules_channel_id": null,
        "safety_alerts_channel_id": null,
        "splash": null,
        "stickers": [],
        "system_channel_flags": 0,
        "system_channel_id": null,
        "vanity_url_code": null,
        "verification_level": 0,
        "widget_channel_id": null,
        "widget_enabled": false,
    })
}

/// What a member may do in a guild: everything for its owner, else what the roles give.
pub(super) fn permissions(guild: &Guild, member: &Member) -> u64 {
    let everyone = guild.roles.get(&guild.id);
    let given = member.roles.iter().filter_map(|id| guild.roles.get(id)).chain(everyone);
    let sum = given.fold(0, |sum, role| sum | role.permissions);
    let all = guild.owner == member.user || sum & ADMINISTRATOR != 0;
    if all { EVERYTHING } else { sum }
}

/// What Discord leaves empty when the bot may not read messages.
pub(super) fn without_content(mut message: Value) -> Value {
    message["content"] = json!("");
    for list in ["attachments", "components", "embeds"] {
        message[list] = json!([]);
    }
    message
}

impl World {
    pub(super) fn user_shape(&self, id: Snowflake) -> Value {
        let user = &self.users[&id];
        let mut shape = json!({
            "id": id,
            "username": user.name,
            "global_name": user.name,
            "discriminator": "0",
            "accent_color": null,
            "avatar": null,
            "avatar_decoration_data": null,
            "banner": null,
            "clan": null,
            "collectibles": null,
            "flags": 0,
            "primary_guild": null,
            "public_flags": 0,
        });
        // Discord leaves the word out for people.
        if user.bot {
            shape["bot"] = json!(true);
        }
        shape
    }

    /// The bot as it sees itself.
    pub(super) fn self_shape(&self) -> Value {
        let mut shape = self.user_shape(self.bot());
        for (key, value) in
            [("email", json!(null)), ("mfa_enabled", json!(false)), ("verified", json!(true))]
        {
            shape[key] = value;
        }
        shape
    }

    pub(super) fn member_shape(&self, member: &Member) -> Value {
        let mut shape = partial_member(member);
        shape["user"] = self.user_shape(member.user);
        shape
    }

    pub(super) fn channels_of(&self, guild: Snowflake) -> impl Iterator<Item = &Channel> {
        self.channels.values().filter(move |channel| channel.guild == Some(guild))
    }

    pub(super) fn channel_shape(&self, channel: &Channel) -> Value {
        let last_message_id = channel.messages.keys().next_back();
        if let Some(recipient) = channel.recipient {
            return json!({
                "id": channel.id,
                "type": DIRECT_CHANNEL,
                "flags": 0,
                "last_message_id": last_message_id,
                "recipients": [self.user_shape(recipient)],
            });
        }
        let position = channel
            .guild
            .and_then(|guild| self.channels_of(guild).position(|it| it.id == channel.id));
        json!({
            "id": channel.id,
            "type": TEXT_CHANNEL,
            "flags": 0,
            "guild_id": channel.guild,
            "last_message_id": last_message_id,
            "name": channel.name,
            "nsfw": false,
            "parent_id": null,
            "permission_overwrites": [],
            "position": position,
            "rate_limit_per_user": 0,
            "topic": null,
        })
    }

    /// A message as REST shows it: without guild, member and nonce.
    pub(super) fn message_shape(&self, message: &Message) -> Value {
        let mut shape = json!({
            "id": message.id,
            "type": kind(message),
            "channel_id": message.channel,
            "author": self.user_shape(message.author),
            "content": message.content,
            "timestamp": time(message.id.time()),
            "edited_timestamp": message.edited_at.map(time),
            "attachments": [],
            "components": message.components,
            "embeds": message.embeds,
            "flags": message.flags,
            "mention_everyone": message.mention_everyone,
            "mention_roles": [],
            "mentions": message.pings.iter().map(|id| self.user_shape(*id)).collect::<Vec<_>>(),
            "pinned": false,
            "tts": false,
        });
        if !message.reactions.is_empty() {
            shape["reactions"] = self.reactions_shape(message);
        }
        if let Some(id) = message.reply_to {
            let guild = self.guild_of(message.channel);
            let original = self.message(message.channel, id).cloned().map(|mut original| {
                // Discord shows one step of a chain of replies, not all of it.
                original.reply_to = None;
                self.message_shape(&original)
            });
            shape["message_reference"] = json!({
                "type": 0,
                "channel_id": message.channel,
                "guild_id": guild,
                "message_id": id,
            });
            shape["referenced_message"] = json!(original);
        }
        if let Some(interaction) = message.interaction.and_then(|id| self.interactions.get(id)) {
            shape["application_id"] = json!(self.application.id);
            shape["webhook_id"] = json!(self.application.id);
            shape["interaction_metadata"] = json!({
                "id": interaction.id,
                "type": interaction.kind,
                "user": self.user_shape(interaction.user),
                "authorizing_integration_owners": self.integration_owners(interaction.channel),
            });
        }
        shape
    }

    /// What the gateway adds to a message.
    pub(super) fn gateway_message_shape(&self, message: &Message) -> Value {
        let mut shape = self.message_shape(message);
        if let Some(nonce) = &message.nonce {
            shape["nonce"] = nonce.clone();
        }
        if let Some(guild) = self.guild_of(message.channel) {
            shape["guild_id"] = json!(guild);
            if let Some(member) = self.guilds[&guild].members.get(&message.author) {
                shape["member"] = partial_member(member);
            }
        }
        shape
    }

    /// Whether a bot that may not read messages may read this one all the same.
    pub(super) fn concerns_bot(&self, message: &Message) -> bool {
        let bot = self.bot();
        let direct = self.guild_of(message.channel).is_none();
        direct || message.author == bot || message.pings.contains(&bot)
    }

    fn reactions_shape(&self, message: &Message) -> Value {
        let shapes = message.reactions.iter().map(|reaction| {
            let count = reaction.users.len();
            json!({
                "emoji": { "id": null, "name": reaction.emoji },
                "burst_colors": [],
                "burst_count": 0,
                "burst_me": false,
                "count": count,
                "count_details": { "burst": 0, "normal": count },
                "me": reaction.users.contains(&self.bot()),
                "me_burst": false,
            })
        });
        shapes.collect()
    }

    pub(super) fn integration_owners(&self, channel: Snowflake) -> Value {
        json!({ "0": self.guild_of(channel).unwrap_or(Snowflake(0)) })
    }
}

fn kind(message: &Message) -> u8 {
    match message {
        Message { interaction: Some(_), .. } => COMMAND_ANSWER,
        Message { reply_to: Some(_), .. } => REPLY,
        _ => DEFAULT,
    }
}

fn partial_member(member: &Member) -> Value {
    json!({
        "avatar": null,
        "banner": null,
        "communication_disabled_until": null,
        "deaf": false,
        "flags": 0,
        "joined_at": time(member.joined_at),
        "mute": false,
        "nick": null,
        "pending": false,
        "premium_since": null,
        "roles": member.roles,
    })
}
