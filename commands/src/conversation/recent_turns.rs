//! The newest turns of the conversations that are going on, so that a long one costs no more to
//! answer than a short one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use domain::conversation::{Conversation, ConversationEvent};
use domain::kernel::{ConversationId, Event, Expected, Journal, Recorded, StreamId};
use moka::future::Cache;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::CommandError;
use crate::ports::Turn;

/// How many turns a model is given at most.
const TURNS: usize = 50;

/// How many conversations are kept, and for how long after the last message.
const KEPT: u64 = 1_000;
const KEPT_FOR: Duration = Duration::from_mins(10);

/// How many commits are read at once.
const PAGE: usize = 1_000;

/// How many events of a conversation are read first, and how many commits of the log they are
/// looked for in; where that is not enough, several times as many.
const EVENTS: u64 = 4 * TURNS as u64;
const COMMITS: u64 = 10_000;
const MORE: u64 = 8;

/// See the module.
#[derive(Clone)]
pub struct RecentTurns(Cache<ConversationId, Arc<Mutex<Recent>>>);

struct Recent {
    read_to: Expected,
    turns: VecDeque<(Uuid, Turn)>,
}

impl Default for RecentTurns {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(KEPT).time_to_idle(KEPT_FOR).build())
    }
}

impl RecentTurns {
    /// Forgets everything, because somebody was erased.
    pub fn forget(&self) {
        self.0.invalidate_all();
    }

    /// What was said before this message, oldest first.
    pub(super) async fn before(
        &self,
        journal: &Journal,
        id: &ConversationId,
        end: Expected,
        message: Uuid,
    ) -> Result<Vec<Turn>, CommandError> {
        let empty = || Recent { read_to: Expected::New, turns: VecDeque::new() };
        let recent = self.0.get_with_by_ref(id, async { Arc::new(Mutex::new(empty())) }).await;
        let mut recent = recent.lock().await;
        let news = if recent.read_to == Expected::New {
            let enough = |tail: &[Recorded]| {
                tail.iter().any(|it| opens(&it.event))
                    || tail.iter().filter(|it| is_turn(&it.event)).count() > TURNS
            };
            tail(journal, id, end, enough).await?
        } else {
            everything_after(journal, id, recent.read_to).await?
        };
        if let Some(last) = news.last() {
            recent.read_to = Expected::Exact { version: last.version, position: last.position };
        }
        for recorded in news {
            recent.add(recorded.event);
        }
        let others = recent.turns.iter().filter(|(id, _)| *id != message);
        Ok(others.map(|(_, turn)| turn.clone()).collect())
    }
}

/// The newest events of a conversation that ends there: as many as are enough, or all. Read from
/// behind, so that the length of a conversation does not matter.
pub(super) async fn tail(
    journal: &Journal,
    id: &ConversationId,
    end: Expected,
    enough: impl Fn(&[Recorded]) -> bool,
) -> Result<Vec<Recorded>, CommandError> {
    let (mut events, mut commits) = (EVENTS, COMMITS);
    loop {
        // One kind of log goes by the version, the other by the position.
        let version = end.version().saturating_sub(events);
        let position = end.position().saturating_sub(commits);
        let whole = version == 0 && position == 0;
        let after = if whole { Expected::New } else { Expected::Exact { version, position } };
        let tail = everything_after(journal, id, after).await?;
        let first = tail.first().is_some_and(|first| first.version <= 1);
        if whole || first || enough(&tail) {
            return Ok(tail);
        }
        (events, commits) = (events.saturating_mul(MORE), commits.saturating_mul(MORE));
    }
}

async fn everything_after(
    journal: &Journal,
    id: &ConversationId,
    mut after: Expected,
) -> Result<Vec<Recorded>, CommandError> {
    let stream = StreamId::of::<Conversation>(id);
    let mut all = Vec::new();
    loop {
        let page = journal.read_stream(&stream, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Expected::Exact { version: last.version, position: last.position };
        all.extend(page);
    }
}

fn opens(event: &Event) -> bool {
    matches!(event, Event::Conversation(_, ConversationEvent::Opened { .. }))
}

fn is_turn(event: &Event) -> bool {
    matches!(
        event,
        Event::Conversation(
            _,
            ConversationEvent::Answered { .. } | ConversationEvent::MessageReceived { .. }
        )
    )
}

impl Recent {
    fn add(&mut self, event: Event) {
        let (id, by_bot, content) = match event {
            Event::Conversation(_, ConversationEvent::MessageReceived { message, content, .. }) => {
                (message, false, content)
            }
            Event::Conversation(_, ConversationEvent::Answered { answer, content, .. }) => {
                (answer, true, content)
            }
            // A new session starts from nothing.
            Event::Conversation(_, ConversationEvent::Opened { .. }) => return self.turns.clear(),
            _ => return,
        };
        if self.turns.len() == TURNS {
            self.turns.pop_front();
        }
        self.turns.push_back((id, Turn { by_bot, text: content.shown().to_owned() }));
    }
}
