//! The newest turns of the conversations that are going on, so that a long one costs no more to
//! answer than a short one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use domain::conversation::{Conversation, ConversationEvent};
use domain::kernel::{ConversationId, Event, Expected, Journal, StreamId};
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
        message: Uuid,
    ) -> Result<Vec<Turn>, CommandError> {
        let empty = || Recent { read_to: Expected::New, turns: VecDeque::new() };
        let recent = self.0.get_with_by_ref(id, async { Arc::new(Mutex::new(empty())) }).await;
        let mut recent = recent.lock().await;
        let stream = StreamId::of::<Conversation>(id);
        loop {
            let page = journal.read_stream(&stream, recent.read_to, PAGE).await?;
            let Some(last) = page.last() else { break };
            let read_to = Expected::Exact { version: last.version, position: last.position };
            for recorded in page {
                recent.add(recorded.event);
            }
            recent.read_to = read_to;
        }
        let others = recent.turns.iter().filter(|(id, _)| *id != message);
        Ok(others.map(|(_, turn)| turn.clone()).collect())
    }
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
