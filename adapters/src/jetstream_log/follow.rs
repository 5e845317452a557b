//! Following: the server pushes everything after a position, in order; what is lost is asked for again.

use std::sync::Arc;
use std::time::Duration;

use async_nats::header::NATS_LAST_STREAM;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, push};
use async_nats::jetstream::stream::ConsumerErrorKind;
use async_nats::{Message, Subject, Subscriber};
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout_at};

use domain::kernel::{LogError, LogPage, StoredCommit};

use super::connection::{Connections, Retry};
use super::{BATCH, Inner, PAGE_BYTES};

/// How often the server says that it is there while it has nothing to send.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How long a page may take to fill while the server has more to send.
const FILL: Duration = Duration::from_millis(2);

/// Silence that means the server has forgotten us.
const SILENCE: Duration = Duration::from_secs(5);

/// A message may be lost on its way; one that is missing so often is missing in the log.
const GAPS: u32 = 3;

pub(super) struct Follower {
    inner: Arc<Inner>,
    after: u64,
    /// Whether the first page was delivered, which may be empty.
    started: bool,
    delivery: Option<Delivery>,
    /// How many deliveries in a row have left out what was to come.
    gaps: u32,
}

/// One consumer in the server, which sends to one inbox of ours.
struct Delivery {
    messages: Subscriber,
    /// A new connection means that messages may be missing, and perhaps the consumer.
    made: Connections,
}

/// What one message of the server means.
enum Sent {
    Commit {
        commit: StoredCommit,
        pending: u64,
    },
    /// It is to be told that we are still here.
    Asks(Subject),
    /// It has sent everything up to this position.
    Idle {
        delivered: u64,
    },
    /// The consumer has ended.
    Ended,
}

impl Follower {
    pub(super) fn new(inner: Arc<Inner>, after: u64) -> Self {
        Self { inner, after, started: false, delivery: None, gaps: 0 }
    }

    pub(super) async fn next(&mut self) -> Result<LogPage, LogError> {
        loop {
            let Some(delivery) = &mut self.delivery else {
                if let Some(page) = self.open().await? {
                    return Ok(page);
                }
                continue;
            };
            let Some(first) = delivery.next().await else {
                self.delivery = None;
                continue;
            };
            if let Some(page) = self.page(first).await? {
                self.started = true;
                return Ok(page);
            }
        }
    }

    /// A page that begins with this message, if it is a commit; as long as more are there already.
    async fn page(&mut self, first: Message) -> Result<Option<LogPage>, LogError> {
        let mut page = LogPage { commits: Vec::new(), caught_up: false };
        let deadline = Instant::now() + FILL;
        let (mut behind, mut bytes) = (false, 0);
        let mut next = Some(first);
        while let (Some(message), Some(delivery)) = (next.take(), &mut self.delivery) {
            match understand(message)? {
                Sent::Commit { commit, .. } if commit.position <= self.after => {}
                Sent::Commit { commit, pending } => {
                    if commit.position != self.after + 1 {
                        self.gaps += 1;
                        if self.gaps > GAPS {
                            let (last, found) = (self.after, commit.position);
                            let gap = format!("after commit {last} comes commit {found}");
                            return Err(LogError::Corrupt(gap));
                        }
                        self.delivery = None;
                        break;
                    }
                    self.gaps = 0;
                    self.after = commit.position;
                    bytes += commit.body.len();
                    page.caught_up = pending == 0;
                    behind = pending > 0;
                    page.commits.push(commit);
                }
                Sent::Asks(reply) => {
                    let told = self.inner.connection.client.publish(reply, "".into()).await;
                    if told.is_err() {
                        self.delivery = None;
                        break;
                    }
                }
                Sent::Idle { delivered } if delivered > self.after => {
                    self.delivery = None;
                    break;
                }
                Sent::Idle { .. } => {}
                Sent::Ended => {
                    // Who takes it away once may do so again.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    self.delivery = None;
                    break;
                }
            }
            if page.commits.len() < BATCH && bytes < PAGE_BYTES {
                next = delivery.messages.next().now_or_never().flatten();
                if next.is_none() && behind {
                    // More are on their way: a few large pages are less work than many small ones.
                    next = timeout_at(deadline, delivery.messages.next()).await.ok().flatten();
                }
            }
        }
        Ok((!page.commits.is_empty()).then_some(page))
    }

