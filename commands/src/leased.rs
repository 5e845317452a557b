//! Runs what must run once in a deployment, while a lease is held.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::ports::{Lease, Leases};
use crate::reactor::describe;

/// How long a lease lasts without being renewed: so long nobody takes over from a dead process.
const LASTS: Duration = Duration::from_secs(10);

/// How often a lease is renewed, or asked for.
const RENEWED: Duration = Duration::from_secs(3);

/// Waits for the lease, runs the work while it is held, and waits again when it is lost, until
/// the shutdown. The work ends soon after its token is cancelled.
pub async fn while_leased<F: Future<Output = ()>>(
    leases: Arc<dyn Leases>,
    name: &str,
    holder: &str,
    shutdown: CancellationToken,
    mut work: impl FnMut(Lease, CancellationToken) -> F,
) {
    while !shutdown.is_cancelled() {
        match leases.acquire(name, holder, LASTS).await {
            Ok(Some(lease)) => {
                let stop = shutdown.child_token();
                let renewing = renew(leases.as_ref(), &lease, stop.clone());
                tokio::pin!(renewing);
                let working = work(lease.clone(), stop.clone());
                tokio::pin!(working);
                tokio::select! {
                    () = &mut working => {}
                    () = &mut renewing => {
                        stop.cancel();
                        working.await;
                    }
                }
                if let Err(error) = leases.release(&lease).await {
                    tracing::debug!(lease = name, error = %describe(&error), "not given back");
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(lease = name, error = %describe(&error), "leases cannot be reached");
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(RENEWED) => {}
        }
    }
}

/// Ends when the lease is lost, or could not be renewed for as long as it lasts.
async fn renew(leases: &dyn Leases, lease: &Lease, stop: CancellationToken) {
    let mut renewed = tokio::time::Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RENEWED) => {}
        }
        match leases.acquire(&lease.name, &lease.holder, LASTS).await {
            Ok(Some(held)) if held.token == lease.token => renewed = tokio::time::Instant::now(),
            Ok(_) => {
                tracing::warn!(lease = lease.name, "lost to another process");
                return;
            }
            Err(error) if renewed.elapsed() < LASTS => {
                tracing::warn!(lease = lease.name, error = %describe(&error), "not renewed");
            }
            Err(_) => return,
        }
    }
}
