//! What exists on this Discord: guilds, channels, people, messages.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    dispatches::Dispatch,
    faults::Faults,
    interactions::Interactions,
    oauth::Agreement,
    sessions::Sessions,
    snowflake::{Clock, Snowflake},
    traffic::Traffic,
};

/// How somebody names a thing: by its id or by its name.
#[derive(Debug, Clone)]
pub enum Ref {
    Id(Snowflake),
    Name(String),
}

impl From<Snowflake> for Ref {
    fn from(id: Snowflake) -> Self {
        Self::Id(id)
    }
}

impl From<&str> for Ref {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
    }
}

#[derive(Debug, Clone)]
pub struct User {
    pub id: Snowflake,
    pub name: String,
    pub bot: bool,
}

#[derive(Debug, Clone)]
pub struct Role {
    pub id: Snowflake,
    pub name: String,
    pub permissions: u64,
    pub position: usize,
}

#[derive(Debug, Clone)]
pub struct Member {
    pub user: Snowflake,
    pub roles: Vec<Snowflake>,
    pub joined_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub struct Guild {
    pub id: Snowflake,
    pub name: String,
    pub owner: Snowflake,
    pub roles: BTreeMap<Snowflake, Role>,
    pub members: BTreeMap<Snowflake, Member>,
}

/// A text channel of a guild, or a conversation between the bot and one person.
#[derive(Debug, Clone)]
pub struct Channel {
    pub id: Snowflake,
    pub guild: Option<Snowflake>,
    pub name: String,
    /// Whom the bot talks with here, if this is a direct conversation.
    pub recipient: Option<Snowflake>,
    pub messages: BTreeMap<Snowflake, Message>,
}

#[derive(Debug, Clone)]
pub struct Message {
    pub id: Snowflake,
    pub channel: Snowflake,
    pub author: Snowflake,
    pub content: String,
    pub edited_at: Option<DateTime<Utc>>,
    pub reply_to: Option<Snowflake>,
    pub nonce: Option<Value>,
    /// Who is told about it, after `allowed_mentions`.
    pub pings: Vec<Snowflake>,
    pub mention_everyone: bool,
    pub reactions: Vec<Reaction>,
    pub embeds: Vec<Value>,
    pub components: Vec<Value>,
    pub flags: u64,
    /// The interaction that this message answers.
    pub interaction: Option<Snowflake>,
}

#[derive(Debug, Clone)]
pub struct Reaction {
    pub emoji: String,
    pub users: Vec<Snowflake>,
}

/// What the developer portal knows of the bot.
pub(super) struct Application {
    /// The application's id, and its bot's.
    pub(super) id: Snowflake,
    pub(super) token: String,
    /// Whether it may use the privileged intents.
    pub(super) privileged: bool,
    /// Slash commands, global (`None`) and per guild, as Discord shows them.
    pub(super) commands: BTreeMap<Option<Snowflake>, Vec<Value>>,
}

pub(super) struct World {
    pub(super) agreements: Vec<Agreement>,
    pub(super) application: Application,
    pub(super) channels: BTreeMap<Snowflake, Channel>,
    pub(super) clock: Clock,
    pub(super) faults: Faults,
    pub(super) guilds: BTreeMap<Snowflake, Guild>,
    pub(super) heartbeat: Duration,
    pub(super) interactions: Interactions,
    pub(super) sessions: Sessions,
    pub(super) traffic: Traffic,
    pub(super) users: BTreeMap<Snowflake, User>,
}

impl World {
    pub(super) fn bot(&self) -> Snowflake {
        self.application.id
    }

    /// Whether the bot may look into this channel at all.
    pub(super) fn bot_sees(&self, channel: &Channel) -> bool {
        channel.guild.is_none_or(|guild| self.bot_is_in(guild))
    }

    pub(super) fn bot_is_in(&self, guild: Snowflake) -> bool {
        self.guilds.get(&guild).is_some_and(|guild| guild.members.contains_key(&self.bot()))
    }

    pub(super) fn channel(&self, named: &Ref) -> Result<&Channel, String> {
        find(&self.channels, named, |it| it.id, |it| &it.name)
            .ok_or_else(|| unknown("channel", named))
    }

    pub(super) fn guild(&self, named: &Ref) -> Result<&Guild, String> {
        find(&self.guilds, named, |it| it.id, |it| &it.name).ok_or_else(|| unknown("guild", named))
    }

    pub(super) fn user(&self, named: &Ref) -> Result<&User, String> {
        find(&self.users, named, |it| it.id, |it| &it.name).ok_or_else(|| unknown("user", named))
    }

