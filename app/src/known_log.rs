//! At the start, what is remembered of the log is held against the log as it is.

use std::sync::Arc;
use std::time::Duration;

use commands::ports::{Leases as _, Snapshots as _};
use commands::{Ground, Reactor, StartFrom, prepare_reactors, put_back_reactors};
use projections::Generations;

use crate::config::Roles;
use crate::platform::REACTORS;
use crate::stores::Stores;

pub(crate) fn ground(stores: &Stores) -> Ground {
    Ground { journal: stores.journal.clone(), checkpoints: stores.operational.clone() }
}

/// Gives reactors that never ran their checkpoint, and moves those that do not know this log, under
/// their lease and before anything is written.
pub(crate) async fn ready_reactors(
    stores: &Stores,
    reactors: &[Arc<dyn Reactor>],
    roles: Roles,
    holder: &str,
    told: Option<StartFrom>,
) -> anyhow::Result<()> {
    let lease = stores.operational.acquire(REACTORS, holder, Duration::from_secs(10)).await?;
    // Whoever holds it has seen to it.
    let Some(lease) = lease else { return Ok(()) };
    let ground = ground(stores);
    // On an empty log they begin at the beginning, whoever writes first.
    let mut ready = Ok(());
    if roles.reactor || stores.journal.log().head().await? == 0 {
        ready = prepare_reactors(&ground, reactors, told, &lease).await;
    }
    if ready.is_ok() {
        ready = put_back_reactors(&ground, reactors, &lease).await;
    }
    stores.operational.release(&lease).await?;
    Ok(ready?)
}

/// Drops what is remembered of a log that is not this one.
pub(crate) async fn forget_other_logs(
    stores: &Stores,
    views: &Generations,
    head: u64,
) -> anyhow::Result<()> {
    let differ = views.differ().await;
    let differ = differ.inspect_err(|error| tracing::debug!(%error, "the views cannot be asked"));
    // The projector says why, as long as that is so.
    let known = if matches!(differ, Ok(Some(_))) { 0 } else { head };
    Ok(stores.operational.forget_after(known).await?)
}
