//! Appending: publish, and if that did not go well, find out what became of it.

use std::error::Error as _;
use std::time::Duration;

use async_nats::header::{HeaderName, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_ID};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::{HeaderMap, HeaderValue};

use domain::kernel::{Append, Appended, Expected, LogError};

use super::connection::Retry;
use super::{Inner, get};

pub(super) const TYPES: HeaderName = HeaderName::from_static("Palimpsest-Types");

/// The versions of a commit's first and last event, with a minus between.
pub(super) const VERSIONS: HeaderName = HeaderName::from_static("Palimpsest-Versions");

/// How many commits after the expected end are searched for the own command.
const SEARCHED: usize = 256;

/// After a new connection, how long an answer to what was sent before may still take.
const GRACE: Duration = Duration::from_millis(250);

/// What one attempt came to.
enum Attempt {
    Done(Appended),
    /// The subject did not end where it was expected to. Perhaps because of an earlier attempt.
    Mismatch,
    /// Nobody knows; sending it again unchanged is safe.
    Unclear(LogError),
    Refused(LogError),
}

pub(super) async fn append(inner: &Inner, append: Append) -> Result<Appended, LogError> {
    let subject = inner.subjects.of(&append.stream);
    let own = format!("{subject}:{}", append.command.simple());
    let cursor = match append.expected {
        Expected::Exact { version: 1.., position: 0 } => {
            match position_of(inner, &subject, append.expected.version()).await? {
                Some(position) => position,
                None => {
                    return outcome(inner, &append, &subject, &own, 0)
                        .await?
                        .ok_or_else(|| conflict(&append));
                }
            }
        }
        expected => expected.position(),
    };

    let (size, limit) = (append.body.len(), inner.limit(512 + own.len() + append.types.len()));
    if size > limit {
        return Err(LogError::TooLarge { size, limit });
    }
    let types: HeaderValue = append.types.parse().map_err(LogError::unavailable)?;
    let before = append.expected.version();
    let versions = format!("{}-{}", before + 1, before + u64::from(append.count));
    let message = || {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, own.as_str());
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(cursor));
        headers.insert(TYPES, types.clone());
        headers.insert(VERSIONS, versions.as_str());
        PublishMessage::build().payload(append.body.clone()).headers(headers)
    };

    let mut retry = Retry::new(inner.options.patience);
    loop {
        let reason = match attempt(inner, &subject, message()).await {
            Attempt::Done(appended) => return Ok(appended),
            Attempt::Refused(error) => return Err(error),
            Attempt::Unclear(error) => error,
            Attempt::Mismatch => match outcome(inner, &append, &subject, &own, cursor).await {
                Ok(Some(appended)) => return Ok(appended),
                // It does end there now: another append was in flight and failed.
                Ok(None) => conflict(&append),
                Err(error @ LogError::Unavailable(_)) => error,
                Err(error) => return Err(error),
            },
        };
        retry.pause().await.map_err(|_| reason)?;
    }
}

async fn attempt(inner: &Inner, subject: &str, message: PublishMessage) -> Attempt {
    let mut made = inner.connection.made.clone();
    made.mark_unchanged();
    let publish = async {
        let acknowledged = inner.context.send_publish(subject.to_owned(), message).await?;
        acknowledged.await
    };
    let lost = async {
        match made.changed().await {
            Ok(()) => tokio::time::sleep(GRACE).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        answer = publish => understand(answer, &inner.options.stream),
        () = lost => Attempt::Unclear(LogError::unavailable("the connection to NATS was lost")),
    }
}

fn understand(answer: Result<PublishAck, PublishError>, own: &str) -> Attempt {
    let error = match answer {
        Ok(PublishAck { stream, .. }) if stream != own => {
            let other = format!("the stream {stream} took the commit instead of {own}");
            return Attempt::Refused(LogError::unavailable(other));
        }
        Ok(PublishAck { duplicate: true, sequence: position, .. }) => {
            return Attempt::Done(Appended::Repeated { position });
        }
        Ok(PublishAck { sequence: position, .. }) => {
            return Attempt::Done(Appended::Stored { position });
        }
        Err(error) => error,
    };
    let server = error.source().and_then(|it| it.downcast_ref::<async_nats::jetstream::Error>());
    match (server.map(async_nats::jetstream::Error::error_code), error.kind()) {
        (
            Some(
                ErrorCode::STREAM_WRONG_LAST_SEQUENCE
                | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT,
            ),
            _,
        ) => Attempt::Mismatch,
        (
            Some(
                ErrorCode::CLUSTER_NOT_AVAILABLE
                | ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT
                | ErrorCode::STREAM_EXPECTED_LAST_SEQ_PER_SUBJECT_NOT_READY,
            ),
            _,
        ) => Attempt::Unclear(LogError::unavailable(error)),
        // The server said no, and says why.
        (Some(_), _) | (None, PublishErrorKind::MaxPayloadExceeded) => {
            Attempt::Refused(LogError::unavailable(error))
        }
        (None, _) => Attempt::Unclear(LogError::unavailable(error)),
    }
}

/// After a mismatch: where the own command is stored, if it is. None if there is no mismatch now.
async fn outcome(
    inner: &Inner,
    append: &Append,
    subject: &str,
    own: &str,
    cursor: u64,
) -> Result<Option<Appended>, LogError> {
    let Some(last) = last(inner, subject).await? else {
        return if cursor == 0 { Ok(None) } else { Err(conflict(append)) };
    };
    if is_own(Some(&last.headers), own) {
        return Ok(Some(Appended::Repeated { position: last.sequence }));
    }
    if last.sequence == cursor {
        return Ok(None);
    }
    let later = get::batch(inner, Some(subject), cursor + 1, SEARCHED, None).await?;
    let repeated = later.messages.iter().find(|it| is_own(it.message.headers.as_ref(), own));
    match repeated {
        Some(found) => Ok(Some(Appended::Repeated { position: found.position })),
        None => Err(conflict(append)),
    }
}

/// The last message of a subject, from the leader.
async fn last(inner: &Inner, subject: &str) -> Result<Option<StreamMessage>, LogError> {
    match inner.stream.get_last_raw_message_by_subject(subject).await {
        Ok(last) => Ok(Some(last)),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(LogError::unavailable(error)),
    }
}

/// The position at which a subject ends, if it ends with this event.
async fn position_of(inner: &Inner, subject: &str, version: u64) -> Result<Option<u64>, LogError> {
    let Some(last) = inner.patiently(|| last(inner, subject)).await? else { return Ok(None) };
    let versions = last.headers.get(VERSIONS).and_then(|it| it.as_str().split_once('-'));
    let end = versions.and_then(|(_, last)| last.parse::<u64>().ok());
    Ok((end == Some(version)).then_some(last.sequence))
}

fn is_own(headers: Option<&HeaderMap>, own: &str) -> bool {
    let id = headers.and_then(|it| it.get(NATS_MESSAGE_ID));
    id.is_some_and(|it| it.as_str() == own)
}

fn conflict(append: &Append) -> LogError {
    LogError::Conflict { stream: append.stream.clone() }
}
