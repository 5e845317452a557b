//! Gateway events, put into words that the recorder knows.

use domain::discord::{ChannelEvent, GuildEvent};
use domain::kernel::{ChannelId, DiscordUserId, GuildId, MessageId};
use serde_json::Value;
use serenity::all::Event;

use super::facts::{self, channel_fact, holds_messages, member, member_update};
use super::json::{channel, guild, id, list, message, name, number, text, truth, user};

/// What one gateway event says.
pub(crate) enum Heard {
    /// The connection was lost and has not come back for a while.
    Absent,
    /// Somebody did something in a channel.
    Channel(ChannelNews),
    ChannelGone(GuildId, ChannelId),
    /// Somebody did something in a server.
    Guild(GuildNews),
    Interaction(Box<Value>),
    /// Events were dropped because there was no room for them.
    Missed,
    /// It says nothing that is kept.
    Nothing,
    /// A new session begins: what was said since the last one is missing.
    Ready(Welcome),
    /// The old session goes on; nothing is missing.
    Resumed,
}

pub(crate) struct ChannelNews {
    pub(crate) channel: ChannelId,
    pub(crate) guild: Option<GuildId>,
    pub(crate) by: Option<DiscordUserId>,
    pub(crate) facts: Vec<ChannelEvent>,
    /// The message that is among the facts, if one is.
    pub(crate) message: Option<MessageId>,
    /// A message that lost all its reactions, or those with this emoji.
    pub(crate) cleared: Option<(MessageId, Option<String>)>,
}

pub(crate) struct GuildNews {
    pub(crate) guild: GuildId,
    pub(crate) by: Option<DiscordUserId>,
    pub(crate) facts: Vec<GuildEvent>,
    /// Channels that are there to be read.
    pub(crate) open: Vec<OpenChannel>,
    /// Whether the server was out of sight until now.
    pub(crate) anew: bool,
    /// Whether members may have left while nobody looked.
    pub(crate) unwatched: bool,
}

impl GuildNews {
    /// Just this.
    pub(crate) fn of(guild: GuildId, fact: GuildEvent) -> Self {
        Self::channels(guild, vec![fact], vec![], false)
    }

    fn channels(
        guild: GuildId,
        facts: Vec<GuildEvent>,
        open: Vec<OpenChannel>,
        anew: bool,
    ) -> Self {
        Self { guild, by: None, facts, open, anew, unwatched: false }
    }
}

pub(crate) struct OpenChannel {
    pub(crate) id: ChannelId,
    /// The newest message there; without one, the channel's own id, which is older than any.
    pub(crate) newest: MessageId,
}

pub(crate) struct Welcome {
    pub(crate) me: DiscordUserId,
    pub(crate) name: String,
    pub(crate) application: u64,
    pub(crate) guilds: u64,
}

/// The name of an event and what it holds, whether or not serenity could read it.
pub(crate) fn raw(event: Event) -> Option<(String, Value)> {
    if let Event::Unknown(unknown) = event {
        return Some((unknown.kind, unknown.value));
    }
    // serenity leaves this one out.
    let kind = match &event {
        Event::InteractionCreate(create) => Some(u8::from(create.interaction.kind())),
        _ => None,
    };
    let mut value = serde_json::to_value(&event).ok()?;
    let mut data = value["d"].take();
    if let Some(kind) = kind {
        data["type"] = kind.into();
    }
    Some((value["t"].as_str()?.to_owned(), data))
}