    /// Asks the server for everything that comes after. The first time this may be nothing.
    async fn open(&mut self) -> Result<Option<LogPage>, LogError> {
        let mut retry = Retry::forever();
        let mut patience = Retry::new(self.inner.options.patience);
        let (delivery, pending) = loop {
            match Delivery::open(&self.inner, self.after).await {
                Ok(opened) => break opened,
                Err(Failure::Away(error)) => {
                    tracing::warn!(%error, after = self.after, "the log cannot be followed");
                    let _ = retry.pause().await;
                }
                Err(Failure::Missing(error)) => {
                    patience.pause().await.map_err(|_| error)?;
                }
                Err(Failure::Ended(error)) => return Err(error),
            }
        };
        self.delivery = Some(delivery);
        if pending == 0 && !self.started {
            self.started = true;
            return Ok(Some(LogPage { commits: Vec::new(), caught_up: true }));
        }
        Ok(None)
    }
}

/// Why following could not begin.
enum Failure {
    /// The server does not answer; it will come back.
    Away(LogError),
    /// The stream is not there. Perhaps the server is still looking for it.
    Missing(LogError),
    /// Waiting does not help.
    Ended(LogError),
}

impl Delivery {
    /// Answers with the number of commits that are to come.
    async fn open(inner: &Inner, after: u64) -> Result<(Self, u64), Failure> {
        let client = &inner.connection.client;
        let mut made = inner.connection.made.clone();
        made.mark_unchanged();
        let away = |error: Box<dyn std::error::Error + Send + Sync>| {
            Failure::Away(LogError::unavailable(error))
        };
        let head = inner.last_sequence().await.map_err(Failure::Away)?;
        if head < after {
            let short = format!("it ends at {head}, and a reader had come to {after} before");
            return Err(Failure::Ended(LogError::Corrupt(short)));
        }
        let inbox = client.new_inbox();
        let messages = client.subscribe(inbox.clone()).await.map_err(|it| away(it.into()))?;
        let config = push::Config {
            deliver_subject: inbox,
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            max_deliver: 1,
            flow_control: true,
            idle_heartbeat: HEARTBEAT,
            num_replicas: 1,
            memory_storage: true,
            inactive_threshold: Duration::from_secs(30),
            ..push::Config::default()
        };
        let consumer = inner.stream.create_consumer(config).await.map_err(|error| {
            let missing = matches!(
                error.kind(),
                ConsumerErrorKind::JetStream(it) if it.error_code() == ErrorCode::STREAM_NOT_FOUND
            );
            let error = LogError::unavailable(error);
            if missing { Failure::Missing(error) } else { Failure::Away(error) }
        })?;
        let pending = consumer.cached_info().num_pending;
        Ok((Self { messages, made }, pending))
    }

    /// The next message; none if it cannot be trusted that there will be one.
    async fn next(&mut self) -> Option<Message> {
        tokio::select! {
            biased;
            _ = self.made.changed() => None,
            message = tokio::time::timeout(SILENCE, self.messages.next()) => message.ok()?,
        }
    }
}

fn understand(message: Message) -> Result<Sent, LogError> {
    let header = |name: &str| message.headers.as_ref()?.get(name);
    match message.status.map(|it| it.as_u16()) {
        None => {
            let (position, pending) = message
                .reply
                .as_deref()
                .and_then(sequence_and_pending)
                .ok_or_else(|| LogError::Corrupt("a message without its sequence".into()))?;
            let commit = StoredCommit { position, body: message.payload };
            Ok(Sent::Commit { commit, pending })
        }
        Some(100) => {
            let stalled = header("Nats-Consumer-Stalled").map(|it| Subject::from(it.as_str()));
            let delivered =
                header(NATS_LAST_STREAM.as_ref()).and_then(|it| it.as_str().parse().ok());
            Ok(match (message.reply.or(stalled), delivered) {
                (Some(reply), _) => Sent::Asks(reply),
                (None, delivered) => Sent::Idle { delivered: delivered.unwrap_or(0) },
            })
        }
        Some(_) => Ok(Sent::Ended),
    }
}

/// A pushed message's reply subject ends with `<delivered>.<sequence>.<sequence in the consumer>.
/// <time>.<pending>`, behind a prefix of seven tokens or of four.
fn sequence_and_pending(reply: &str) -> Option<(u64, u64)> {
    let rest = reply.strip_prefix("$JS.ACK.")?;
    let tokens = rest.split('.').count();
    let mut tokens = rest.split('.').skip(if tokens >= 9 { 5 } else { 3 });
    let sequence = tokens.next()?.parse().ok()?;
    let pending = tokens.nth(2)?.parse().ok()?;
    Some((sequence, pending))
}

#[cfg(test)]
mod tests {
    use super::sequence_and_pending;

    #[test]
    fn both_forms_of_the_reply_subject_are_read() {
        let short = "$JS.ACK.events.durable.1.100.7.1790230470084404000.42";
        assert_eq!(sequence_and_pending(short), Some((100, 42)));
        let long = "$JS.ACK._.hash.events.durable.1.100.7.1790230470084404000.42.token";
        assert_eq!(sequence_and_pending(long), Some((100, 42)));
        assert_eq!(sequence_and_pending("_INBOX.x"), None);
    }
}
