//! What a record of an export says, told as facts of a channel.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use domain::discord::{Attachment, ChannelEvent, Message, happened_at};
use domain::kernel::{DiscordUserId, GuildId, MessageId, Person, Personal};

use super::shape::{
    ExportedEmoji, ExportedFile, ExportedMessage, ExportedReaction, ExportedReference,
    ExportedUser, Loose,
};

/// The longest message, in characters.
const MAX_CONTENT: usize = 4_000;

/// The longest name of a person or an emoji, in characters.
const MAX_NAME: usize = 128;

/// The most files that come with a message, and the longest name and address of one.
const MAX_FILES: usize = 20;
const MAX_FILE_NAME: usize = 512;
const MAX_URL: usize = 2_048;

/// A message's time follows from its id; the export may say another, but not by more than this.
const TOLERANCE: TimeDelta = TimeDelta::seconds(5);

/// How far ahead of ours a clock may be; what has a later id was not said yet.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// One record's facts: the message first.
#[derive(Debug, PartialEq)]
pub struct Told {
    pub facts: Vec<ChannelEvent>,
    /// Reactions of which the export does not say whose they are.
    pub anonymous: u64,
    /// The time that the export gives, where it is not that of the id. The id is believed: order
    /// and time everywhere follow from it.
    pub misdated: Option<DateTime<Utc>>,
}

/// Tells what a record says, or why it is not a message.
pub fn tell(json: &str, guild: Option<GuildId>, now: DateTime<Utc>) -> Result<Told, String> {
    if !json.starts_with('{') {
        return Err("it is not an object".to_owned());
    }
    let record: ExportedMessage<'_> = serde_json::from_str(json).map_err(without_place)?;
    let id = MessageId(snowflake("id", &record.id)?);
    if happened_at(id) > now + AHEAD {
        return Err(format!("id: {id} is of {}, which is in the future", happened_at(id)));
    }
    let said_at = time("timestamp", &record.timestamp)?;
    let edited_at = record.timestamp_edited.as_deref();
    let edited_at = edited_at.map(|text| time("timestampEdited", text)).transpose()?;

    let author = DiscordUserId(snowflake("author.id", &record.author.id)?);
    let person = Person::discord(author);
    let content = record.content.unwrap_or_default();
    let length = within("content", &content, MAX_CONTENT)?;

    let kind = record.r#type.as_ref();
    let reply_to = record.reference.map(|it| answered(kind, it)).transpose()?.flatten();
    let message = Message {
        id,
        guild,
        author,
        author_name: Personal::of(person.clone(), name(&record.author)?),
        bot: record.author.is_bot.unwrap_or_default(),
        content: Personal::of(person.clone(), content.clone()),
        length,
        reply_to,
        attachments: files(record.attachments.unwrap_or_default(), &person)?,
        to_bot: false,
    };
    let mut facts = vec![ChannelEvent::MessageCreated(message)];
    if let Some(edited_at) = edited_at {
        let content = Personal::of(person, content);
        facts.push(ChannelEvent::MessageEdited { id, edited_at, content, length });
    }
    let mut anonymous = 0;
    for reaction in record.reactions.unwrap_or_default() {
        anonymous += react(id, reaction, &mut facts)?;
    }
    let misdated = (said_at - happened_at(id)).abs() > TOLERANCE;
    Ok(Told { facts, anonymous, misdated: misdated.then_some(said_at) })
}

