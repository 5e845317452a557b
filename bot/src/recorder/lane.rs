//! One channel's way into the log: live facts in order, and what was missed while nobody listened.

use std::sync::Arc;
use std::time::Duration;

use domain::discord::ChannelEvent;
use domain::kernel::{ChannelId, DiscordUserId, GuildId, MessageId};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep_until};

use super::gap::Gap;
use super::tools::{Tools, count, seen_live};
use crate::gateway::ChannelNews;
use crate::rest::PAGE;

/// The cursor moves along with every so many live messages: after a crash, at most so many are
/// read again.
const CURSOR_EVERY: u32 = 32;

/// How many live messages are recorded while older ones are still missing. The channel remembers
/// only so many ids: with more, its whole history would have to be read to tell repeats.
const LIVE_IN_GAP: u32 = 1_000;

/// How long to wait before Discord is asked again.
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_mins(1);

/// Something to record, with its share of the memory: a message takes room in its channel and in
/// all channels together.
pub(super) type Item = (ChannelNews, Vec<OwnedSemaphorePermit>);

pub(super) struct Lane {
    pub(super) channel: ChannelId,
    pub(super) guild: Option<GuildId>,
    pub(super) me: DiscordUserId,
    /// Where the record begins when nothing was ever recorded.
    pub(super) start: Option<MessageId>,
    pub(super) gap: Arc<Gap>,
    pub(super) queue: mpsc::UnboundedReceiver<Item>,
    pub(super) tools: Arc<Tools>,
}

/// Where a lane stands.
struct Progress {
    /// Up to this message nothing is missing; unknown until the log was asked.
    cursor: Option<MessageId>,
    /// Losses that were made up for.
    closed: u64,
    live_in_gap: u32,
    /// The newest live message since the cursor moved, and how many there were.
    newest: Option<MessageId>,
    since_cursor: u32,
    next_fill: Instant,
    wait: Duration,
}

impl Progress {
    /// What was lost up to here is made up for.
    fn close(&mut self, losses: u64) {
        (self.closed, self.live_in_gap, self.since_cursor) = (losses, 0, 0);
    }
}

impl Lane {
    /// Runs until the queue ends or everything stops.
    pub(super) async fn run(mut self) {
        let mut at = Progress {
            cursor: None,
            closed: 0,
            live_in_gap: 0,
            newest: None,
            since_cursor: 0,
            next_fill: Instant::now(),
            wait: SHORTEST,
        };
        loop {
            if self.gap.due() > at.closed && at.next_fill <= Instant::now() {
                self.fill(&mut at).await;
            }
            let filling = self.gap.due() > at.closed;
            let item = tokio::select! {
                biased;
                () = self.tools.stop.cancelled() => return,
                item = self.queue.recv() => item,
                () = sleep_until(at.next_fill), if filling => continue,
                () = self.gap.wake.notified(), if !filling => continue,
            };
            match item {
                Some((news, _room)) => self.record(news, &mut at).await,
                None => break,
            }
        }
        self.leave_cursor(&at).await;
    }

    async fn record(&self, news: ChannelNews, at: &mut Progress) {
        let ChannelNews { by, mut facts, message, cleared, .. } = news;
        if let Some((message, emoji)) = cleared {
            facts.extend(self.tools.unreacted(self.channel, message, emoji).await);
        }
        let whole = self.gap.losses() == at.closed;
        if !whole && message.is_some() {
            at.live_in_gap += 1;
            if at.live_in_gap > LIVE_IN_GAP {
                // REST shows it as well, once those before it are read: up to the channel's end.
                self.gap.open();
                self.gap.fill(None);
                facts.retain(|fact| !matches!(fact, ChannelEvent::MessageCreated(_)));
                if facts.is_empty() {
                    return;
                }
            }
        }
        let due = at.since_cursor + 1 >= CURSOR_EVERY;
        let cursor = message.filter(|_| whole && due);
        let cause = seen_live(by);
        let recorded = self.tools.record_channel(&cause, self.channel, facts, cursor);
        let Some(recorded) = recorded.await else { return };
        count(if recorded.new > 0 { "recorded" } else { "repeated" });
        if cursor.is_some() {
            (at.since_cursor, at.newest, at.cursor) = (0, None, cursor);
        } else if message.is_some() && whole {
            at.since_cursor += 1;
            at.newest = message;
        }
    }

    /// Reads one page of what is missing, oldest first.
    async fn fill(&self, at: &mut Progress) {
        let losses = self.gap.due();
        if at.cursor.is_none() {
            at.cursor = match self.tools.observations.cursor(self.channel).await {
                Ok(cursor) => cursor.complete_to,
                Err(error) => return self.later(at, &error),
            };
        }
        let Some(from) = at.cursor else {
            // Never seen: the record begins here, without the channel's whole past.
            match self.start {
                Some(start) if !self.observe(vec![], start).await => put_off(at),
                start => {
                    at.cursor = start;
                    at.close(losses);
                }
            }
            return;
        };
        if self.gap.ends_at(from) {
            return at.close(losses);
        }
        let page = {
            let _reader = self.tools.readers.acquire().await;
            self.tools.rest.messages_after(self.channel, from).await
        };
        let page = match page {
            Ok(page) => page,
            Err(trouble) if trouble.passes() => {
                self.later(at, &trouble);
                if let Some(told) = trouble.after() {
                    at.next_fill = Instant::now() + told;
                }
                return;
            }
            Err(trouble) => {
                tracing::debug!(channel.id = %self.channel, %trouble, "a channel cannot be read");
                return at.close(losses);
            }
        };
        if let Some(to) = self.import(&page).await {
            at.cursor = Some(to);
        } else if !page.is_empty() {
            return put_off(at);
        }
        at.wait = SHORTEST;
        if page.len() < PAGE {
            at.close(losses);
        }
    }

    fn later(&self, at: &mut Progress, why: &dyn std::error::Error) {
        tracing::warn!(channel.id = %self.channel, error = %commands::describe(why),
            "what was missed in a channel cannot be read yet");
        put_off(at);
    }

    /// Leaves the cursor where the record ends, so that the next start has nothing to read again.
    async fn leave_cursor(&self, at: &Progress) {
        if let Some(newest) = at.newest.filter(|_| self.gap.losses() == at.closed) {
            self.observe(vec![], newest).await;
        }
    }
}

/// The next look at what is missing comes a little later, each time more.
fn put_off(at: &mut Progress) {
    at.next_fill = Instant::now() + at.wait;
    at.wait = (at.wait * 2).min(LONGEST);
}
