//! Reading without a consumer: one request, and the server sends the messages one after the other.
//!
//! Any replica may answer, and one that lags knows less than the leader. That is harmless: who
//! decides on an old state meets a conflict, and reads again.

use async_nats::header::NATS_SEQUENCE;
use async_nats::{HeaderMap, Message};
use futures_util::StreamExt;
use serde::Serialize;

use domain::kernel::{LogError, StoredCommit};

use super::{BATCH, Inner, PAGE_BYTES};

#[derive(Serialize)]
struct Request<'a> {
    batch: usize,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_by_subj: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<usize>,
}

/// What one request brought.
pub(super) struct Batch {
    pub(super) messages: Vec<Got>,
    /// How many more there were.
    pub(super) pending: u64,
}

pub(super) struct Got {
    pub(super) position: u64,
    pub(super) message: Message,
}

/// The commits of one subject after a position.
pub(super) async fn of_subject(
    inner: &Inner,
    subject: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<StoredCommit>, LogError> {
    let mut commits: Vec<StoredCommit> = Vec::new();
    while commits.len() < limit {
        let from = commits.last().map_or(after, |it| it.position) + 1;
        let wanted = (limit - commits.len()).min(BATCH);
        let batch = batch(inner, Some(subject), from, wanted, Some(PAGE_BYTES)).await?;
        let is_last = batch.pending == 0 || batch.messages.is_empty();
        commits.extend(batch.messages.into_iter().map(commit));
        if is_last {
            break;
        }
    }
    Ok(commits)
}

/// The commits after a position, as many as one request brings.
pub(super) async fn of_all(
    inner: &Inner,
    after: u64,
    limit: usize,
) -> Result<Vec<StoredCommit>, LogError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let batch = batch(inner, None, after + 1, limit.min(BATCH), Some(PAGE_BYTES)).await?;
    if let Some(gap) = (after + 1..).zip(&batch.messages).find(|(next, it)| *next != it.position) {
        let (next, found) = (gap.0, gap.1.position);
        return Err(LogError::Corrupt(format!("after commit {} comes commit {found}", next - 1)));
    }
    Ok(batch.messages.into_iter().map(commit).collect())
}

fn commit(got: Got) -> StoredCommit {
    StoredCommit { position: got.position, body: got.message.payload }
}

/// One request for messages from a sequence on, of one subject or of all.
pub(super) async fn batch(
    inner: &Inner,
    subject: Option<&str>,
    from: u64,
    limit: usize,
    most_bytes: Option<usize>,
) -> Result<Batch, LogError> {
    let request = Request { batch: limit, seq: from, next_by_subj: subject, max_bytes: most_bytes };
    let request = serde_json::to_vec(&request).map_err(LogError::unavailable)?;
    let client = &inner.connection.client;
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(LogError::unavailable)?;
    let to = format!("$JS.API.DIRECT.GET.{}", inner.options.stream);
    let sent = client.publish_with_reply(to, inbox, request.into()).await;
    sent.map_err(LogError::unavailable)?;

    let mut found = Batch { messages: Vec::new(), pending: 0 };
    loop {
        let next = tokio::time::timeout(inner.options.wait(), answers.next()).await;
        let next = next.map_err(|_| LogError::unavailable("NATS did not answer in time"))?;
        let message = next.ok_or_else(|| LogError::unavailable("the connection was closed"))?;
        match message.status.map(|it| it.as_u16()) {
            None | Some(200) => {
                let headers = message.headers.as_ref();
                let position = number(headers, NATS_SEQUENCE.as_ref());
                let position = position.ok_or_else(|| unexpected(&message))?;
                let pending = number(headers, "Nats-Num-Pending");
                let Some(pending) = pending else {
                    // Nothing but this one was asked for.
                    found.messages.push(Got { position, message });
                    return Ok(found);
                };
                found.check(pending)?;
                found.messages.push(Got { position, message });
            }
            Some(204) => {
                let pending = number(message.headers.as_ref(), "Nats-Num-Pending").unwrap_or(0);
                found.check_end(pending)?;
                return Ok(found);
            }
            Some(404) => return Ok(found),
            Some(_) => return Err(unexpected(&message)),
        }
    }
}

impl Batch {
    /// Each message counts those behind it; a number that is left out is a message that was lost.
    fn check(&mut self, pending: u64) -> Result<(), LogError> {
        if !self.messages.is_empty() && pending + 1 != self.pending {
            return Err(lost());
        }
        self.pending = pending;
        Ok(())
    }

    fn check_end(&mut self, pending: u64) -> Result<(), LogError> {
        if !self.messages.is_empty() && pending != self.pending {
            return Err(lost());
        }
        self.pending = pending;
        Ok(())
    }
}

fn lost() -> LogError {
    LogError::unavailable("a part of the answer was lost")
}

fn unexpected(message: &Message) -> LogError {
    let status = message.status.map(|it| it.as_u16()).unwrap_or_default();
    let words = message.description.as_deref().unwrap_or("without its sequence");
    LogError::unavailable(format!("NATS answered {status}: {words}"))
}

fn number(headers: Option<&HeaderMap>, name: &str) -> Option<u64> {
    headers?.get(name)?.as_str().parse().ok()
}
