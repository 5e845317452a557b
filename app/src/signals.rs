//! When the process is told to end.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for Ctrl-C or a termination; answers which.
pub(crate) async fn told_to_end() -> std::io::Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "interrupted",
        _ = terminate.recv() => "terminated",
    })
}
