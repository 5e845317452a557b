//! A home for the bot: a log on disk, the stores beside it, and a Discord to live on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adapters::discord_rest::DiscordRest;
use adapters::sqlite_log::SqliteLog;
use adapters::{Care, ChaCha20Poly1305, MasterKey, OperationalStore, SealedVault, SystemClock};
use bot::{Orders, ReadModels, Services, Settings};
use commands::behaviors::{Behaviors, Registries};
use commands::conversation::{
    AnswerMessages, ConversationLimits, Conversations, DeliverAnswers, Pace, RecentTurns,
};
use commands::discord::Observations;
use commands::explain::Explain;
use commands::lifecycle::Lifecycle;
use commands::ports::{Caller, Leases as _, Snapshots};
use commands::self_editing::{Compensations, Past, Rehearsals, SelfEditing, Suggesting, WATCH_FOR};
use commands::{Blobs, Executors, Ground, Reactor, StartFrom, run_reactors};
use domain::discord::{ChannelEvent, Message};
use domain::identity::Permissions;
use domain::kernel::{Actor, Cause, ChainHash, ChannelId, Codec, Event, Journal, Recorded, Source};
use domain::lifecycle::BotEvent;
use futures_util::StreamExt as _;
use palimpsest::surroundings::Views as Surroundings;
use projections::{DatabaseConnection, Fence, Generations, Place};
use tests::accounts::{keys, whole_accounts};
use tests::databases::TestDatabase;
use tests::simulators::discord::{DiscordSimulator, Snowflake};
use tests::stand_ins::{Nobody, Pointer};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::slow_log::SlowLog;
use super::stand_ins::Echo;

const PATIENCE: Duration = Duration::from_mins(1);

/// One process after the other: a lease outlives a kill.
const HOLDER: &str = "test";

/// What outlives the bot.
pub(super) struct Home {
    pub(super) discord: DiscordSimulator,
    pub(super) journal: Journal,
    pub(super) store: Arc<OperationalStore>,
    vault: Arc<SealedVault>,
    pub(super) views: Generations,
    /// Each permit lets one answer go that takes time.
    pub(super) gate: Arc<Semaphore>,
    /// Whether the log is held up.
    pub(super) hold_up: watch::Sender<bool>,
    /// How much people may say.
    pub(super) limits: ConversationLimits,
    pub(super) suggesting: Suggesting,
    _files: (tempfile::TempDir, TestDatabase, TestDatabase),
}

/// A bot that runs, with its reactors.
pub(super) struct Running {
    pub(super) lifecycle: Lifecycle,
    shutdown: CancellationToken,
    runtime: Option<Runtime>,
    ended: JoinHandle<()>,
}

impl Home {
    pub(super) async fn on(discord: DiscordSimulator) -> Self {
        let files = tempfile::tempdir().expect("a temporary folder");
        let (vault, operational) =
            (TestDatabase::sqlite(Care::Secret), TestDatabase::sqlite(Care::Durable));
        let log = SqliteLog::open(files.path().join("log.db")).expect("a log that opens");
        let (log, hold_up) = SlowLog::before(Arc::new(log));
        let sealed = SealedVault::open(vault.open().await, &MasterKey::new([7; 32])).await;
        let sealed = Arc::new(sealed.expect("a vault"));
        let store = OperationalStore::open(operational.open().await, sealed.clone()).await;
        let store = Arc::new(store.expect("an operational store"));
        let codec = Arc::new(Codec::new(sealed.clone(), Arc::new(ChaCha20Poly1305)));
        let journal = Journal::new(Arc::new(log), codec, Arc::new(SystemClock));
        let place = Place::Sqlite { folder: files.path().to_owned(), stem: "views".to_owned() };
        let views = Generations::new(journal.clone(), place, Arc::new(Pointer::default()));
        views.open_or_build(&|_| ()).await.expect("views");
        let projecting = views.clone();
        tokio::spawn(async move {
            projecting
                .follow(Fence::Alone, std::future::pending())
                .await
                .expect("views that follow");
        });
        let gate = Arc::new(Semaphore::new(0));
        let limits = ConversationLimits { enabled: false, ..ConversationLimits::default() };
        let files = (files, vault, operational);
        let suggesting = Suggesting::default();
        let vault = sealed;
        Self {
            discord,
            journal,
            store,
            vault,
            views,
            gate,
            hold_up,
            limits,
            suggesting,
            _files: files,
        }
    }

    pub(super) async fn new() -> Self {
        Self::on(DiscordSimulator::start().await).await
    }

    /// As another part of the platform records what was seen.
    pub(super) fn observations(&self) -> Observations {
        let snapshots: Arc<dyn Snapshots> = self.store.clone();
        let executors = Executors::new(&self.journal, &snapshots);
        Observations {
            channels: executors.channels,
            guilds: executors.guilds,
            journal: self.journal.clone(),
        }
    }

