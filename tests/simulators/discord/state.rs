//! The one world behind all sockets, and how to wait for something in it.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

use super::{sockets::Sockets, world::World};

/// How long a wait may take before the test has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct State {
    pub(super) address: SocketAddr,
    pub(super) sockets: Sockets,
    changed: watch::Sender<()>,
    world: Mutex<World>,
}

impl State {
    pub(super) fn new(world: World, address: SocketAddr, sockets: Sockets) -> Self {
        Self { address, sockets, changed: watch::Sender::new(()), world: Mutex::new(world) }
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&World) -> T) -> T {
        read(&self.world())
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let answer = change(&mut self.world());
        self.changed.send_replace(());
        answer
    }

    /// Wait until the world shows what is looked for.
    pub(super) async fn wait<T>(
        &self,
        what: &str,
        look: impl Fn(&World) -> Option<T>,
    ) -> Result<T, String> {
        let mut changes = self.changed.subscribe();
        let seen = timeout(PATIENCE, async {
            loop {
                changes.mark_unchanged();
                if let Some(seen) = self.read(&look) {
                    return seen;
                }
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        });
        seen.await
            .map_err(|_| format!("waited {PATIENCE:?} in vain for {what}; {}", self.summary()))
    }

    fn summary(&self) -> String {
        self.read(|world| {
            let requests = world.traffic.requests.iter().rev().take(5).rev();
            let requests: Vec<_> =
                requests.map(|it| format!("{} {} → {}", it.method, it.path, it.status)).collect();
            let connected = world.sessions.connected();
            format!("{connected} connections are open, the last requests were {requests:?}")
        })
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
