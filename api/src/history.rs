//! `/history`: what was said on Discord, and the search in it.

use chrono::{DateTime, Utc};
use poem_openapi::param::Query;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use projections::Slice;
use projections::discord::{channels, messages};
use serde_json::Value;

use crate::Tag;
use crate::answer::{Found, Result};
use crate::auth::{May, needs};
use crate::error::ApiError;
use crate::page::{Pagination, default_limit};
use crate::request;
use crate::views::Views;

pub(crate) struct HistoryApi {
    pub(crate) views: Views,
}

#[derive(Object)]
struct MessageList {
    messages: Vec<RecordedMessage>,
    pagination: Pagination,
}

/// A message as it reads now.
#[derive(Object)]
struct RecordedMessage {
    id: String,
    channel_id: String,
    guild_id: Option<String>,
    author: MessageAuthor,
    /// `[erased]` once its author was erased.
    content: String,
    timestamp: String,
    edited_at: Option<String>,
    reply_to: Option<String>,
    /// Name, address and size of each.
    attachments: Vec<Any<Value>>,
    /// How many are on it now.
    reactions: u64,
}

#[derive(Object)]
struct MessageAuthor {
    id: String,
    /// As it was then; null once the author was erased.
    name: Option<String>,
    bot: bool,
}

#[derive(Object)]
struct ChannelList {
    channels: Vec<RecordedChannel>,
    pagination: Pagination,
}

#[derive(Object)]
struct RecordedChannel {
    id: String,
    guild_id: Option<String>,
    name: Option<String>,
    #[oai(rename = "type")]
    kind: Option<String>,
    deleted: bool,
    message_count: u64,
    last_message_at: Option<String>,
}

#[OpenApi(prefix_path = "/api/v1/history", tag = "Tag::History")]
impl HistoryApi {
    /// Search the recorded chat
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "searchHistory")]
    #[expect(clippy::too_many_arguments, reason = "each is a filter of the API")]
    async fn search(
        &self,
        _may: May<needs::ReadHistory>,
        #[oai(validator(min_length = 1, max_length = 20))] channel_id: Query<Option<String>>,
        #[oai(validator(min_length = 1, max_length = 20))] guild_id: Query<Option<String>>,
        #[oai(validator(min_length = 1, max_length = 20))] author_id: Query<Option<String>>,
        /// Words that must all be there.
        #[oai(validator(min_length = 1, max_length = 200))]
        search: Query<Option<String>>,
        /// Only from this moment on.
        from: Query<Option<DateTime<Utc>>>,
        /// Only before this moment.
        to: Query<Option<DateTime<Utc>>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<MessageList>> {
        let filter = messages::Filter {
            channel: snowflake("channel_id", channel_id.0)?,
            guild: snowflake("guild_id", guild_id.0)?,
            author: snowflake("author_id", author_id.0)?,
            search: search.0,
            from: from.0,
            to: to.0,
        };
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let page = messages::list(self.views.live()?.db(), &filter, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let messages = page.items.into_iter().map(RecordedMessage::from).collect();
        Ok(Found::of(MessageList { messages, pagination }))
    }

    /// The channels that were seen
    #[oai(path = "/channels", method = "get", operation_id = "listHistoryChannels")]
    async fn channels(
        &self,
        _may: May<needs::ReadHistory>,
        #[oai(validator(min_length = 1, max_length = 20))] guild_id: Query<Option<String>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<ChannelList>> {
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let guild = snowflake("guild_id", guild_id.0)?;
        let page = channels::list(self.views.live()?.db(), guild, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let channels = page.items.into_iter().map(RecordedChannel::from).collect();
        Ok(Found::of(ChannelList { channels, pagination }))
    }
}

/// Discord's ids are numbers below 2^63, written as text.
fn snowflake(field: &str, text: Option<String>) -> Result<Option<u64>> {
    let Some(text) = text else { return Ok(None) };
    let id = text.parse::<u64>().ok().filter(|id| i64::try_from(*id).is_ok());
    id.map(Some).ok_or_else(|| ApiError::field(field, "must be a Discord id"))
}

fn shown(id: i64) -> String {
    id.cast_unsigned().to_string()
}

impl From<messages::Model> for RecordedMessage {
    fn from(row: messages::Model) -> Self {
        let attachments: Option<Vec<Value>> =
            row.attachments.and_then(|json| serde_json::from_str(&json).ok());
        Self {
            id: shown(row.id),
            channel_id: shown(row.channel_id),
            guild_id: row.guild_id.map(shown),
            author: MessageAuthor { id: shown(row.author_id), name: row.author_name, bot: row.bot },
            content: row.content,
            timestamp: request::shown(row.sent_at.0),
            edited_at: row.edited_at.map(|at| request::shown(at.0)),
            reply_to: row.reply_to.map(shown),
            attachments: attachments.unwrap_or_default().into_iter().map(Any).collect(),
            reactions: row.reactions.cast_unsigned(),
        }
    }
}

impl From<channels::Model> for RecordedChannel {
    fn from(row: channels::Model) -> Self {
        Self {
            id: shown(row.id),
            guild_id: row.guild_id.map(shown),
            name: row.name,
            kind: row.kind,
            deleted: row.deleted,
            message_count: row.message_count.cast_unsigned(),
            last_message_at: row.last_message_at.map(|at| request::shown(at.0)),
        }
    }
}
