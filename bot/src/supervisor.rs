//! Keeps the bot where it is wanted: connects, obeys, backs off, leaves in good order.

use std::sync::Arc;
use std::time::Duration;

use commands::describe;
use commands::lifecycle::Lifecycle;
use commands::ports::{Lease, Leases};
use domain::lifecycle::Wanted;
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::gateway::{Connection, Ending};
use crate::interactions::{Gate, Interactions};
use crate::orders::Order;
use crate::recorder::presence::{self, Word};
use crate::recorder::{Recorder, Tools};
use crate::rest::{Rest, Trouble};
use crate::slash::Commands;
use crate::{ReadModels, Services, Settings, views};

/// One shard serves up to 2,500 servers.
const LEASE: &str = "discord_shard_0";
const LEASE_LASTS: Duration = Duration::from_secs(10);
const LEASE_RENEWED: Duration = Duration::from_secs(3);

/// How long to wait between tries to connect, and when a stay was long enough to count as good.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// What is recorded of a bot that was killed, by whoever finds out.
const CRASHED: &str = "it did not end properly";

/// Why a stay on Discord is over.
enum Over {
    Ended(Ending),
    LeaseLost,
    Restart { force: bool, reason: String },
    ShutDown,
    Stopped { force: bool, reason: String },
}

/// Runs the bot until it is told to shut down. When it cannot go on it says why, in the log, and
/// waits for the next order.
pub async fn run(settings: Settings, services: Services, shutdown: CancellationToken) {
    let mut wait = SHORTEST;
    let loaded = loop {
        match services.lifecycle.bot().await {
            Ok(loaded) => break loaded,
            Err(error) => {
                tracing::warn!(error = %describe(&error), "the bot's state cannot be read yet");
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = sleep(wait) => wait = (wait * 2).min(LONGEST),
        }
    };
    services.orders.remember(&loaded.aggregate, loaded.position);
    let rest = Arc::new(Rest::new(&settings));
    let commands = Arc::new(Commands::new(&services));
    let gate =
        Arc::new(Gate::new(&settings, services.lifecycle.clone(), services.accounts.clone()));
    let supervisor = Supervisor { settings, services, rest, commands, gate, shutdown };
    supervisor.run().await;
}

/// Records that a bot which was killed is gone, once nobody carries it any more. For processes
/// that should carry it and cannot, because they have no token.
pub async fn watch_absence(
    lifecycle: Lifecycle,
    leases: Arc<dyn Leases>,
    holder: String,
    shutdown: CancellationToken,
) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = settle_absence(&lifecycle, leases.as_ref(), &holder) => {}
    }
}

async fn settle_absence(lifecycle: &Lifecycle, leases: &dyn Leases, holder: &str) {
    loop {
        match lifecycle.bot().await {
            Ok(bot) if !bot.aggregate.online() => return,
            Ok(_) => match leases.acquire(LEASE, holder, LEASE_LASTS).await {
                Ok(Some(lease)) => {
                    presence::say_one(lifecycle, &Word::Gone(CRASHED.to_owned())).await;
                    if let Err(error) = leases.release(&lease).await {
                        tracing::debug!(error = %describe(&error), "the lease runs out by itself");
                    }
                }
                Ok(None) => {}
                Err(error) => tracing::debug!(error = %describe(&error), "no lease for the bot"),
            },
            Err(error) => tracing::debug!(error = %describe(&error), "the bot's state is unknown"),
        }
        sleep(LEASE_RENEWED).await;
    }
}

struct Supervisor {
    settings: Settings,
    services: Services,
    rest: Arc<Rest>,
    commands: Arc<Commands>,
    gate: Arc<Gate>,
    shutdown: CancellationToken,
}

