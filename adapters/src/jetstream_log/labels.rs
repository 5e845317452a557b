//! Subjects and headers, held against the commits they stand beside.

use async_nats::header::{NATS_MESSAGE_ID, NATS_SUBJECT};

use domain::kernel::{LogError, StoredCommit, StreamId};

use super::publish::{TYPES, VERSIONS};
use super::{BATCH, Inner, PAGE_BYTES, get};
use crate::labels;

/// The commits whose subject or headers say something else than their bodies.
pub(super) async fn mislabeled(
    inner: &Inner,
    commits: &[StoredCommit],
) -> Result<Vec<(u64, String)>, LogError> {
    let mut found = Vec::new();
    let mut left = commits;
    while let Some(first) = left.first() {
        let wanted = left.len().min(BATCH);
        let batch = get::batch(inner, None, first.position, wanted, Some(PAGE_BYTES)).await?;
        if batch.messages.is_empty() {
            return Err(LogError::unavailable("a part of the answer was lost"));
        }
        for got in &batch.messages {
            let Some((commit, rest)) = left.split_first() else { break };
            left = rest;
            let headers = got.message.headers.clone().unwrap_or_default();
            let header = |name: &str| headers.get(name).map_or("", |it| it.as_str()).to_owned();
            found.extend(labels::wrong(commit, |body| {
                let stream = StreamId::named(body.stream.as_ref());
                let subject = stream.map(|stream| inner.subjects.of(&stream)).unwrap_or_default();
                let id = format!("{subject}:{}", body.command.simple());
                let versions = format!("{}-{}", body.version, labels::last_version(body));
                vec![
                    ("subject", header(NATS_SUBJECT.as_ref()), subject),
                    ("message id", header(NATS_MESSAGE_ID.as_ref()), id),
                    ("list of types", header(TYPES.as_ref()), labels::types(body)),
                    ("versions", header(VERSIONS.as_ref()), versions),
                ]
            }));
        }
    }
    Ok(found)
}
