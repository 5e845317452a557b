//! What every lane of the recorder works with.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use commands::discord::{Observations, Recording};
use commands::{CommandError, describe};
use domain::discord::{ChannelEvent, GuildEvent};
use domain::kernel::{Actor, Cause, ChannelId, DiscordUserId, GuildId, MessageId, Source};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::rest::{MEMBERS, Rest, Trouble};

/// How many channels are read over REST at the same time.
const READERS: usize = 4;

/// How many messages may wait in memory, of all channels together.
const ROOM: usize = 8_192;

/// How often a page of members is tried again.
const LISTING: u32 = 6;

/// How long to wait before the log is tried again.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);

pub(crate) struct Tools {
    pub(crate) observations: Observations,
    pub(crate) rest: Arc<Rest>,
    /// How old a message may be that is answered although nobody heard it live.
    pub(crate) answer_within: Duration,
    pub(super) readers: Semaphore,
    pub(super) room: Arc<Semaphore>,
    /// Everything stops at once.
    pub(crate) stop: CancellationToken,
}

impl Tools {
    pub(crate) fn new(
        observations: Observations,
        rest: Arc<Rest>,
        answer_within: Duration,
        stop: CancellationToken,
    ) -> Self {
        let (readers, room) = (Semaphore::new(READERS), Arc::new(Semaphore::new(ROOM)));
        Self { observations, rest, answer_within, readers, room, stop }
    }

    /// Records facts of a channel, however long it takes; none when the program stops, or when
    /// they never can be recorded.
    pub(crate) async fn record_channel(
        &self,
        cause: &Cause,
        channel: ChannelId,
        facts: Vec<ChannelEvent>,
        complete_to: Option<MessageId>,
    ) -> Option<Recording> {
        let mut wait = SHORTEST;
        loop {
            let attempt =
                self.observations.observe_channel(cause, channel, facts.clone(), complete_to);
            match self.settled(attempt, &mut wait).await {
                Settled::Again => {}
                Settled::Recorded(recording) => return Some(recording),
                Settled::Never => return None,
            }
        }
    }

    /// Records what was missed in a channel, as [`record_channel`](Self::record_channel) does.
    pub(crate) async fn backfill_channel(
        &self,
        cause: &Cause,
        channel: ChannelId,
        facts: Vec<ChannelEvent>,
        complete_to: Option<MessageId>,
    ) -> Option<Recording> {
        let mut wait = SHORTEST;
        loop {
            let attempt =
                self.observations.backfill_channel(cause, channel, facts.clone(), complete_to);
            match self.settled(attempt, &mut wait).await {
                Settled::Again => {}
                Settled::Recorded(recording) => return Some(recording),
                Settled::Never => return None,
            }
        }
    }

    /// Records facts of a server, as [`record_channel`](Self::record_channel) does.
    pub(crate) async fn record_guild(
        &self,
        cause: &Cause,
        guild: GuildId,
        facts: Vec<GuildEvent>,
    ) -> Option<Recording> {
        let mut wait = SHORTEST;
        loop {
            let attempt = self.observations.observe_guild(cause, guild, facts.clone());
            match self.settled(attempt, &mut wait).await {
                Settled::Again => {}
                Settled::Recorded(recording) => return Some(recording),
                Settled::Never => return None,
            }
        }
    }

    /// Who is known as a member of a server, and is none any more; nobody where Discord does not
    /// tell.
    pub(crate) async fn gone(&self, guild: GuildId, me: DiscordUserId) -> Vec<DiscordUserId> {
        let known = || self.observations.members(guild);
        let mut known = self.patiently(known).await.unwrap_or_default();
        known.retain(|user| *user != me);
        if known.is_empty() {
            return known;
        }
        match self.listed(guild).await {
            Ok(listed) => known.retain(|user| !listed.contains(user)),
            Err(trouble) => {
                tracing::debug!(guild.id = %guild, %trouble, "who left is not known");
                known.clear();
            }
        }
        known
    }

