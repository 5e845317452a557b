//! Reactors on a log that is not the one they knew: an earlier one was put back, or another one.
//!
//! A reactor goes on only after a commit that it knows. Where the log holds none at its checkpoint,
//! or another one, it moves to the log's head: no effect is ever repeated, and what is new from
//! then on gets its reaction.

use std::sync::Arc;

use domain::kernel::{Codec, Journal, LogError};

use crate::CommandError;
use crate::ports::{Lease, Reached};
use crate::reactor::Reactor;
use crate::run_reactors::Ground;

/// Moves the reactors that do not know this log to its head. What they had to try again belongs to
/// the other log, and is dropped. Best done before anything is written in this run.
pub async fn put_back_reactors(
    ground: &Ground,
    reactors: &[Arc<dyn Reactor>],
    lease: &Lease,
) -> Result<(), CommandError> {
    let Ground { journal, checkpoints, .. } = ground;
    for reactor in reactors {
        let name = reactor.name();
        let Some(was) = checkpoints.read(name).await? else { continue };
        let head = journal.log().head().await?;
        let here = known(journal, was.position.min(head)).await?;
        let other = was.commit.is_some() && here.commit.is_some() && was.commit != here.commit;
        if was.position <= head && !other {
            continue;
        }
        let now = known(journal, head).await?;
        tracing::warn!(
            reactor = name,
            was = was.position,
            now = now.position,
            "the log does not hold the commit that this reactor was at: an earlier log was put \
             back, or another one. The reactor goes on at its head; what is there gets no reaction"
        );
        checkpoints.advance(name, now, &[], lease).await?;
        for parked in checkpoints.parked(name, u32::MAX.into()).await? {
            checkpoints.unpark(&parked, lease).await?;
        }
    }
    Ok(())
}

/// A position, and the commit that the log holds there, if it can be read.
pub(crate) async fn known(journal: &Journal, position: u64) -> Result<Reached, LogError> {
    let Some(before) = position.checked_sub(1) else { return Ok(Reached::default()) };
    let found = journal.log().read_all(before, 1).await?;
    let found = found.first().filter(|commit| commit.position == position);
    let commit = found.and_then(|commit| Some(Codec::parse(commit).ok()?.id));
    Ok(Reached { position, commit })
}
