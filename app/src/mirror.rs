//! The mirror of the workspace for people: where it is, and who keeps it up to date.

use std::sync::Arc;

use adapters::GitMirror;
use commands::ports::Leases;
use commands::self_editing::{FillMirror, SelfEditing};
use commands::while_leased;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// Runs once in a deployment.
const MIRROR: &str = "mirror";

/// Where the settings want it, if they do.
pub(crate) fn mirror(config: &Config) -> Option<GitMirror> {
    let place = &config.mirror.directory;
    let folder = if place.is_empty() { config.file("workspace") } else { place.into() };
    config.mirror.enabled.then(|| GitMirror::new(folder))
}

/// Keeps it up to date while the lease is held.
pub(crate) async fn keep_mirror(
    mirror: GitMirror,
    self_editing: SelfEditing,
    leases: Arc<dyn Leases>,
    holder: String,
    stop: CancellationToken,
) {
    let fill = FillMirror { mirror: Arc::new(mirror), self_editing };
    while_leased(leases, MIRROR, &holder, stop, |_, stop| fill.clone().run(stop)).await;
}