    pub(super) fn message(&self, channel: Snowflake, id: Snowflake) -> Option<&Message> {
        self.channels.get(&channel)?.messages.get(&id)
    }

    pub(super) fn message_mut(
        &mut self,
        channel: Snowflake,
        id: Snowflake,
    ) -> Option<&mut Message> {
        self.channels.get_mut(&channel)?.messages.get_mut(&id)
    }

    pub(super) fn guild_of(&self, channel: Snowflake) -> Option<Snowflake> {
        self.channels.get(&channel)?.guild
    }

    /// The conversation between the bot and one person, opened when it is the first time.
    pub(super) fn direct_channel(&mut self, with: Snowflake) -> Snowflake {
        let open = self.channels.values().find(|channel| channel.recipient == Some(with));
        if let Some(channel) = open {
            return channel.id;
        }
        let name = format!("@{}", self.users[&with].name);
        self.add_channel(None, name, Some(with))
    }

    pub(super) fn add_channel(
        &mut self,
        guild: Option<Snowflake>,
        name: String,
        recipient: Option<Snowflake>,
    ) -> Snowflake {
        let id = self.clock.next_id();
        let channel = Channel { id, guild, name, recipient, messages: BTreeMap::new() };
        self.channels.insert(id, channel);
        id
    }

    pub(super) fn add_member(&mut self, guild: Snowflake, user: Snowflake) {
        let member = Member { user, roles: Vec::new(), joined_at: self.clock.now() };
        if let Some(guild) = self.guilds.get_mut(&guild) {
            guild.members.insert(user, member);
        }
    }

    pub(super) fn add_user(&mut self, name: &str) -> Snowflake {
        let id = self.clock.next_id();
        self.users.insert(id, User { id, name: name.to_owned(), bot: false });
        id
    }

    /// A message of this author, not yet posted anywhere.
    pub(super) fn draft(
        &mut self,
        channel: Snowflake,
        author: Snowflake,
        content: String,
    ) -> Message {
        Message {
            id: self.clock.next_id(),
            channel,
            author,
            pings: self.mentioned_in(&content),
            mention_everyone: content.contains("@everyone") || content.contains("@here"),
            content,
            edited_at: None,
            reply_to: None,
            nonce: None,
            reactions: Vec::new(),
            embeds: Vec::new(),
            components: Vec::new(),
            flags: 0,
            interaction: None,
        }
    }

    /// Everybody whom a text names, each once.
    pub(super) fn mentioned_in(&self, content: &str) -> Vec<Snowflake> {
        let mut named = Vec::new();
        for piece in content.split("<@").skip(1) {
            let id = piece.split('>').next().and_then(|id| id.trim_start_matches('!').parse().ok());
            if let Some(id) = id.filter(|id| self.users.contains_key(id) && !named.contains(id)) {
                named.push(id);
            }
        }
        named
    }

    /// Put a message where everybody sees it, and tell the bot.
    pub(super) fn post(&mut self, message: Message) -> Snowflake {
        let id = message.id;
        let dispatch = Dispatch::message_create(self, &message);
        if let Some(channel) = self.channels.get_mut(&message.channel) {
            channel.messages.insert(id, message);
        }
        self.publish(dispatch);
        id
    }

    /// Tell the bot that a message is different now.
    pub(super) fn publish_update(&mut self, channel: Snowflake, id: Snowflake) {
        let message = self.message(channel, id);
        let dispatch = message.and_then(|message| Dispatch::message_update(self, message));
        self.publish(dispatch);
    }

    /// Hand events to every session that may hear them.
    pub(super) fn publish(&mut self, dispatches: impl IntoIterator<Item = Dispatch>) {
        for mut dispatch in dispatches {
            self.faults.deform_dispatch(&mut dispatch);
            self.sessions.publish(&dispatch);
        }
    }
}

fn find<'a, T>(
    things: &'a BTreeMap<Snowflake, T>,
    named: &Ref,
    id: impl Fn(&T) -> Snowflake,
    name: impl Fn(&T) -> &String,
) -> Option<&'a T> {
    things.values().find(|thing| match named {
        Ref::Id(wanted) => id(thing) == *wanted,
        Ref::Name(wanted) => name(thing) == wanted,
    })
}

fn unknown(kind: &str, named: &Ref) -> String {
    match named {
        Ref::Id(id) => format!("there is no {kind} with the id {id}"),
        Ref::Name(name) => format!("there is no {kind} called {name:?}"),
    }
}
