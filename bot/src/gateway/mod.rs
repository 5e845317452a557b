//! The connection to Discord's gateway.
//!
//! serenity starts a task per event. On a runtime with several threads these run in any order, so
//! the client has a thread and a single-threaded runtime of its own, where tasks run in the order
//! in which they were started, and where a busy program cannot delay its heartbeats.

mod facts;
mod heard;
pub(crate) mod json;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serenity::all::{
    Client, ClientBuilder, ConnectionStage, Context, Event, GatewayError, RawEventHandler, ShardId,
    ShardManager,
};
use serenity::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, interval, timeout};
use tokio_util::sync::CancellationToken;

pub(crate) use facts::{edited, said};
pub(crate) use heard::{ChannelNews, GuildNews, Heard, OpenChannel, Welcome, heard, raw};

use crate::Settings;
use crate::rest;

/// How many events may wait to be recorded; what comes beyond is read from REST later.
const ROOM: usize = 4_096;

/// How long the client may take to get ready: it asks Discord where the gateway is.
const BUILDING: Duration = Duration::from_secs(30);

/// How often the connection is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// What comes from the gateway, in order.
pub(crate) enum Word {
    Absent,
    Event(Box<Event>),
    Missed,
}

/// How a stay on Discord ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// Trying again cannot help.
    Fatal(String),
    /// It may work later.
    Lost(String),
}

/// A client that runs on a thread of its own.
pub(crate) struct Connection {
    manager: Arc<ShardManager>,
    kill: CancellationToken,
    ended: oneshot::Receiver<Ending>,
    told: mpsc::Sender<Word>,
    /// Whether the client has ended by itself.
    over: bool,
}

impl Connection {
    /// Starts a client. Its words come out of the receiver.
    pub(crate) async fn open(
        settings: &Settings,
        gateway_url: String,
    ) -> Result<(Self, mpsc::Receiver<Word>), Ending> {
        let (told, words) = mpsc::channel(ROOM);
        let (started, manager) = oneshot::channel();
        let (ending, ended) = oneshot::channel();
        let kill = CancellationToken::new();
        // Whoever stops waiting for the client stops it.
        let waiting = kill.clone().drop_guard();
        let stay = Stay {
            settings: settings.clone(),
            gateway_url,
            ears: Ears { told: told.clone(), deaf: AtomicBool::new(false) },
            kill: kill.clone(),
        };
        let thread = std::thread::Builder::new().name("discord-gateway".to_owned());
        let thread = thread.spawn(move || {
            // Whoever waits may have gone away.
            let _ = ending.send(stay.run(started));
        });
        thread.map_err(|error| Ending::Lost(format!("no thread for the gateway: {error}")))?;
        match manager.await {
            Ok(manager) => {
                waiting.disarm();
                Ok((Self { manager, kill, ended, told, over: false }, words))
            }
            Err(_) => Err(ended.await.unwrap_or_else(|_| gone())),
        }
    }

    /// Resolves when the client gives up by itself. Says meanwhile when the connection is lost
    /// for longer than `patience`.
    pub(crate) async fn ended(&mut self, patience: Duration) -> Ending {
        let mut looks = interval(LOOK);
        let (mut there, mut said) = (Instant::now(), false);
        loop {
            tokio::select! {
                ended = &mut self.ended => {
                    self.over = true;
                    return ended.unwrap_or_else(|_| gone());
                }
                _ = looks.tick() => {}
            }
            if is_connected(&self.manager).await {
                (there, said) = (Instant::now(), false);
            } else if !said && there.elapsed() >= patience {
                said = self.told.try_send(Word::Absent).is_ok();
            }
        }
    }

