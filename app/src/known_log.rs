//! At the start, what is remembered of the log is held against the log as it is.

use std::sync::Arc;
use std::time::Duration;

use commands::ports::{Checkpoints as _, Lease, Leases as _, Snapshots as _};
use commands::{Ground, Reactor, StartFrom, prepare_reactors, put_back_reactors};
use projections::Generations;

use crate::config::Roles;
use crate::platform::REACTORS;
use crate::stores::Stores;

/// How long the lease of the start lasts.
const LEASE: Duration = Duration::from_secs(10);

/// How often it is looked whether another process has seen to the reactors.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) fn ground(stores: &Stores) -> Ground {
    Ground {
        journal: stores.journal.clone(),
        checkpoints: stores.operational.clone(),
        leases: stores.operational.clone(),
    }
}

/// Gives reactors that never ran their checkpoint, and moves those that do not know this log, under
/// their lease and before anything is written. Whoever runs them looks again.
pub(crate) async fn ready_reactors(
    stores: &Stores,
    reactors: &[Arc<dyn Reactor>],
    roles: Roles,
    holder: &str,
    told: Option<StartFrom>,
) -> anyhow::Result<()> {
    let Some(lease) = lease_or_ready(stores, reactors, holder).await? else { return Ok(()) };
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

/// The lease; none when somebody else holds it, who sees to it: before this process writes, if that
/// somebody knows these reactors.
async fn lease_or_ready(
    stores: &Stores,
    reactors: &[Arc<dyn Reactor>],
    holder: &str,
) -> anyhow::Result<Option<Lease>> {
    let deadline = tokio::time::Instant::now() + LEASE;
    loop {
        let lease = stores.operational.acquire(REACTORS, holder, LEASE).await?;
        if lease.is_some() {
            return Ok(lease);
        }
        let mut known = true;
        for reactor in reactors {
            known &= stores.operational.read(reactor.name()).await?.is_some();
        }
        if known || tokio::time::Instant::now() >= deadline {
            return Ok(None);
        }
        tokio::time::sleep(LOOK).await;
    }
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
