//! The read models of a process: followed by one that projects, watched by the others.

use std::sync::Arc;

use commands::ports::Leases;
use commands::{describe, while_leased};
use projections::{BuildError, Fence, Generations, Place};

use crate::config::{Config, Roles};
use crate::part::Part;
use crate::read_models::Pointer;
use crate::stores::Stores;

/// The name of what projects once in a deployment.
const PROJECTOR: &str = "projector";

/// Follows the log into the live generation, or just watches which one is live.
pub(crate) fn projector(
    roles: Roles,
    config: &Config,
    stores: &Stores,
    generations: &Generations,
    holder: &str,
) -> Part {
    let generations = generations.clone();
    if !roles.projector {
        return Part::start("views", |stop| async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = generations.keep_up() => {}
            }
        });
    }
    let shared = config.views.reveal().starts_with("postgres");
    let leases: Arc<dyn Leases> = stores.operational.clone();
    let holder = holder.to_owned();
    Part::start(PROJECTOR, move |stop| async move {
        let following = while_leased(leases, PROJECTOR, &holder, stop, |lease, stop| {
            let generations = generations.clone();
            let fence = if shared { Fence::Token(lease.token) } else { Fence::Alone };
            async move {
                match generations.follow(fence, stop.cancelled_owned()).await {
                    // That was said already.
                    Ok(()) | Err(BuildError::Alarm(_)) => {}
                    Err(error) => {
                        tracing::error!(error = %describe(&error), "the read models stand still");
                    }
                }
            }
        });
        Box::pin(following).await;
    })
}

/// The read models: the live ones, or the state of a moment, served as it is.
pub(crate) async fn generations(
    config: &Config,
    stores: &Stores,
    snapshot: bool,
) -> anyhow::Result<Generations> {
    let journal = stores.journal.clone();
    if snapshot {
        return Ok(Generations::snapshot(journal, config.views.reveal()).await?);
    }
    let place = Place::parse(config.views.reveal(), &config.data_dir)?;
    let pointer = Arc::new(Pointer(stores.operational.clone()));
    Ok(Generations::new(journal, place, pointer))
}