    /// Says good-bye, and leaves without it when Discord does not answer in time: serenity waits
    /// for ever for a shard that cannot connect.
    pub(crate) async fn leave(mut self, deadline: Duration) {
        if self.over {
            return;
        }
        if timeout(deadline, self.manager.shutdown_all()).await.is_err() {
            tracing::warn!("Discord did not say good-bye in time");
        }
        self.kill.cancel();
        if timeout(deadline, &mut self.ended).await.is_err() {
            tracing::warn!("the gateway's thread is still busy and is left behind");
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.kill.cancel();
    }
}

async fn is_connected(manager: &ShardManager) -> bool {
    let runners = manager.runners.lock().await;
    runners.get(&ShardId(0)).is_some_and(|it| it.stage == ConnectionStage::Connected)
}

fn gone() -> Ending {
    Ending::Lost("the gateway's thread is gone".to_owned())
}

struct Stay {
    settings: Settings,
    gateway_url: String,
    ears: Ears,
    kill: CancellationToken,
}

impl Stay {
    fn run(self, started: oneshot::Sender<Arc<ShardManager>>) -> Ending {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(self.stay(started)),
            Err(error) => Ending::Lost(format!("no runtime for the gateway: {error}")),
        }
    }

    async fn stay(self, started: oneshot::Sender<Arc<ShardManager>>) -> Ending {
        let Self { settings, gateway_url, ears, kill } = self;
        let mut cache = serenity::cache::Settings::default();
        (cache.cache_guilds, cache.cache_channels, cache.cache_users) = (false, false, false);
        let builder = ClientBuilder::new_with_http(rest::http(&settings), settings.intents());
        let builder = builder.cache_settings(cache).raw_event_handler(ears);
        let built = tokio::select! {
            () = kill.cancelled() => return Ending::Lost("told to leave".to_owned()),
            built = timeout(BUILDING, builder) => built,
        };
        let mut client: Client = match built {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Ending::Lost(error.to_string()),
            Err(_) => return Ending::Lost("Discord does not answer".to_owned()),
        };
        // While it is built, the client asks for the gateway by itself, and falls back to the
        // real one when that fails.
        *client.ws_url.lock().await = gateway_url;
        if started.send(Arc::clone(&client.shard_manager)).is_err() {
            return gone();
        }
        tokio::select! {
            ended = client.start() => match ended {
                Ok(()) => Ending::Lost("the client stopped".to_owned()),
                Err(error) => ending(&error),
            },
            () = kill.cancelled() => Ending::Lost("told to leave".to_owned()),
        }
    }
}

fn ending(error: &serenity::Error) -> Ending {
    let serenity::Error::Gateway(gateway) = error else { return Ending::Lost(error.to_string()) };
    match gateway {
        GatewayError::InvalidAuthentication => Ending::Fatal(
            "Discord does not accept the bot token (4004); set DISCORD_BOT_TOKEN to the token that \
             the developer portal shows under Bot"
                .to_owned(),
        ),
        GatewayError::DisallowedGatewayIntents => Ending::Fatal(
            "Discord does not allow this bot to read members and messages (4014); switch on Server \
             Members Intent and Message Content Intent in the developer portal under Bot, or set \
             discord.privileged_intents to false and do without"
                .to_owned(),
        ),
        GatewayError::InvalidGatewayIntents => {
            Ending::Fatal("Discord does not know the intents that were asked for (4013)".to_owned())
        }
        other => Ending::Lost(other.to_string()),
    }
}

/// Hands events on without ever waiting: the gateway's reader must not be held up.
struct Ears {
    told: mpsc::Sender<Word>,
    /// Whether events were dropped that nobody was told of yet.
    deaf: AtomicBool,
}

#[async_trait]
impl RawEventHandler for Ears {
    async fn raw_event(&self, _: Context, event: Event) {
        // Nothing here awaits, so events keep the order in which their tasks were started.
        if self.deaf.load(Ordering::Relaxed) {
            if self.told.try_send(Word::Missed).is_err() {
                return;
            }
            self.deaf.store(false, Ordering::Relaxed);
        }
        if self.told.try_send(Word::Event(Box::new(event))).is_err() {
            self.deaf.store(true, Ordering::Relaxed);
            tracing::warn!("events come faster than they are recorded; some are read again later");
        }
    }
}
