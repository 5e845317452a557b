//! `/conversational`: talking with the bot. Names are in camel case here.

use commands::conversation::{Conversations, Said};
use commands::ports::Loaded;
use domain::conversation::{ConversationEvent as Did, feeling};
use domain::kernel::{ConversationId, ERASED, Person};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use projections::Slice;
use projections::conversation::{conversations, messages};

use crate::Tag;
use crate::answer::{Created, Found, Made, Result, Written, segment};
use crate::auth::{May, needs};
use crate::error::ApiError;
use crate::feeling::{EmotionGuess, EmotionalContext, SentimentGuess};
use crate::page::{Pagination, default_limit};
use crate::request;
use crate::views::Views;

/// The longest answer that is given whole, in characters.
const MAX_ANSWER: usize = 2_000;

pub(crate) struct ConversationApi {
    pub(crate) conversations: Conversations,
    pub(crate) views: Views,
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct NewMessage {
    #[oai(validator(min_length = 1, max_length = 4000))]
    message: String,
    /// At most 64 bytes, and not `operator`.
    #[oai(validator(max_length = 64, pattern = "^[^:]+$"))]
    user_id: String,
    /// At most 64 bytes.
    #[oai(validator(max_length = 64, pattern = "^[^:]+$"))]
    channel_id: String,
    #[oai(validator(min_length = 1, max_length = 64))]
    guild_id: Option<String>,
    /// When given, it must be `userId:channelId`.
    #[oai(validator(min_length = 1, max_length = 129))]
    conversation_id: Option<String>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the wire names ids so")]
struct NewConversation {
    /// At most 64 bytes, and not `operator`.
    #[oai(validator(max_length = 64, pattern = "^[^:]+$"))]
    user_id: String,
    /// At most 64 bytes.
    #[oai(validator(max_length = 64, pattern = "^[^:]+$"))]
    channel_id: String,
    #[oai(validator(min_length = 1, max_length = 64))]
    guild_id: Option<String>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct EndOfConversation {
    #[oai(validator(max_length = 129, pattern = "^[^:]+:[^:]+$"))]
    conversation_id: String,
    /// `user_request` without it.
    #[oai(validator(min_length = 1, max_length = 200))]
    reason: Option<String>,
}

/// What the bot said.
#[derive(Object)]
struct ConversationReply {
    content: String,
    tone: String,
    emotion: String,
    metadata: ReplyMetadata,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ReplyMetadata {
    conversation_id: String,
    provider: String,
    model: String,
    tokens_used: u64,
    /// In milliseconds.
    processing_time: u64,
    emotional_adaptations: bool,
    /// The content was longer and is cut off.
    truncated: bool,
    sentiment: SentimentGuess,
    emotion: EmotionGuess,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ConversationStarted {
    conversation_id: String,
    user_id: String,
    channel_id: String,
    guild_id: Option<String>,
    created_at: String,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ConversationEnded {
    conversation_id: String,
    ended_at: String,
    message_count: u64,
    /// In seconds.
    duration: u64,
}

/// A conversation with its messages, oldest first.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ConversationView {
    conversation_id: String,
    user_id: String,
    channel_id: String,
    guild_id: Option<String>,
    created_at: String,
    last_active: String,
    message_count: u64,
    status: String,
    #[oai(skip_serializing_if_is_none)]
    ended_at: Option<String>,
    /// Of the last session, in seconds.
    #[oai(skip_serializing_if_is_none)]
    duration: Option<u64>,
    messages: Vec<ConversationMessage>,
    emotional_context: EmotionalContext,
    pagination: Pagination,
}

#[derive(Object)]
struct ConversationMessage {
    /// `user` or `assistant`.
    role: String,
    content: String,
    timestamp: String,
}

#[derive(Object)]
struct ConversationList {
    conversations: Vec<ConversationItem>,
    pagination: Pagination,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ConversationItem {
    conversation_id: String,
    user_id: String,
    channel_id: String,
    guild_id: Option<String>,
    created_at: String,
    last_active: String,
    message_count: u64,
    status: String,
    #[oai(skip_serializing_if_is_none)]
    ended_at: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    duration: Option<u64>,
}

/// Which conversations to list; the active ones without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum ConversationStatus {
    Active,
    All,
    Ended,
}

#[OpenApi(prefix_path = "/api/v1/conversational", tag = "Tag::Conversation")]
impl ConversationApi {
    /// Say something to the bot and get its answer
    #[oai(path = "/message", method = "post", operation_id = "sendMessage")]
    async fn message(
        &self,
        may: May<needs::WriteConversation>,
        body: Json<NewMessage>,
    ) -> Result<Written<ConversationReply>> {
        let NewMessage { message, user_id, channel_id, guild_id, conversation_id } = body.0;
        let id = pair(&user_id, &channel_id)?;
        if conversation_id.is_some_and(|given| given != id.to_string()) {
            return Err(ApiError::field("conversationId", format!("must be {id}")));
        }
        let said = Said {
            to: id.clone(),
            guild: guild_id,
            message: may.cause().command,
            text: message.clone(),
            deliver: None,
        };
        let reply = self.conversations.say(&may.caller, said).await?;
        let tokens_used = reply.answer.tokens();
        let whole = reply.answer.text;
        let content: String = whole.chars().take(MAX_ANSWER).collect();
        let felt = feeling::judge(&message, &[], None);
        let emotion = EmotionGuess::of(&felt);
        let data = ConversationReply {
            tone: "friendly".to_owned(),
            emotion: emotion.primary.clone(),
            metadata: ReplyMetadata {
                conversation_id: id.to_string(),
                provider: reply.answer.provider,
                model: reply.answer.model,
                tokens_used,
                processing_time: reply.processing_ms,
                emotional_adaptations: false,
                truncated: content.len() < whole.len(),
                sentiment: SentimentGuess::of(&felt),
                emotion,
            },
            content,
        };
        Ok(Written::at(reply.position, data))
    }

    /// Open a conversation
    ///
    /// One that is open stays as it is; one that was ended is opened again.
    #[oai(path = "/conversation/start", method = "post", operation_id = "startConversation")]
    async fn start(
        &self,
        may: May<needs::WriteConversation>,
        body: Json<NewConversation>,
    ) -> Result<Made<ConversationStarted>> {
        let NewConversation { user_id, channel_id, guild_id } = body.0;
        let id = pair(&user_id, &channel_id)?;
        let opened = self.conversations.open(&may.caller, &id, guild_id).await?;
        let now = self.conversations.conversations.load(&id).await?.aggregate;
        let created_at = now.created_at().unwrap_or_else(request::now);
        let data = ConversationStarted {
            conversation_id: id.to_string(),
            user_id,
            channel_id,
            guild_id: now.guild().map(ToOwned::to_owned),
            created_at: request::shown(created_at),
        };
        if opened.events.is_empty() {
            let answer = Written::at(opened.position, data);
            return Ok(Made::Known(answer.saying("the conversation is open already")));
        }
        let path = format!("/api/v1/conversational/conversation/{}", segment(&id.to_string()));
        let answer = Created::at(opened.position, data).location(path);
        Ok(Made::New(answer.saying("the conversation is open")))
    }

    /// Close a conversation
    #[oai(path = "/conversation/end", method = "post", operation_id = "endConversation")]
    async fn end(
        &self,
        may: May<needs::WriteConversation>,
        body: Json<EndOfConversation>,
    ) -> Result<Written<ConversationEnded>> {
        let EndOfConversation { conversation_id, reason } = body.0;
        let wrong = || ApiError::field("conversationId", "must be two ids with a colon between");
        let id: ConversationId = conversation_id.parse().map_err(|_| wrong())?;
        let reason = reason.unwrap_or_else(|| "user_request".to_owned());
        let ended = self.conversations.end(&may.caller, &id, reason).await?;
        let told = ended.events.iter().find_map(|event| match event {
            Did::Ended { ended_at, messages, duration_s, .. } => {
                Some((*ended_at, *messages, *duration_s))
            }
            Did::AnswerSettled { .. }
            | Did::Answered { .. }
            | Did::MessageReceived { .. }
            | Did::Opened { .. } => None,
        });
        let (ended_at, message_count, duration) = told.unwrap_or((request::now(), 0, 0));
        let ended_at = request::shown(ended_at);
        let data = ConversationEnded { conversation_id, ended_at, message_count, duration };
        Ok(Written::at(ended.position, data).saying("the conversation is closed"))
    }

    /// One conversation with its messages
    ///
    /// Oldest first.
    #[oai(path = "/conversation/:conversationId", method = "get", operation_id = "getConversation")]
    async fn get(
        &self,
        _may: May<needs::ReadConversation>,
        #[oai(name = "conversationId", validator(min_length = 1, max_length = 129))]
        conversation_id: Path<String>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<ConversationView>> {
        let unknown = || ApiError::not_found("conversation");
        let id: ConversationId = conversation_id.0.parse().map_err(|_| unknown())?;
        let Loaded { version, position, .. } = self.conversations.conversations.load(&id).await?;
        let (live, shows) = self.views.once_at(position).await?;
        let db = live.db();
        let row = conversations::find(db, &conversation_id.0).await?.ok_or_else(unknown)?;
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let page = messages::list(db, &row, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let own = page.items.iter().filter(|it| it.role == "user" && it.content != ERASED);
        let own: Vec<&str> = own.map(|it| it.content.as_str()).collect();
        let (last, before) = own.split_last().map_or(("", &[][..]), |(last, rest)| (*last, rest));
        let felt = feeling::judge(last, before, None);
        let said = page.items.into_iter().map(|message| ConversationMessage {
            role: message.role,
            content: message.content,
            timestamp: request::shown(message.occurred_at.0),
        });
        let view = ConversationView {
            messages: said.collect(),
            emotional_context: EmotionalContext::of(felt),
            pagination,
            created_at: request::shown(row.created_at.0),
            last_active: request::shown(row.last_active_at.0),
            message_count: row.message_count.cast_unsigned(),
            ended_at: row.ended_at.map(|at| request::shown(at.0)),
            duration: row.duration_s.map(i64::cast_unsigned),
            conversation_id: row.id,
            user_id: row.user_id,
            channel_id: row.channel_id,
            guild_id: row.guild_id,
            status: row.status,
        };
        Ok(Found::of(view).seen_at(shows.then_some(version)))
    }

    /// List conversations
    ///
    /// The last active first.
    #[oai(path = "/conversations", method = "get", operation_id = "listConversations")]
    #[expect(clippy::too_many_arguments, reason = "each is a filter of the API")]
    async fn list(
        &self,
        _may: May<needs::ReadConversation>,
        #[oai(name = "userId", validator(min_length = 1, max_length = 64))] user_id: Query<
            Option<String>,
        >,
        #[oai(name = "channelId", validator(min_length = 1, max_length = 64))] channel_id: Query<
            Option<String>,
        >,
        #[oai(name = "guildId", validator(min_length = 1, max_length = 64))] guild_id: Query<
            Option<String>,
        >,
        status: Query<Option<ConversationStatus>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<ConversationList>> {
        let status = match status.0 {
            Some(ConversationStatus::All) => None,
            Some(ConversationStatus::Ended) => Some("ended".to_owned()),
            Some(ConversationStatus::Active) | None => Some("active".to_owned()),
        };
        let filter = conversations::Filter {
            user_id: user_id.0,
            channel_id: channel_id.0,
            guild_id: guild_id.0,
            status,
        };
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let page = conversations::list(self.views.live()?.db(), &filter, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let conversations = page.items.into_iter().map(ConversationItem::from).collect();
        Ok(Found::of(ConversationList { conversations, pagination }))
    }
}

impl From<conversations::Model> for ConversationItem {
    fn from(row: conversations::Model) -> Self {
        Self {
            created_at: request::shown(row.created_at.0),
            last_active: request::shown(row.last_active_at.0),
            message_count: row.message_count.cast_unsigned(),
            ended_at: row.ended_at.map(|at| request::shown(at.0)),
            duration: row.duration_s.map(i64::cast_unsigned),
            conversation_id: row.id,
            user_id: row.user_id,
            channel_id: row.channel_id,
            guild_id: row.guild_id,
            status: row.status,
        }
    }
}

/// Neither half of a conversation's id may be ambiguous.
fn pair(user: &str, channel: &str) -> Result<ConversationId> {
    if Person::named(user) == Person::operator() {
        // Machines write under this name.
        return Err(ApiError::field("userId", "is reserved; choose another one"));
    }
    ConversationId::new(user, channel).map_err(|error| {
        let field = if error.text == user { "userId" } else { "channelId" };
        ApiError::field(field, format!("must be {}", error.expected))
    })
}