    pub(super) fn settings(&self) -> Settings {
        let mut settings = Settings::new(self.discord.token(), HOLDER);
        settings.api_url = Some(self.discord.url());
        settings
    }

    /// A bot as after the start of a process: nothing is in memory.
    pub(super) fn start(&self) -> Running {
        self.start_with(self.settings())
    }

    pub(super) fn start_with(&self, settings: Settings) -> Running {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
        let snapshots: Arc<dyn Snapshots> = self.store.clone();
        let executors = Executors::new(&self.journal, &snapshots);
        let observations = Observations {
            channels: executors.channels.clone(),
            guilds: executors.guilds.clone(),
            journal: self.journal.clone(),
        };
        let blobs = Blobs::new(executors.blobs.clone(), self.journal.clone());
        let conversations = Conversations {
            blobs: blobs.clone(),
            conversations: executors.conversations.clone(),
            journal: self.journal.clone(),
            model: Arc::new(Echo(self.gate.clone())),
            pace: Pace::new(self.limits),
            workspace: executors.workspaces.clone(),
            recent: RecentTurns::default(),
        };
        let lifecycle = Lifecycle {
            bots: executors.bots.clone(),
            clock: self.journal.clock().clone(),
            processes: executors.processes.clone(),
            settings: executors.settings.clone(),
        };
        let self_editing = SelfEditing {
            access: Arc::new(Nobody),
            blobs,
            edits: executors.edits.clone(),
            journal: self.journal.clone(),
            past: Past::default(),
            policies: Arc::new(adapters::CedarPolicies),
            scripts: Arc::new(adapters::RhaiScripts::default()),
            settings: executors.settings.clone(),
            suggesting: self.suggesting.clone(),
            watch_for: WATCH_FOR,
            watches: executors.watches.clone(),
            workspace: executors.workspaces.clone(),
        };
        let registries = Registries::new(self_editing.clone());
        let surroundings = Surroundings::default();
        surroundings.are(&self.views);
        let behaviors = Behaviors {
            behaviors: executors.behaviors.clone(),
            budgets: Arc::default(),
            journal: self.journal.clone(),
            model: conversations.model.clone(),
            registries: registries.clone(),
            surroundings: Arc::new(surroundings.clone()),
        };
        let explain = Explain {
            behaviors: behaviors.clone(),
            checkpoints: self.store.clone(),
            traces: Arc::new(surroundings.clone()),
        };
        let (clock, orders) = (self.journal.clock().clone(), Orders::default());
        let rest = DiscordRest::new(Some(&self.discord.url()), &settings.token, clock);
        let reactors: Vec<Arc<dyn Reactor>> = vec![
            Arc::new(AnswerMessages {
                conversations: conversations.clone(),
                registries: behaviors.registries.clone(),
            }),
            Arc::new(DeliverAnswers {
                conversations: conversations.clone(),
                discord: Arc::new(rest.expect("a client")),
            }),
        ];
        let surroundings = Arc::new(surroundings);
        let (offers, effects) = (executors.compensations.clone(), surroundings.clone());
        let compensations = Compensations::new(offers, effects, self_editing.clone());
        let accounts =
            whole_accounts(&self.journal, &executors, &self.vault, &self.store, &surroundings);
        let services = Services {
            accounts,
            behaviors,
            compensations,
            conversations,
            explain,
            identity: keys(&self.journal, &executors, &self.vault, &self.store, &surroundings),
            leases: self.store.clone(),
            lifecycle: lifecycle.clone(),
            observations,
            orders: orders.clone(),
            read_models: Arc::new(Views(self.views.clone())),
            rehearsals: Rehearsals::new(
                self.store.clone(),
                registries,
                executors.rehearsals.clone(),
                self_editing.clone(),
                surroundings.clone(),
            ),
            self_editing,
        };
        let shutdown = CancellationToken::new();
        runtime.spawn(feed(self.journal.clone(), orders));
        runtime.spawn(react(self.journal.clone(), self.store.clone(), reactors, shutdown.clone()));
        let ended = runtime.spawn(bot::run(settings, services, shutdown.clone()));
        Running { lifecycle, shutdown, runtime: Some(runtime), ended }
    }

