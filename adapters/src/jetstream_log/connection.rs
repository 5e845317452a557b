//! The connection to the server, which comes back by itself, and says when it did.

use std::time::{Duration, Instant};

use async_nats::{Client, ConnectOptions, Event};
use tokio::sync::watch;

use domain::kernel::{LogError, Shown};

/// Counts how often the connection was made.
pub(super) type Connections = watch::Receiver<u64>;

pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) made: Connections,
}

impl Connection {
    /// By an address, or several with commas between: the servers of a cluster.
    pub(super) async fn open(url: &str) -> Result<Self, LogError> {
        let servers: Vec<&str> = url.split(',').map(str::trim).collect();
        let (count, made) = watch::channel(0);
        let options = ConnectOptions::new()
            .name("palimpsest")
            // A follower's backlog is bounded by flow control, in bytes, not by this number.
            .subscription_capacity(1 << 18)
            .connection_timeout(Duration::from_secs(5))
            .reconnect_delay_callback(|tries| Duration::from_millis(50 * tries.min(20) as u64))
            .event_callback(move |event| {
                match event {
                    Event::Connected => count.send_modify(|it| *it += 1),
                    // It comes back by itself as long as it is wanted: so this is our own end.
                    Event::Closed => tracing::debug!("the connection to NATS is closed"),
                    event => tracing::warn!(%event, "the connection to NATS"),
                }
                std::future::ready(())
            });
        let client = options.connect(&servers[..]).await.map_err(|error| {
            LogError::unavailable(format!("{} does not answer: {error}", Shown(url)))
        })?;
        Ok(Self { client, made })
    }
}

/// Growing pauses, until the patience is at its end.
pub(super) struct Retry {
    /// None: for ever.
    until: Option<Instant>,
    pause: Duration,
}

/// There was no time left to try again.
pub(super) struct OutOfPatience;

impl Retry {
    pub(super) fn new(patience: Duration) -> Self {
        Self { until: Some(Instant::now() + patience), pause: Duration::from_millis(5) }
    }

    pub(super) fn forever() -> Self {
        Self { until: None, pause: Duration::from_millis(5) }
    }

    pub(super) async fn pause(&mut self) -> Result<(), OutOfPatience> {
        if self.until.is_some_and(|until| Instant::now() + self.pause > until) {
            return Err(OutOfPatience);
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(Duration::from_secs(1));
        Ok(())
    }
}
