//! The history of channels, and the search in it.

use chrono::{DateTime, Utc};
use domain::discord::{ChannelEvent as Did, Message};
use domain::kernel::{ChannelId, ERASED, Event, Person, Recorded};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{Condition, DbBackend, QueryOrder, QuerySelect};

use crate::{Fold, Millis, Paged, Slice, Touch, Tx, discord_account, snowflake};

/// One message, as it reads now.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "discord_messages")]
pub struct Model {
    /// Discord's id, which also orders by time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub channel_id: i64,
    pub guild_id: Option<i64>,
    pub author_id: i64,
    /// As it was then; none once the author was erased.
    pub author_name: Option<String>,
    pub bot: bool,
    /// `[erased]` once the author was erased; empty once the message was deleted.
    pub content: String,
    /// In characters.
    pub length: i64,
    pub reply_to: Option<i64>,
    /// A JSON array of name, url and size; none once the author was erased.
    pub attachments: Option<String>,
    pub to_bot: bool,
    pub sent_at: Millis,
    pub edited_at: Option<Millis>,
    pub deleted_at: Option<Millis>,
    /// How many are on it now.
    pub reactions: i64,
    /// The commit that brought it.
    pub position: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What to look for; everything at once.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub channel: Option<u64>,
    pub guild: Option<u64>,
    pub author: Option<u64>,
    /// Words that must all be there.
    pub search: Option<String>,
    pub from: Option<DateTime<Utc>>,
    /// Not included.
    pub to: Option<DateTime<Utc>>,
}

/// Messages that were not deleted, the newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    filter: &Filter,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    let Filter { channel, guild, author, search, from, to } = filter;
    let mut all = Condition::all().add(Column::DeletedAt.is_null());
    if let Some(channel) = channel {
        all = all.add(Column::ChannelId.eq(snowflake(*channel)));
    }
    if let Some(guild) = guild {
        all = all.add(Column::GuildId.eq(snowflake(*guild)));
    }
    if let Some(from) = from {
        all = all.add(Column::SentAt.gte(from.timestamp_millis()));
    }
    if let Some(to) = to {
        all = all.add(Column::SentAt.lt(to.timestamp_millis()));
    }
    if let Some(author) = author {
        all = all.add(Column::AuthorId.eq(snowflake(*author)));
    }
    if let Some(words) = search {
        all = all.add(found(db.get_database_backend(), words));
    }
    slice.of(Entity::find().filter(all).order_by_desc(Column::Id), db).await
}

/// The messages of a channel before this one, or the newest; oldest first.
pub async fn before(
    db: &impl ConnectionTrait,
    channel: u64,
    before: Option<u64>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut find = Entity::find()
        .filter(Column::ChannelId.eq(snowflake(channel)))
        .filter(Column::DeletedAt.is_null());
    if let Some(before) = before {
        find = find.filter(Column::Id.lt(snowflake(before)));
    }
    let mut found = find.order_by_desc(Column::Id).limit(limit).all(db).await?;
    found.reverse();
    Ok(found)
}

/// One message, whatever became of it.
pub async fn find(db: &impl ConnectionTrait, id: u64) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(snowflake(id)).one(db).await
}

/// Whether the full-text index finds these words in a message.
fn found(backend: DbBackend, words: &str) -> Expr {
    if backend == DbBackend::Sqlite {
        // Quoted, a word is only a word: nobody writes a query language into a search box.
        let quoted = words.split_whitespace().map(|word| format!("\"{}\"", word.replace('"', "")));
        let quoted: Vec<_> = quoted.filter(|word| word.len() > 2).collect();
        if quoted.is_empty() {
            return Expr::val(false);
        }
        Expr::cust_with_values(
            "\"discord_messages\".\"id\" IN (SELECT rowid FROM discord_messages_search
                WHERE discord_messages_search MATCH ?)",
            [quoted.join(" ")],
        )
    } else {
        Expr::cust_with_values(
            "content NOT IN ('', '[erased]')
                AND to_tsvector('simple', content) @@ plainto_tsquery('simple', $1)",
            [words],
        )
    }
}

/// Builds the history.
pub struct Messages;

impl Fold for Messages {
    const NAME: &'static str = "discord_messages";
    const VERSION: u32 = 2;
    type Key = i64;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<i64>> {
        let event = match &recorded.event {
            Event::Channel(_, event) => event,
            Event::Alert(..)
            | Event::ApiKey(..)
            | Event::Behavior(..)
            | Event::Blob(..)
            | Event::Bot(..)
            | Event::Chain(..)
            | Event::Claim(..)
            | Event::Compensation(..)
            | Event::Conversation(..)
            | Event::Edit(..)
            | Event::Group(..)
            | Event::Guild(..)
            | Event::Installation(..)
            | Event::Organization(..)
            | Event::Person(..)
            | Event::Process(..)
            | Event::Rehearsal(..)
            | Event::Role(..)
            | Event::Session(..)
            | Event::Settings(..)
            | Event::SignIn(..)
            | Event::User(..)
            | Event::Watch(..)
            | Event::Workspace(..) => return None,
        };
        match event {
            Did::MessageCreated(Message { id, .. }) => Some(Touch::Creates(snowflake(id.0))),
            Did::MessageDeleted { id }
            | Did::MessageEdited { id, .. }
            | Did::ReactionAdded { message: id, .. }
            | Did::ReactionRemoved { message: id, .. } => Some(Touch::Changes(snowflake(id.0))),
            Did::CaughtUp { .. }
            | Did::InteractionAnswered { .. }
            | Did::InteractionReceived { .. } => None,
        }
    }