    /// Everything that happened so far.
    pub(super) async fn events(&self) -> Vec<Recorded> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let (events, position) = self.journal.read_all(after, 1_000).await.expect("the log");
            if position == after {
                return all;
            }
            all.extend(events);
            after = position;
        }
    }

    /// Waits until what happened shows this.
    pub(super) async fn until<T>(&self, what: &str, look: impl Fn(&[Recorded]) -> Option<T>) -> T {
        let seen = async {
            let mut pages = self.journal.follow(0, ChainHash::default());
            let mut all = Vec::new();
            loop {
                if let Some(seen) = look(&all) {
                    return seen;
                }
                let page = pages.next().await.expect("the log goes on").expect("a readable log");
                all.extend(page.events);
            }
        };
        if let Ok(seen) = timeout(PATIENCE, seen).await {
            return seen;
        }
        let all: Vec<_> = self.events().await.iter().map(|it| it.event.type_name()).collect();
        panic!("waited in vain for {what}; the log holds {all:?}")
    }

    /// Waits until a message is recorded.
    pub(super) async fn until_said(&self, id: Snowflake) -> Recorded {
        self.until(&format!("message {id}"), |all| {
            all.iter().find(|it| said(it).is_some_and(|it| it.id.0 == id.0)).cloned()
        })
        .await
    }

    /// The messages of a channel in the order of the log, each as often as it is there.
    pub(super) async fn said_in(&self, channel: &str) -> Vec<Snowflake> {
        let id = ChannelId(self.discord.channel(channel).id.0);
        let all = self.events().await;
        let there = all.iter().filter(|it| matches!(it.event, Event::Channel(at, _) if at == id));
        there.filter_map(said).map(|message| Snowflake(message.id.0)).collect()
    }

    /// Waits until it is recorded so many times that the bot is gone for this reason.
    pub(super) async fn until_gone(&self, why: &str, times: usize) {
        self.until(&format!("gone: {why}"), |all| {
            let gone = all.iter().filter(|it| {
                matches!(&it.event, Event::Bot(_, BotEvent::Disconnected { reason })
                    if reason.contains(why))
            });
            (gone.count() >= times).then_some(())
        })
        .await;
    }

    /// A process that should be the bot and has no token.
    pub(super) fn watch_absence(&self) -> JoinHandle<()> {
        let snapshots: Arc<dyn Snapshots> = self.store.clone();
        let executors = Executors::new(&self.journal, &snapshots);
        let lifecycle = Lifecycle {
            bots: executors.bots,
            clock: self.journal.clock().clone(),
            processes: executors.processes,
            settings: executors.settings,
        };
        let (leases, stop) = (self.store.clone(), CancellationToken::new());
        tokio::spawn(bot::watch_absence(lifecycle, leases, HOLDER.to_owned(), stop))
    }

    /// Waits until the bot hears what is said: it is connected and its servers are recorded.
    pub(super) async fn until_listening(&self, sessions: usize) {
        self.until(&format!("{sessions} sessions"), |all| {
            let connected = all.iter().filter(|it| it.event.type_name() == "bot.connected");
            (connected.count() >= sessions).then_some(())
        })
        .await;
    }
}

impl Running {
    /// Ends as a process does that is told to.
    pub(super) async fn stop(mut self) {
        self.shutdown.cancel();
        let ended = timeout(PATIENCE, &mut self.ended).await.expect("the bot stops in time");
        ended.expect("no panic");
        self.runtime.take().expect("a runtime").shutdown_background();
    }

    /// Ends as a process does that is killed: in the middle of everything.
    pub(super) fn kill(mut self) {
        self.runtime.take().expect("a runtime").shutdown_background();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The message that an event tells of.
pub(super) fn said(recorded: &Recorded) -> Option<&Message> {
    match &recorded.event {
        Event::Channel(_, ChannelEvent::MessageCreated(message)) => Some(message),
        _ => None,
    }
}

/// Nothing is in it twice.
pub(super) fn each_once(ids: &[Snowflake]) {
    let once: BTreeSet<_> = ids.iter().collect();
    assert_eq!(once.len(), ids.len(), "recorded twice: {ids:?}");
}

/// Somebody who may do everything.
pub(super) fn operator() -> Caller {
    let cause = Cause::asked(Actor::system("test"), Uuid::now_v7(), Source::Cli);
    Caller::new(cause, Permissions::all(), [].into())
}

async fn feed(journal: Journal, orders: Orders) {
    let mut pages = journal.follow(0, ChainHash::default());
    while let Some(Ok(page)) = pages.next().await {
        for recorded in &page.events {
            orders.heard(recorded);
        }
    }
}

async fn react(
    journal: Journal,
    store: Arc<OperationalStore>,
    reactors: Vec<Arc<dyn Reactor>>,
    stop: CancellationToken,
) {
    let lease = store.acquire("reactors", HOLDER, Duration::from_mins(10)).await;
    let lease = lease.expect("a store").expect("a lease");
    let ground = Ground { journal, checkpoints: store.clone(), leases: store };
    let start = Some(StartFrom::Position(0));
    // A test that kills them takes their lease away.
    let _ = run_reactors(ground, reactors, start, lease, stop).await;
}

/// The read models of a home.
#[derive(Clone)]
struct Views(Generations);

impl ReadModels for Views {
    fn live(&self) -> Option<DatabaseConnection> {
        self.0.live().map(|live| live.db().clone())
    }
}