impl Supervisor {
    async fn run(self) {
        let mut orders = self.services.orders.watch();
        let mut wait = SHORTEST;
        loop {
            if self.shutdown.is_cancelled() {
                return;
            }
            if orders.borrow_and_update().wanted == Wanted::Stopped {
                let Services { leases, lifecycle, .. } = &self.services;
                let holder = &self.settings.holder;
                let settled = settle_absence(lifecycle, leases.as_ref(), holder);
                tokio::select! {
                    () = self.shutdown.cancelled() => return,
                    _ = orders.changed() => continue,
                    () = settled.then(|()| std::future::pending::<()>()) => {}
                }
            }
            let Some(lease) = self.lease().await else { return };
            let since = Instant::now();
            let over = self.stay(&lease, &mut orders).await;
            if let Err(error) = self.services.leases.release(&lease).await {
                tracing::warn!(error = %describe(&error), "the bot's lease stays until it runs out");
            }
            match over {
                Over::ShutDown => return,
                Over::Ended(Ending::Fatal(reason)) => {
                    tracing::error!(reason, "the bot cannot go on; a restart makes it try again");
                    let word = Word::GaveUp(reason);
                    presence::say_one(&self.services.lifecycle, &word).await;
                    tokio::select! {
                        () = self.shutdown.cancelled() => return,
                        _ = orders.changed() => orders.mark_changed(),
                    }
                    wait = SHORTEST;
                }
                Over::Restart { .. } | Over::Stopped { .. } => wait = SHORTEST,
                Over::LeaseLost => tracing::warn!("another process took the bot over"),
                Over::Ended(Ending::Lost(reason)) => {
                    if since.elapsed() > LONGEST {
                        wait = SHORTEST;
                    }
                    tracing::warn!(%reason, wait_s = wait.as_secs(), "the bot is not on Discord");
                    tokio::select! {
                        () = self.shutdown.cancelled() => return,
                        _ = orders.changed() => orders.mark_changed(),
                        () = sleep(wait) => {}
                    }
                    wait = (wait * 2).min(LONGEST);
                }
            }
        }
    }

