//! Interactions: what a member asked of the bot, and what the bot made of it.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    dispatches::Dispatch,
    shapes,
    snowflake::Snowflake,
    world::{Message, World},
};

/// Only the one who asked sees this message.
pub(super) const EPHEMERAL: u64 = 1 << 6;
/// The bot is thinking.
pub(super) const LOADING: u64 = 1 << 7;

/// The kinds of interactions.
pub(super) const COMMAND: u8 = 2;
pub(super) const COMPONENT: u8 = 3;
pub(super) const AUTOCOMPLETE: u8 = 4;
pub(super) const MODAL: u8 = 5;

/// How long its token takes edits and follow-ups.
const TOKEN_LIFE: Duration = Duration::from_mins(15);

/// How the bot answered at first.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    Choices(Value),
    /// A message, which may still be loading, or the message whose button was pressed.
    Message(Snowflake),
    Modal(Value),
}

#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) id: Snowflake,
    pub(super) kind: u8,
    pub(super) token: String,
    pub(super) channel: Snowflake,
    pub(super) user: Snowflake,
    /// The message whose button was pressed.
    pub(super) pressed: Option<Snowflake>,
    pub(super) answer: Option<Answer>,
    pub(super) deferred: bool,
    /// Messages that only `user` sees.
    pub(super) private: BTreeMap<Snowflake, Message>,
    /// Messages after the first.
    pub(super) followups: Vec<Snowflake>,
}

/// What the one who asked sees in the end.
#[derive(Debug, Clone)]
pub struct Response {
    pub text: String,
    /// Whether only he sees it.
    pub ephemeral: bool,
    /// Whether the bot first said that it is thinking.
    pub deferred: bool,
    pub message: Message,
}

#[derive(Debug)]
pub(super) struct Interactions {
    all: BTreeMap<Snowflake, Exchange>,
    /// How long the bot has for its first answer.
    pub(super) deadline: Duration,
}

impl Interactions {
    pub(super) fn new(deadline: Duration) -> Self {
        Self { all: BTreeMap::new(), deadline }
    }

    pub(super) fn get(&self, id: Snowflake) -> Option<&Exchange> {
        self.all.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: Snowflake) -> Option<&mut Exchange> {
        self.all.get_mut(&id)
    }

    /// The one that waits for its first answer, if it is not too late.
    pub(super) fn awaited(
        &self,
        id: Snowflake,
        token: &str,
        now: DateTime<Utc>,
    ) -> Option<&Exchange> {
        let exchange = self.all.get(&id).filter(|it| it.token == token)?;
        (now <= id.time() + self.deadline).then_some(exchange)
    }

    /// The one that a private message answers.
    fn holder(&self, message: Snowflake) -> Option<&Exchange> {
        self.all.values().find(|it| it.private.contains_key(&message))
    }

    /// The one that this token still speaks for.
    pub(super) fn open(&self, token: &str, now: DateTime<Utc>) -> Option<&Exchange> {
        let exchange = self.all.values().find(|it| it.token == token)?;
        let open = exchange.answer.is_some() && now <= exchange.id.time() + TOKEN_LIFE;
        open.then_some(exchange)
    }
}

/// What a member does to the bot: the kind of interaction and its data.
pub(super) struct Ask {
    pub(super) kind: u8,
    pub(super) channel: Snowflake,
    pub(super) user: Snowflake,
    pub(super) data: Value,
    pub(super) pressed: Option<Snowflake>,
}

impl World {
    /// Hand an interaction to the bot.
    pub(super) fn ask(&mut self, ask: Ask) -> Result<Snowflake, String> {
        if self.sessions.connected() == 0 {
            return Err("the bot is not connected: the application did not respond".to_owned());
        }
        let Ask { kind, channel, user, data, pressed } = ask;
        let id = self.clock.next_id();
        let exchange = Exchange {
            id,
            kind,
            token: format!("interaction-{id}"),
            channel,
            user,
            pressed,
            answer: None,
            deferred: false,
            private: BTreeMap::new(),
            followups: Vec::new(),
        };
        let shape = self.interaction_shape(&exchange, data)?;
        let dispatch = Dispatch::interaction(self.guild_of(channel), shape);
        self.interactions.all.insert(id, exchange);
        self.publish([dispatch]);
        Ok(id)
    }

