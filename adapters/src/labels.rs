//! What a log keeps beside a commit, for its indexes and checks, held against the commit itself.

use domain::kernel::{Codec, CommitBody, StoredCommit};

/// What stands beside a commit, by its name, and what it should be.
pub(crate) type Label = (&'static str, String, String);

/// The commit's position and its first label that is wrong. What cannot be read has no label.
pub(crate) fn wrong(
    commit: &StoredCommit,
    labels: impl FnOnce(&CommitBody<'_>) -> Vec<Label>,
) -> Option<(u64, String)> {
    let body = Codec::parse(commit).ok()?;
    let (name, found, right) =
        labels(&body).into_iter().find(|(_, found, right)| found != right)?;
    Some((commit.position, format!("its {name} is “{found}” beside it, and “{right}” in it")))
}

/// The number of a commit's last event.
pub(crate) fn last_version(body: &CommitBody<'_>) -> u64 {
    (body.version + body.events.len() as u64).saturating_sub(1)
}

/// The types of its events, each once.
pub(crate) fn types(body: &CommitBody<'_>) -> String {
    let mut types: Vec<&str> = Vec::new();
    for event in &body.events {
        if !types.contains(&&*event.r#type) {
            types.push(&event.r#type);
        }
    }
    types.join(",")
}