    fn fold(_: &i64, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Channel(channel, event) = &recorded.event else { return row };
        match event {
            Did::MessageCreated(message) => Some(created(*channel, message, recorded)),
            Did::MessageDeleted { .. } => row.map(|row| Model {
                content: String::new(),
                attachments: None,
                deleted_at: Some(Millis(recorded.recorded_at)),
                ..row
            }),
            Did::MessageEdited { edited_at, content, length, .. } => row.map(|row| Model {
                content: content.shown().to_owned(),
                length: (*length).into(),
                edited_at: Some(Millis(*edited_at)),
                ..row
            }),
            Did::ReactionAdded { .. } => {
                row.map(|row| Model { reactions: row.reactions + 1, ..row })
            }
            Did::ReactionRemoved { .. } => {
                row.map(|row| Model { reactions: Ord::max(row.reactions - 1, 0), ..row })
            }
            Did::CaughtUp { .. }
            | Did::InteractionAnswered { .. }
            | Did::InteractionReceived { .. } => row,
        }
    }

    fn values(key: &i64) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(row: &Model) -> i64 {
        row.id
    }

    async fn forget(person: &Person, tx: &Tx) -> Result<(), DbErr> {
        let Some(author) = discord_account(person) else { return Ok(()) };
        let none = || Expr::value(None::<String>);
        let update = Entity::update_many()
            .col_expr(Column::AuthorName, none())
            .col_expr(Column::Attachments, none())
            .filter(Column::AuthorId.eq(author));
        update.exec(tx).await?;
        let update = Entity::update_many()
            .col_expr(Column::Content, Expr::value(ERASED))
            .filter(Column::AuthorId.eq(author))
            .filter(Column::DeletedAt.is_null());
        update.exec(tx).await?;
        Ok(())
    }
}

fn created(channel: ChannelId, message: &Message, recorded: &Recorded) -> Model {
    let attachments = message.attachments.as_ref().and_then(|it| it.clear());
    Model {
        id: snowflake(message.id.0),
        channel_id: snowflake(channel.0),
        guild_id: message.guild.map(|guild| snowflake(guild.0)),
        author_id: snowflake(message.author.0),
        author_name: message.author_name.clear().cloned(),
        bot: message.bot,
        content: message.content.shown().to_owned(),
        length: message.length.into(),
        reply_to: message.reply_to.map(|id| snowflake(id.0)),
        attachments: attachments.and_then(|it| serde_json::to_string(it).ok()),
        to_bot: message.to_bot,
        sent_at: Millis(recorded.occurred_at),
        edited_at: None,
        deleted_at: None,
        reactions: 0,
        position: recorded.position.cast_signed(),
    }
}

#[cfg(test)]
mod tests {
    use domain::kernel::{DiscordUserId, MessageId, Personal};

    use super::*;
    use crate::testing::{folded, moment};

    #[test]
    fn a_message_reads_as_it_was_edited_last() {
        let row = seen([said("hello"), edited(Personal::of(ana(), "hi".into()))]);
        assert_eq!(
            (row.content.as_str(), row.length, row.edited_at),
            ("hi", 2, Some(Millis(moment(9))))
        );

        let row = seen([said("hello"), edited(Personal::Erased { of: ana() })]);
        assert_eq!(row.content, ERASED);
    }

    #[test]
    fn a_deleted_message_keeps_no_text() {
        let row = seen([said("hello"), Did::MessageDeleted { id: MessageId(5) }]);
        assert_eq!((row.content.as_str(), row.deleted_at), ("", Some(Millis(moment(2)))));
    }

    #[test]
    fn reactions_that_were_never_seen_do_not_count_when_they_go() {
        let (message, user) = (MessageId(5), DiscordUserId(1));
        let gone = Did::ReactionRemoved { message, user, emoji: "x".into() };
        let new = Did::ReactionAdded { message, user, emoji: "y".into() };
        assert_eq!(seen([said("hello"), gone, new]).reactions, 1);
    }

    fn seen(events: impl IntoIterator<Item = Did>) -> Model {
        let events = events.into_iter().map(|event| Event::Channel(ChannelId(3), event));
        folded::<Messages>(events).unwrap()
    }

    fn said(text: &str) -> Did {
        Did::MessageCreated(Message {
            id: MessageId(5),
            guild: None,
            author: DiscordUserId(1),
            author_name: Personal::of(ana(), "Ana".into()),
            bot: false,
            content: Personal::of(ana(), text.into()),
            length: 5,
            reply_to: None,
            attachments: None,
            to_bot: false,
        })
    }

    fn edited(content: Personal<String>) -> Did {
        Did::MessageEdited { id: MessageId(5), edited_at: moment(9), content, length: 2 }
    }

    fn ana() -> Person {
        Person::discord(1)
    }
}