/// The message that this one answers; a forwarded or a pinned one is not answered.
fn answered(
    kind: Option<&Loose<'_>>,
    reference: ExportedReference<'_>,
) -> Result<Option<MessageId>, String> {
    let is = |it: Option<&Loose<'_>>, names: &[&str]| it.is_some_and(|it| names.contains(&&*it.0));
    if is(reference.r#type.as_ref(), &["Forward", "1"]) || is(kind, &["ChannelPinnedMessage", "6"])
    {
        return Ok(None);
    }
    let id = reference.message_id.filter(|id| !id.0.is_empty());
    let id = id.map(|id| snowflake("reference.messageId", &id)).transpose()?;
    Ok(id.map(MessageId))
}

/// As others see him.
fn name(author: &ExportedUser<'_>) -> Result<String, String> {
    let names = [&author.nickname, &author.name].into_iter().flatten();
    let name = names.into_iter().find(|name| !name.is_empty());
    let name = name.ok_or("its author has no name")?;
    within("author.name", name, MAX_NAME)?;
    Ok(name.clone())
}

fn files(
    files: Vec<ExportedFile>,
    of: &Person,
) -> Result<Option<Personal<Vec<Attachment>>>, String> {
    if files.len() > MAX_FILES {
        return Err(format!("it has {} attachments; {MAX_FILES} is the most", files.len()));
    }
    let mut attachments = Vec::with_capacity(files.len());
    for file in files {
        let name = file.file_name.unwrap_or_default();
        let url = file.url.unwrap_or_default();
        within("attachments.fileName", &name, MAX_FILE_NAME)?;
        within("attachments.url", &url, MAX_URL)?;
        attachments.push(Attachment { name, url, size: file.file_size_bytes.unwrap_or_default() });
    }
    Ok((!attachments.is_empty()).then(|| Personal::of(of.clone(), attachments)))
}

/// Adds who reacted; answers how many reactions are nobody's.
fn react(
    message: MessageId,
    reaction: ExportedReaction<'_>,
    facts: &mut Vec<ChannelEvent>,
) -> Result<u64, String> {
    let emoji = emoji(reaction.emoji)?;
    let users = reaction.users.unwrap_or_default();
    let named = users.len() as u64;
    for user in users {
        let user = DiscordUserId(snowflake("reactions.users.id", &user.id)?);
        facts.push(ChannelEvent::ReactionAdded { message, user, emoji: emoji.clone() });
    }
    Ok(reaction.count.unwrap_or_default().saturating_sub(named))
}

/// A Unicode emoji, or `name:id`.
fn emoji(emoji: ExportedEmoji<'_>) -> Result<String, String> {
    let name = emoji.name.unwrap_or_default();
    within("reactions.emoji.name", &name, MAX_NAME)?;
    match emoji.id.filter(|id| !id.0.is_empty()) {
        Some(id) => Ok(format!("{name}:{}", snowflake("reactions.emoji.id", &id)?)),
        None if name.is_empty() => Err("a reaction has no emoji".to_owned()),
        None => Ok(name),
    }
}

/// An id of Discord.
pub(super) fn snowflake(field: &str, id: &Loose<'_>) -> Result<u64, String> {
    let number = id.0.bytes().all(|byte| byte.is_ascii_digit()).then(|| id.0.parse().ok());
    let number = number.flatten().filter(|number| (1..=i64::MAX as u64).contains(number));
    number.ok_or_else(|| format!("{field}: “{}” is no id of Discord", shortened(&id.0)))
}

/// With an offset; older exports left it out and meant UTC.
fn time(field: &str, text: &str) -> Result<DateTime<Utc>, String> {
    let exact = DateTime::parse_from_rfc3339(text).map(|it| it.to_utc());
    let bare = || text.parse::<NaiveDateTime>().map(|it| it.and_utc());
    exact.or_else(|_| bare()).map_err(|_| format!("{field}: “{}” is no time", shortened(text)))
}

/// The length in characters.
fn within(field: &str, text: &str, most: usize) -> Result<u32, String> {
    let length = text.chars().count();
    if length > most {
        return Err(format!("{field} has {length} characters; {most} is the most"));
    }
    Ok(u32::try_from(length).unwrap_or(u32::MAX))
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// What the parser says, without its own idea of the place.
pub(super) fn without_place(error: serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Discord's first second.
    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_420_070_400, 0).unwrap();

    #[test]
    fn what_does_not_fit_is_refused_with_its_reason() {
        let file = json!({ "fileName": "a", "url": "b" });
        let reaction = |emoji: Value| json!({ "emoji": emoji, "count": 1, "users": [] });
        for (member, value, reason) in [
            ("id", json!("0"), "id: “0” is no id of Discord"),
            ("id", json!("+7"), "id: “+7” is no id of Discord"),
            ("id", Value::Null, "invalid type: null, expected a text or a whole number"),
            (
                "id",
                json!(((86_401 * 1_000_u64) << 22).to_string()),
                "id: 362392059904000 is of 2015-01-02 00:00:01 UTC, which is in the future",
            ),
            ("timestamp", json!("noon"), "timestamp: “noon” is no time"),
            ("timestamp", json!(7), "invalid type: integer `7`, expected a string"),
            ("timestampEdited", json!(""), "timestampEdited: “” is no time"),
            ("content", json!("é".repeat(4_001)), "content has 4001 characters; 4000 is the most"),
            ("author", json!({ "id": "7" }), "its author has no name"),
            ("author", json!({ "name": "Ana" }), "missing field `id`"),
            ("attachments", json!(vec![file; 21]), "it has 21 attachments; 20 is the most"),
            ("reactions", json!([reaction(json!({}))]), "a reaction has no emoji"),
            (
                "reference",
                json!({ "messageId": "x" }),
                "reference.messageId: “x” is no id of Discord",
            ),
        ] {
            assert_eq!(tell(&with(member, value), None, NOW), Err(reason.to_owned()), "{member}");
        }
        assert_eq!(tell("[]", None, NOW), Err("it is not an object".to_owned()));
    }

    #[test]
    fn what_may_be_missing_may_be_missing() {
        for (member, value) in [
            ("content", Value::Null),
            ("content", json!("é".repeat(4_000))),
            ("attachments", Value::Null),
            ("reactions", json!([{ "emoji": { "id": null, "name": "👍" } }])),
            ("reference", json!({ "messageId": null })),
            ("timestamp", json!("2015-01-01T00:00:00.5")),
            ("timestampEdited", Value::Null),
            ("type", json!(19)),
            ("id", json!(4_194_304)),
        ] {
            let told = tell(&with(member, value), None, NOW).unwrap();
            assert_eq!((told.facts.len(), told.misdated), (1, None), "{member}");
        }
    }

    #[test]
    fn the_id_is_believed_where_the_time_is_another() {
        let told = tell(&with("timestamp", json!("2015-01-01T00:00:06Z")), None, NOW).unwrap();
        assert!(told.misdated.is_some());
        assert_eq!(told.facts[0].occurred_at(), Some(happened_at(MessageId(4_194_304))));
    }

    /// A message said in the first millisecond of Discord, with one thing else.
    fn with(member: &str, value: Value) -> String {
        let mut message = json!({
            "id": "4194304",
            "timestamp": "2015-01-01T02:00:00.001+02:00",
            "author": { "id": "7", "name": "Ana" },
        });
        message[member] = value;
        message.to_string()
    }
}