    fn interaction_shape(&self, exchange: &Exchange, data: Value) -> Result<Value, String> {
        let channel = &self.channels[&exchange.channel];
        let mut shape = json!({
            "id": exchange.id,
            "application_id": self.application.id,
            "type": exchange.kind,
            "token": exchange.token,
            "version": 1,
            "data": data,
            "channel": self.channel_shape(channel),
            "channel_id": channel.id,
            "app_permissions": "9007199254740991",
            "attachment_size_limit": 10_485_760,
            "authorizing_integration_owners": self.integration_owners(channel.id),
            "context": 1,
            "entitlements": [],
            "locale": "en-US",
        });
        if let Some(message) = exchange.pressed.and_then(|id| self.seen(channel.id, id)) {
            shape["message"] = self.message_shape(message);
        }
        let Some(guild) = channel.guild else {
            shape["user"] = self.user_shape(exchange.user);
            return Ok(shape);
        };
        let guild = &self.guilds[&guild];
        let member = guild.members.get(&exchange.user).ok_or_else(|| {
            format!("{} is not a member of {}", self.users[&exchange.user].name, guild.name)
        })?;
        let mut member_shape = self.member_shape(member);
        member_shape["permissions"] = json!(shapes::permissions(guild, member).to_string());
        shape["member"] = member_shape;
        shape["context"] = json!(0);
        shape["guild"] = json!({ "id": guild.id, "features": [], "locale": "en-US" });
        shape["guild_id"] = json!(guild.id);
        shape["guild_locale"] = json!("en-US");
        Ok(shape)
    }

    /// A message that belongs to an interaction, public or private.
    pub(super) fn answer_message<'a>(
        &'a self,
        exchange: &'a Exchange,
        id: Snowflake,
    ) -> Option<&'a Message> {
        self.seen(exchange.channel, id)
    }

    /// A message in a channel, also one that only one person sees.
    pub(super) fn seen(&self, channel: Snowflake, id: Snowflake) -> Option<&Message> {
        let private = self.interactions.holder(id).and_then(|it| it.private.get(&id));
        private.or_else(|| self.message(channel, id))
    }

    /// Put the bot's words where they belong: into the channel, or before one pair of eyes.
    pub(super) fn post_answer(
        &mut self,
        interaction: Snowflake,
        mut message: Message,
    ) -> Snowflake {
        let id = message.id;
        message.interaction = Some(interaction);
        if message.flags & EPHEMERAL == 0 {
            return self.post(message);
        }
        if let Some(exchange) = self.interactions.get_mut(interaction) {
            exchange.private.insert(id, message);
        }
        id
    }

    /// Change a message that belongs to an interaction. Thinking ends with it.
    pub(super) fn change_answer(
        &mut self,
        interaction: Snowflake,
        id: Snowflake,
        change: impl FnOnce(&mut Message),
    ) -> Option<Value> {
        let exchange = self.interactions.get(interaction)?;
        let (channel, holder) = (exchange.channel, self.interactions.holder(id).map(|it| it.id));
        let private = holder.is_some();
        let message = match holder {
            Some(holder) => self.interactions.get_mut(holder)?.private.get_mut(&id)?,
            None => self.message_mut(channel, id)?,
        };
        change(message);
        message.flags &= !LOADING;
        let message = message.clone();
        if !private {
            self.publish_update(channel, id);
        }
        Some(self.message_shape(&message))
    }

    /// What the one who asked sees, once the bot has stopped thinking.
    pub(super) fn response(&self, interaction: Snowflake) -> Option<Response> {
        let exchange = self.interactions.get(interaction)?;
        let Answer::Message(id) = exchange.answer.as_ref()? else { return None };
        let message = self.answer_message(exchange, *id)?;
        let done = message.flags & LOADING == 0;
        done.then(|| Response {
            text: message.content.clone(),
            ephemeral: message.flags & EPHEMERAL != 0,
            deferred: exchange.deferred,
            message: message.clone(),
        })
    }

    /// The member who is shown a command's option, a picked user and the like.
    pub(super) fn resolved(
        &self,
        guild: Option<Snowflake>,
        asker: Snowflake,
        kind: u64,
        id: Snowflake,
    ) -> Value {
        let key = id.to_string();
        let guild = guild.and_then(|id| self.guilds.get(&id));
        match kind {
            super::slash::USER if self.users.contains_key(&id) => {
                let mut found = json!({ "users": { key.clone(): self.user_shape(id) } });
                if let Some(member) = guild.and_then(|guild| guild.members.get(&id)) {
                    let mut member = self.member_shape(member);
                    if let Some(fields) = member.as_object_mut() {
                        fields.remove("user");
                    }
                    found["members"] = json!({ key: member });
                }
                found
            }
            super::slash::CHANNEL => match self.channels.get(&id) {
                Some(channel) => {
                    let mut shape = self.channel_shape(channel);
                    let member = guild.and_then(|it| Some((it, it.members.get(&asker)?)));
                    if let Some((guild, member)) = member {
                        let may = shapes::permissions(guild, member);
                        shape["permissions"] = json!(may.to_string());
                    }
                    json!({ "channels": { key: shape } })
                }
                None => json!({}),
            },
            super::slash::ROLE => match guild.and_then(|guild| guild.roles.get(&id)) {
                Some(role) => json!({ "roles": { key: shapes::role(role) } }),
                None => json!({}),
            },
            _ => json!({}),
        }
    }
}