    /// Everybody who is a member now.
    async fn listed(&self, guild: GuildId) -> Result<BTreeSet<DiscordUserId>, Trouble> {
        let _reader = self.readers.acquire().await;
        let (mut listed, mut after, mut tries) = (BTreeSet::new(), DiscordUserId(0), 0);
        loop {
            let page = match self.rest.members_after(guild, after).await {
                Ok(page) => page,
                Err(trouble) if trouble.passes() && tries < LISTING => {
                    tries += 1;
                    let wait = trouble.after().unwrap_or(SHORTEST * (1 << tries));
                    tokio::select! {
                        () = self.stop.cancelled() => return Err(trouble),
                        () = tokio::time::sleep(wait) => continue,
                    }
                }
                Err(trouble) => return Err(trouble),
            };
            let Some(last) = page.iter().max() else { return Ok(listed) };
            after = *last;
            let whole = page.len() < MEMBERS;
            listed.extend(page);
            if whole {
                return Ok(listed);
            }
        }
    }

    /// That every reaction to a message was taken back, or every one with this emoji: as far as
    /// the channel remembers them.
    pub(crate) async fn unreacted(
        &self,
        channel: ChannelId,
        message: MessageId,
        emoji: Option<String>,
    ) -> Vec<ChannelEvent> {
        let known = || self.observations.reactions(channel, message);
        let known = self.patiently(known).await.unwrap_or_default().into_iter();
        let meant = known.filter(|(_, it)| emoji.as_ref().is_none_or(|emoji| emoji == it));
        meant.map(|(user, emoji)| ChannelEvent::ReactionRemoved { message, user, emoji }).collect()
    }

    /// Asks until there is an answer; none when the program stops.
    async fn patiently<T, F: Future<Output = Result<T, CommandError>>>(
        &self,
        ask: impl Fn() -> F,
    ) -> Option<T> {
        let mut wait = SHORTEST;
        loop {
            let answer = tokio::select! {
                () = self.stop.cancelled() => return None,
                answer = ask() => answer,
            };
            match answer {
                Ok(answer) => return Some(answer),
                Err(error) => {
                    let error = describe(&error);
                    tracing::warn!(error, "what was recorded cannot be read yet");
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST),
            }
        }
    }

    /// What one attempt came to; waits a little before the next one.
    async fn settled(
        &self,
        attempt: impl Future<Output = Result<Recording, CommandError>>,
        wait: &mut Duration,
    ) -> Settled {
        let error = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Settled::Never,
            recorded = attempt => match recorded {
                Ok(recording) => return Settled::Recorded(recording),
                Err(error) => error,
            },
        };
        let text = describe(&error);
        match error {
            CommandError::Conflict | CommandError::Moved { .. } | CommandError::Unavailable(_) => {
                tracing::warn!(error = %text, "what was seen cannot be recorded yet");
            }
            CommandError::Forbidden { .. }
            | CommandError::NotFound(_)
            | CommandError::Rejected(_) => {
                tracing::error!(error = %text, "what was seen cannot be recorded");
                count("refused");
                return Settled::Never;
            }
        }
        tokio::select! {
            () = self.stop.cancelled() => return Settled::Never,
            () = tokio::time::sleep(*wait) => {}
        }
        *wait = (*wait * 2).min(LONGEST);
        Settled::Again
    }
}

/// What one attempt to record came to.
enum Settled {
    Again,
    Never,
    Recorded(Recording),
}

/// Why something seen live is recorded: its doer, where Discord names him.
pub(crate) fn seen_live(by: Option<DiscordUserId>) -> Cause {
    let actor = by.map_or_else(|| Actor::system("discord"), Actor::discord);
    Cause::asked(actor, Uuid::now_v7(), Source::Discord)
}

/// Counts what became of gateway events.
pub(crate) fn count(outcome: &'static str) {
    metrics::counter!("palimpsest_discord_events_total", "outcome" => outcome).increment(1);
}
