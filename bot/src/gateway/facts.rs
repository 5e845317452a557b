//! What Discord's objects say, as facts of the domain.

use domain::discord::{Attachment, ChannelEvent, ChannelFact, GuildEvent, Message};
use domain::kernel::{DiscordUserId, GuildId, Person, Personal};
use serde_json::Value;

use super::json::{channel, id, list, message, name, number, text, time, truth, user};

/// The types of messages that people write.
const DEFAULT: u64 = 0;
const REPLY: u64 = 19;

/// A message as the gateway or REST shows it; `guild` where REST leaves it out.
pub(crate) fn said(data: &Value, guild: Option<GuildId>, me: DiscordUserId) -> Option<Message> {
    let (id, author) = (message(&data["id"])?, user(&data["author"]["id"])?);
    let guild = super::json::guild(&data["guild_id"]).or(guild);
    let person = Person::discord(author);
    let own = author == me;
    let bot =
        own || truth(&data["author"]["bot"]) || super::json::id(&data["webhook_id"]).is_some();
    let written = matches!(number(&data["type"]), DEFAULT | REPLY);
    let content = text(&data["content"]).to_owned();
    let attachments: Vec<_> = list(&data["attachments"]).iter().map(attachment).collect();
    Some(Message {
        id,
        guild,
        author,
        author_name: Personal::of(person.clone(), name(&data["author"])),
        bot,
        length: length(&content),
        content: Personal::of(person.clone(), content),
        reply_to: message(&data["message_reference"]["message_id"]),
        attachments: (!attachments.is_empty()).then(|| Personal::of(person, attachments)),
        to_bot: !own && written && (guild.is_none() || speaks_to(data, me)),
    })
}

/// Whether a message mentions us or answers one of ours.
fn speaks_to(data: &Value, me: DiscordUserId) -> bool {
    let mentioned = list(&data["mentions"]).iter().any(|it| user(&it["id"]) == Some(me));
    let named = [format!("<@{me}>"), format!("<@!{me}>")];
    mentioned
        || named.iter().any(|name| text(&data["content"]).contains(name))
        || user(&data["referenced_message"]["author"]["id"]) == Some(me)
}

/// How a message reads after its last edit, if it was edited.
pub(crate) fn edited(data: &Value) -> Option<(DiscordUserId, ChannelEvent)> {
    let (id, author) = (message(&data["id"])?, user(&data["author"]["id"])?);
    let edited_at = time(&data["edited_timestamp"])?;
    let content = data["content"].as_str()?.to_owned();
    let length = length(&content);
    let content = Personal::of(Person::discord(author), content);
    Some((author, ChannelEvent::MessageEdited { id, edited_at, content, length }))
}

fn attachment(data: &Value) -> Attachment {
    Attachment {
        name: text(&data["filename"]).to_owned(),
        url: text(&data["url"]).to_owned(),
        size: number(&data["size"]),
    }
}

pub(crate) fn channel_fact(data: &Value) -> Option<ChannelFact> {
    let kind = match number(&data["type"]) {
        0 => "text",
        1 => "direct",
        2 => "voice",
        3 => "group",
        4 => "category",
        5 => "announcement",
        10..=12 => "thread",
        13 => "stage",
        14 => "directory",
        15 => "forum",
        16 => "media",
        _ => "other",
    };
    let name = text(&data["name"]).to_owned();
    Some(ChannelFact { id: channel(&data["id"])?, name, kind: kind.to_owned() })
}

/// Whether messages are written in channels of this kind.
pub(crate) fn holds_messages(fact: &ChannelFact) -> bool {
    !matches!(&*fact.kind, "category" | "directory" | "forum" | "media" | "other")
}

/// That somebody is a member, since when.
pub(crate) fn member(data: &Value) -> Option<GuildEvent> {
    let id = user(&data["user"]["id"])?;
    let name = Personal::of(Person::discord(id), shown_name(data));
    Some(GuildEvent::MemberJoined { user: id, name, joined_at: time(&data["joined_at"])? })
}

pub(crate) fn member_update(data: &Value) -> Option<GuildEvent> {
    let id = user(&data["user"]["id"])?;
    let name = Personal::of(Person::discord(id), shown_name(data));
    let roles = list(&data["roles"]).iter().filter_map(role).map(|id| id.to_string()).collect();
    Some(GuildEvent::MemberUpdated { user: id, name, roles })
}

/// Roles come as ids, and sometimes spelled out.
fn role(data: &Value) -> Option<u64> {
    id(data).or_else(|| id(&data["id"]))
}

fn shown_name(member: &Value) -> String {
    let nick = member["nick"].as_str().filter(|nick| !nick.is_empty());
    nick.map_or_else(|| name(&member["user"]), ToOwned::to_owned)
}

/// A Unicode emoji as it is, another one as `name:id`.
pub(crate) fn emoji(data: &Value) -> Option<String> {
    let name = text(&data["name"]);
    match id(&data["id"]) {
        Some(id) => Some(format!("{name}:{id}")),
        None if name.is_empty() => None,
        None => Some(name.to_owned()),
    }
}

fn length(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ME: DiscordUserId = DiscordUserId(99);

    #[test]
    fn what_mentions_answers_or_is_direct_speaks_to_the_bot() {
        let guild = Some(GuildId(5));
        for (more, to_bot) in [
            (json!({}), false),
            (json!({ "mentions": [{ "id": "99" }] }), true),
            (json!({ "content": "<@!99> hello" }), true),
            (json!({ "type": 19, "referenced_message": { "author": { "id": "99" } } }), true),
            (json!({ "type": 7, "mentions": [{ "id": "99" }] }), false),
            (json!({ "author": { "id": "99" }, "mentions": [{ "id": "99" }] }), false),
        ] {
            let mut data = json!({ "id": "1", "author": { "id": "7", "username": "ana" } });
            for (key, value) in more.as_object().unwrap() {
                data[key] = value.clone();
            }
            assert_eq!(said(&data, guild, ME).unwrap().to_bot, to_bot, "{more}");
        }
        let direct = json!({ "id": "1", "author": { "id": "7", "username": "ana" } });
        assert!(said(&direct, None, ME).unwrap().to_bot);
    }

    #[test]
    fn odd_answers_are_read_all_the_same() {
        let odd = json!({
            "id": 1, "author": { "id": "7", "public_flags": "0" }, "content": null,
            "components": null, "attachments": null, "mentions": null,
        });
        let message = said(&odd, None, ME).unwrap();
        assert_eq!((message.length, message.content.shown()), (0, ""));
        assert!(said(&json!({ "id": "1" }), None, ME).is_none());
    }

    #[test]
    fn what_was_never_edited_is_no_edit() {
        let mut data = json!({ "id": "1", "author": { "id": "7" }, "content": "hello" });
        assert!(edited(&data).is_none());
        data["edited_timestamp"] = json!("2026-01-01T00:00:00.000000+00:00");
        assert!(edited(&data).is_some());
    }
}