    /// Waits until no other process carries the bot; none when the program shuts down.
    async fn lease(&self) -> Option<Lease> {
        let mut said = false;
        loop {
            let leases = &self.services.leases;
            let acquired = leases.acquire(LEASE, &self.settings.holder, LEASE_LASTS).await;
            match acquired {
                Ok(Some(lease)) => return Some(lease),
                Ok(None) if said => {}
                Ok(None) => tracing::info!("another process carries the bot; waiting"),
                Err(error) => tracing::warn!(error = %describe(&error), "no lease for the bot"),
            }
            said = true;
            tokio::select! {
                () = self.shutdown.cancelled() => return None,
                () = sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    /// One stay on Discord, from hello to good-bye.
    async fn stay(&self, lease: &Lease, orders: &mut watch::Receiver<Order>) -> Over {
        // Whoever carried it before is gone, and may not have said so.
        let crashed = Word::Gone(CRASHED.to_owned());
        let lifecycle = &self.services.lifecycle;
        let _ = timeout(LEASE_RENEWED, presence::say_one(lifecycle, &crashed)).await;
        let gateway_url = tokio::select! {
            () = self.shutdown.cancelled() => return Over::ShutDown,
            url = self.gateway_url() => match url {
                Ok(url) => url,
                Err(ending) => return Over::Ended(ending),
            },
        };
        let (mut connection, words) = tokio::select! {
            () = self.shutdown.cancelled() => return Over::ShutDown,
            opened = Connection::open(&self.settings, gateway_url) => match opened {
                Ok(opened) => opened,
                Err(ending) => return Over::Ended(ending),
            },
        };
        let crew = Crew::gather(self);
        let (direct_found, direct) = mpsc::channel(64);
        let finding =
            tokio::spawn(find_direct(Arc::clone(&self.services.read_models), direct_found));
        let interactions = Interactions::new(
            Arc::clone(&crew.tools),
            Arc::clone(&self.commands),
            Arc::clone(&self.gate),
            crew.calls.clone(),
            self.services.orders.revisions(),
        );
        let recorder = Recorder::new(
            interactions,
            Arc::clone(&crew.tools),
            crew.presence.clone(),
            crew.lanes.clone(),
        );
        let recording = tokio::spawn(recorder.run(words, direct));

        let over = tokio::select! {
            ended = connection.ended(self.settings.patience) => Over::Ended(ended),
            told = obey(orders) => told,
            () = self.keep(lease) => Over::LeaseLost,
            () = self.shutdown.cancelled() => Over::ShutDown,
        };
        finding.abort();
        let (force, reason) = match &over {
            Over::Ended(Ending::Fatal(reason) | Ending::Lost(reason)) => {
                (false, Some(reason.clone()))
            }
            // It is there, carried by another process, which has its own word on that.
            Over::LeaseLost => (true, None),
            Over::Restart { force, reason } | Over::Stopped { force, reason } => {
                (*force, Some(reason.clone()))
            }
            Over::ShutDown => (false, Some("the program stops".to_owned())),
        };
        let grace = if force { Duration::from_millis(500) } else { self.settings.grace };
        connection.leave(Duration::from_secs(3)).await;
        crew.dismiss(recording, reason, grace).await;
        over
    }

    /// Where the gateway is, asked by ourselves and refused when it is not where it should be.
    async fn gateway_url(&self) -> Result<String, Ending> {
        let url = self.rest.gateway_url().await.map_err(|trouble| match trouble {
            Trouble::Refused { .. } if trouble.is_unauthorized() => Ending::Fatal(
                "Discord does not accept the bot token; set DISCORD_BOT_TOKEN anew".to_owned(),
            ),
            trouble => Ending::Lost(trouble.to_string()),
        })?;
        if self.settings.expects_gateway(&url) {
            return Ok(url);
        }
        Err(Ending::Fatal(format!(
            "the gateway at {url} does not belong to the configured Discord; not connecting"
        )))
    }

    /// Returns when the lease is lost.
    async fn keep(&self, lease: &Lease) {
        let mut beats = interval(LEASE_RENEWED);
        let mut good_until = Instant::now() + LEASE_LASTS;
        loop {
            beats.tick().await;
            match self.services.leases.acquire(&lease.name, &lease.holder, LEASE_LASTS).await {
                Ok(Some(renewed)) if renewed.token == lease.token => {
                    good_until = Instant::now() + LEASE_LASTS;
                }
                Ok(_) => return,
                Err(_) if Instant::now() + LEASE_RENEWED < good_until => {}
                Err(_) => return,
            }
        }
    }
}

/// Returns with the next order that concerns a bot that is there.
async fn obey(orders: &mut watch::Receiver<Order>) -> Over {
    let restarts = orders.borrow().restarts;
    loop {
        if orders.changed().await.is_err() {
            return std::future::pending().await;
        }
        let Order { wanted, restarts: now, force, reason, .. } = orders.borrow_and_update().clone();
        match wanted {
            Wanted::Stopped => return Over::Stopped { force, reason },
            Wanted::Running if now != restarts => return Over::Restart { force, reason },
            Wanted::Running => {}
        }
    }
}

/// Tells the recorder of direct conversations of earlier days, which Discord does not list.
async fn find_direct(models: Arc<dyn ReadModels>, found: mpsc::Sender<domain::kernel::ChannelId>) {
    let mut wait = SHORTEST;
    let channels = loop {
        match views::direct(models.as_ref()).await {
            Ok(channels) => break channels,
            Err(error) => {
                tracing::debug!(error = %describe(&error), "direct channels are not known yet");
            }
        }
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST);
    };
    for channel in channels {
        if found.send(channel).await.is_err() {
            return;
        }
    }
}

/// Everything that works during one stay.
struct Crew {
    tools: Arc<Tools>,
    lanes: TaskTracker,
    calls: TaskTracker,
    presence: mpsc::Sender<Word>,
    saying: JoinHandle<()>,
}

impl Crew {
    fn gather(supervisor: &Supervisor) -> Self {
        let tools = Arc::new(Tools::new(
            supervisor.services.observations.clone(),
            Arc::clone(&supervisor.rest),
            supervisor.settings.answer_within,
            CancellationToken::new(),
        ));
        let (presence, words) = mpsc::channel(64);
        let lifecycle = supervisor.services.lifecycle.clone();
        let saying = tokio::spawn(presence::say(lifecycle, words));
        let (lanes, calls) = (TaskTracker::new(), TaskTracker::new());
        Self { tools, lanes, calls, presence, saying }
    }

    /// Lets everybody finish what was begun, for a while; then everything stops.
    async fn dismiss(self, recording: JoinHandle<()>, reason: Option<String>, grace: Duration) {
        let Self { tools, lanes, calls, presence, saying } = self;
        lanes.close();
        calls.close();
        let recorder = recording.abort_handle();
        let finished = timeout(grace, async {
            // The recorder ends with the gateway's words, the lanes with the recorder.
            let _ = recording.await;
            calls.wait().await;
            lanes.wait().await;
        });
        if finished.await.is_err() {
            tracing::warn!("the bot leaves with work unfinished; the next start makes up for it");
        }
        recorder.abort();
        tools.stop.cancel();
        if let Some(reason) = reason {
            let _ = presence.send(Word::Gone(reason)).await;
        }
        drop(presence);
        if timeout(grace, saying).await.is_err() {
            tracing::warn!("that the bot left could not be recorded");
        }
    }
}