/// None when the event lacks what makes it what it is.
pub(crate) fn heard(kind: &str, data: Value, me: DiscordUserId) -> Option<Heard> {
    Some(match kind {
        "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE" => {
            let Some(guild) = guild(&data["guild_id"]) else { return Some(Heard::Nothing) };
            let (facts, open) = channels(std::iter::once(&data));
            Heard::Guild(GuildNews::channels(guild, facts, open, false))
        }
        "CHANNEL_DELETE" | "THREAD_DELETE" => {
            let Some(guild) = guild(&data["guild_id"]) else { return Some(Heard::Nothing) };
            Heard::ChannelGone(guild, channel(&data["id"])?)
        }
        "GUILD_CREATE" if truth(&data["unavailable"]) => Heard::Nothing,
        "GUILD_CREATE" => guild_create(&data)?,
        // An outage of Discord's; the bot is still a member.
        "GUILD_DELETE" if truth(&data["unavailable"]) => Heard::Nothing,
        "GUILD_DELETE" => of_guild(guild(&data["id"])?, None, GuildEvent::Left),
        "GUILD_MEMBER_ADD" => by_member(&data, member(&data)?)?,
        "GUILD_MEMBER_REMOVE" => {
            let user = user(&data["user"]["id"])?;
            by_member(&data, GuildEvent::MemberLeft { user })?
        }
        "GUILD_MEMBER_UPDATE" => by_member(&data, member_update(&data)?)?,
        "GUILD_UPDATE" => {
            let name = text(&data["name"]).to_owned();
            let member_count = number(&data["member_count"]);
            of_guild(guild(&data["id"])?, None, GuildEvent::Observed { name, member_count })
        }
        "INTERACTION_CREATE" => Heard::Interaction(Box::new(data)),
        "MESSAGE_CREATE" => {
            let said = facts::said(&data, None, me)?;
            let (by, message) = (Some(said.author), Some(said.id));
            in_channel(&data, by, vec![ChannelEvent::MessageCreated(said)], message)?
        }
        "MESSAGE_DELETE" => {
            let deleted = ChannelEvent::MessageDeleted { id: message(&data["id"])? };
            in_channel(&data, None, vec![deleted], None)?
        }
        "MESSAGE_DELETE_BULK" => {
            let ids = list(&data["ids"]).iter().filter_map(message);
            let deleted = ids.map(|id| ChannelEvent::MessageDeleted { id }).collect();
            in_channel(&data, None, deleted, None)?
        }
        "MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE" => {
            let (message, user) = (message(&data["message_id"])?, user(&data["user_id"])?);
            let emoji = facts::emoji(&data["emoji"])?;
            let fact = if kind == "MESSAGE_REACTION_ADD" {
                ChannelEvent::ReactionAdded { message, user, emoji }
            } else {
                ChannelEvent::ReactionRemoved { message, user, emoji }
            };
            in_channel(&data, Some(user), vec![fact], None)?
        }
        "MESSAGE_REACTION_REMOVE_ALL" => cleared(&data, None)?,
        "MESSAGE_REACTION_REMOVE_EMOJI" => cleared(&data, Some(facts::emoji(&data["emoji"])?))?,
        "MESSAGE_UPDATE" => match facts::edited(&data) {
            Some((by, edited)) => in_channel(&data, Some(by), vec![edited], None)?,
            // A preview was added, or a pin: nobody changed a word.
            None => Heard::Nothing,
        },
        "READY" => Heard::Ready(Welcome {
            me: user(&data["user"]["id"])?,
            name: name(&data["user"]),
            application: id(&data["application"]["id"])?,
            guilds: list(&data["guilds"]).len() as u64,
        }),
        "RESUMED" => Heard::Resumed,
        // Threads come into sight, with the channel that they are in.
        "THREAD_LIST_SYNC" => {
            let (facts, open) = channels(list(&data["threads"]).iter());
            Heard::Guild(GuildNews::channels(guild(&data["guild_id"])?, facts, open, true))
        }
        _ => Heard::Nothing,
    })
}

fn guild_create(data: &Value) -> Option<Heard> {
    let guild = guild(&data["id"])?;
    let members = list(&data["members"]);
    let counted = number(&data["member_count"]).max(members.len() as u64);
    let name = text(&data["name"]).to_owned();
    let mut facts = vec![GuildEvent::Observed { name, member_count: counted }];
    let all = list(&data["channels"]).iter().chain(list(&data["threads"]));
    let (channels, open) = channels(all);
    facts.extend(channels);
    facts.extend(members.iter().filter_map(member));
    Some(Heard::Guild(GuildNews {
        unwatched: true,
        ..GuildNews::channels(guild, facts, open, true)
    }))
}

fn channels<'a>(all: impl Iterator<Item = &'a Value>) -> (Vec<GuildEvent>, Vec<OpenChannel>) {
    let (mut facts, mut open) = (Vec::new(), Vec::new());
    for data in all {
        let Some(fact) = channel_fact(data) else { continue };
        if holds_messages(&fact) {
            let newest = message(&data["last_message_id"]).unwrap_or(MessageId(fact.id.0));
            open.push(OpenChannel { id: fact.id, newest });
        }
        facts.push(GuildEvent::ChannelObserved(fact));
    }
    (facts, open)
}

fn by_member(data: &Value, fact: GuildEvent) -> Option<Heard> {
    Some(of_guild(guild(&data["guild_id"])?, user(&data["user"]["id"]), fact))
}

fn of_guild(guild: GuildId, by: Option<DiscordUserId>, fact: GuildEvent) -> Heard {
    Heard::Guild(GuildNews { by, ..GuildNews::of(guild, fact) })
}

fn in_channel(
    data: &Value,
    by: Option<DiscordUserId>,
    facts: Vec<ChannelEvent>,
    message: Option<MessageId>,
) -> Option<Heard> {
    let channel = channel(&data["channel_id"])?;
    let guild = guild(&data["guild_id"]);
    Some(Heard::Channel(ChannelNews { channel, guild, by, facts, message, cleared: None }))
}

fn cleared(data: &Value, emoji: Option<String>) -> Option<Heard> {
    let (channel, message) = (channel(&data["channel_id"])?, message(&data["message_id"])?);
    let (guild, by, facts) = (guild(&data["guild_id"]), None, vec![]);
    let cleared = Some((message, emoji));
    Some(Heard::Channel(ChannelNews { channel, guild, by, facts, message: None, cleared }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_serenity_reads_keeps_what_is_needed() {
        let user = json!({ "id": "7", "username": "ana", "discriminator": "0" });
        let member = json!({
            "user": user, "roles": [], "joined_at": "2026-01-01T00:00:00.000000+00:00",
            "deaf": false, "mute": false, "flags": 0, "guild_id": "5",
        });
        let event = json!({ "t": "GUILD_MEMBER_ADD", "d": member });
        let (kind, data) = raw(serde_json::from_value(event).unwrap()).unwrap();
        let Some(Heard::Guild(news)) = heard(&kind, data.clone(), DiscordUserId(9)) else {
            panic!("{data}");
        };
        assert!(matches!(&news.facts[..], [GuildEvent::MemberJoined { .. }]), "{data}");
    }
}
