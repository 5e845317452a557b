//! A log as a busy server writes one: chat seen live and imported, conversations, reactions, edits.

use anyhow::Result;
use domain::conversation::ConversationEvent;
use domain::discord::{ChannelEvent, Message};
use domain::kernel::{
    Actor, Cause, ChannelId, ConversationId, DiscordUserId, Event, Expected, GuildId, Journal,
    MessageId, Person, Personal, Source,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use uuid::Uuid;

/// Appends in flight; fewer than streams, so that no stream waits for itself.
const WINDOW: usize = 100;
const CHANNELS: usize = 200;
const CONVERSATIONS: usize = 400;
const PEOPLE: usize = 500;
/// How many messages an import writes at once.
const IMPORTED: usize = 20;

/// One stream, and where it ends.
struct Stream {
    place: Place,
    expected: Expected,
    /// How many commits it has.
    commits: usize,
}

#[derive(Clone)]
enum Place {
    Channel(ChannelId),
    Conversation(ConversationId),
}

/// Fills a journal with so many events or a few more; answers how many commits that took.
pub(crate) async fn fill(journal: &Journal, events: usize) -> Result<usize> {
    let people: Vec<_> = (0..PEOPLE).map(person).collect();
    journal.codec().prepare(&people).await?;

    let mut streams = streams()?;
    let mut waiting = FuturesUnordered::new();
    let (mut written, mut commits) = (0, 0);
    while written < events || !waiting.is_empty() {
        while written < events && waiting.len() < WINDOW {
            let turn = commits % streams.len();
            let stream = &mut streams[turn];
            let happened = stream.place.happens(stream.commits, written);
            stream.commits += 1;
            let cause =
                Cause::asked(Actor::discord(snowflake(turn)), Uuid::now_v7(), Source::Discord);
            let name = happened[0].stream();
            let append = journal.append(&name, stream.expected, &happened, &cause).await?;
            let version = stream.expected.version() + happened.len() as u64;
            waiting.push(async move { (turn, version, append.await) });
            written += happened.len();
            commits += 1;
        }
        if let Some((turn, version, appended)) = waiting.next().await {
            let position = appended?.position();
            streams[turn].expected = Expected::Exact { version, position };
        }
    }
    Ok(commits)
}

fn streams() -> Result<Vec<Stream>> {
    let channels = (0..CHANNELS).map(|it| Ok(Place::Channel(ChannelId(snowflake(1_000_000 + it)))));
    let conversations = (0..CONVERSATIONS)
        .map(|it| Ok(Place::Conversation(ConversationId::new(&format!("user-{it}"), "bench")?)));
    let places = channels.chain(conversations).collect::<Result<Vec<_>>>()?;
    Ok(places
        .into_iter()
        .map(|place| Stream { place, expected: Expected::New, commits: 0 })
        .collect())
}

impl Place {
    fn happens(&self, commit: usize, number: usize) -> Vec<Event> {
        match self {
            Self::Channel(id) => match commit % 10 {
                0 => (0..IMPORTED).map(|it| said(*id, number + it)).collect(),
                7 => vec![Event::Channel(*id, reacted(number))],
                8 => vec![Event::Channel(*id, edited(number))],
                _ => vec![said(*id, number)],
            },
            Self::Conversation(id) => {
                let happened = match commit {
                    0 => opened(),
                    it if it.is_multiple_of(2) => answered(number),
                    _ => received(number),
                };
                vec![Event::Conversation(id.clone(), happened)]
            }
        }
    }
}

fn said(channel: ChannelId, number: usize) -> Event {
    let message = Message {
        id: MessageId(message(number)),
        guild: Some(GuildId(snowflake(7))),
        author: DiscordUserId(snowflake(number % PEOPLE)),
        author_name: Personal::of(person(number % PEOPLE), format!("person {}", number % PEOPLE)),
        bot: false,
        content: personal(number),
        length: 80,
        reply_to: None,
        attachments: None,
        to_bot: number.is_multiple_of(20),
    };
    Event::Channel(channel, ChannelEvent::MessageCreated(message))
}

fn reacted(number: usize) -> ChannelEvent {
    let user = DiscordUserId(snowflake(number % PEOPLE));
    let message = MessageId(message(number.saturating_sub(5)));
    ChannelEvent::ReactionAdded { message, user, emoji: "👍".to_owned() }
}

fn edited(number: usize) -> ChannelEvent {
    let id = MessageId(message(number.saturating_sub(9)));
    let edited_at = domain::discord::happened_at(MessageId(message(number)));
    ChannelEvent::MessageEdited { id, edited_at, content: personal(number), length: 80 }
}

fn opened() -> ConversationEvent {
    let opened_at = domain::discord::happened_at(MessageId(message(0)));
    ConversationEvent::Opened { session: 1, guild: None, opened_at }
}

fn received(number: usize) -> ConversationEvent {
    let message = Uuid::from_u128(number as u128);
    ConversationEvent::MessageReceived { message, content: personal(number), length: 80 }
}

fn answered(number: usize) -> ConversationEvent {
    ConversationEvent::Answered {
        to: Uuid::from_u128(number.saturating_sub(1) as u128),
        answer: Uuid::from_u128(number as u128),
        content: personal(number),
        length: 80,
        provider: "local".to_owned(),
        model: "local".to_owned(),
        tokens: 20,
        processing_ms: 12,
        deliver: None,
    }
}

fn personal(number: usize) -> Personal<String> {
    let text =
        format!("{number:08} what was written before still shows through, said the scribe then");
    Personal::of(person(number % PEOPLE), text)
}

fn person(number: usize) -> Person {
    Person::discord(snowflake(number))
}

fn snowflake(number: usize) -> u64 {
    80_351_110_224_678_912 + number as u64
}

/// One message each half second.
fn message(number: usize) -> u64 {
    snowflake(0) + ((number as u64 * 500) << 22)
}
