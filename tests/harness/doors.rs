//! The HTTP door on a real socket, before the real use cases and stores of a temporary directory.

use std::sync::Arc;
use std::time::Duration;

use adapters::{
    Address, Care, ChaCha20Poly1305, MasterKey, Opening, OperationalStore, RhaiScripts,
    SealedVault, SystemClock, sqlite_log::SqliteLog,
};
use api::{About, ApiSettings, Services};
use commands::behaviors::{Behaviors, Registries};
use commands::conversation::{ConversationLimits, Conversations, Pace, RecentTurns};
use commands::discord::Observations;
use commands::discord::imports::{ImportJobs, Imports};
use commands::explain::Explain;
use commands::identity::people::People;
use commands::identity::policies::{DecisionLog, Policies};
use commands::identity::{Identity, KeyHashes, LastUses};
use commands::integrations::Integrations;
use commands::lifecycle::Lifecycle;
use commands::ports::{Snapshots, Vault};
use commands::self_editing::{Compensations, Past, Rehearsals, SelfEditing, Suggesting, WATCH_FOR};
use commands::{Blobs, Executors};
use domain::identity::{NewApiKey, Permission, Permissions};
use domain::kernel::{Actor, Cause, Clock, Codec, Journal, Source};
use domain::self_editing::Change;
use palimpsest::policies::Deciding;
use poem::http::HeaderMap;
use projections::{Fence, Generations, Place};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::accounts::{Keyring, accounts, people, providers, second_factors};
use crate::stand_ins::{Echo, Nobody, Pointer, Well, Willing};

/// What a request was answered.
pub struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

/// See the module.
pub struct Door {
    pub url: String,
    /// A key that allows everything.
    pub token: String,
    pub journal: Journal,
    pub directory: TempDir,
    pub self_editing: SelfEditing,
    pub(crate) executors: Executors,
    pub(crate) people: People,
    http: reqwest::Client,
    stop: CancellationToken,
}

impl Door {
    pub async fn open() -> Self {
        let mut settings = ApiSettings::default();
        settings.rate_limits.enabled = false;
        Self::open_with(settings).await
    }

    pub async fn open_with(settings: ApiSettings) -> Self {
        Self::open_at_pace(settings, Pace::free(), Suggesting::default()).await
    }

    /// With limits on what people say to the bot.
    pub async fn open_with_limits(limits: ConversationLimits) -> Self {
        let mut settings = ApiSettings::default();
        settings.rate_limits.enabled = false;
        Self::open_at_pace(settings, Pace::new(limits), Suggesting::default()).await
    }

    /// With an AI that suggests edits.
    pub async fn open_suggesting(suggesting: Suggesting) -> Self {
        let mut settings = ApiSettings::default();
        settings.rate_limits.enabled = false;
        Self::open_at_pace(settings, Pace::free(), suggesting).await
    }

    /// With another clock than the machine's.
    pub async fn open_at(clock: Arc<dyn Clock>) -> Self {
        let mut settings = ApiSettings::default();
        settings.rate_limits.enabled = false;
        Box::pin(Self::opened(settings, Pace::free(), Suggesting::default(), clock)).await
    }

    async fn open_at_pace(settings: ApiSettings, pace: Pace, suggesting: Suggesting) -> Self {
        Box::pin(Self::opened(settings, pace, suggesting, Arc::new(SystemClock))).await
    }

    async fn opened(
        settings: ApiSettings,
        pace: Pace,
        suggesting: Suggesting,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| directory.path().join(name);
        let master = MasterKey::new([7; 32]);
        let open = |name: &str, care| Opening::new(Address::Sqlite(path(name)), care).open();
        let vault = open("vault.db", Care::Secret).await.expect("a database");
        let vault = Arc::new(SealedVault::open(vault, &master).await.expect("a vault"));
        let operational = open("operational.db", Care::Durable).await.expect("a database");
        let sealing: Arc<dyn Vault> = vault.clone();
        let operational = OperationalStore::open(operational, sealing).await.expect("a store");
        let operational = Arc::new(operational);
        let log = Arc::new(SqliteLog::open(path("log.db")).expect("a log"));
        let codec = Codec::new(vault.clone(), Arc::new(ChaCha20Poly1305));
        let journal = Journal::new(log, Arc::new(codec), clock.clone());

        let snapshots: Arc<dyn Snapshots> = operational.clone();
        let executors = Executors::new(&journal, &snapshots);
        let recent = RecentTurns::default();
        let stop = CancellationToken::new();
        let blobs = Blobs::new(executors.blobs.clone(), journal.clone());
        let surroundings = palimpsest::surroundings::Views::default();
        let deciding = Deciding::new(&executors, &blobs, Arc::new(surroundings.clone()));
        let identity = Identity {
            api_keys: executors.api_keys.clone(),
            decisions: deciding.decisions,
            people: executors.people.clone(),
            journal: journal.clone(),
            vault: vault.clone(),
            recent: recent.clone(),
            hashes: KeyHashes::default(),
            uses: LastUses::new(operational.clone()),
        };
        let blobs = Blobs::new(executors.blobs.clone(), journal.clone());
        let self_editing = SelfEditing {
            access: Arc::new(Nobody),
            blobs: blobs.clone(),
            edits: executors.edits.clone(),
            journal: journal.clone(),
            past: Past::default(),
            policies: deciding.checker,
            scripts: Arc::new(RhaiScripts::default()),
            settings: executors.settings.clone(),
            suggesting,
            watch_for: WATCH_FOR,
            watches: executors.watches.clone(),
            workspace: deciding.workspace,
        };
        let observations = Observations {
            channels: executors.channels.clone(),
            guilds: executors.guilds.clone(),
            journal: journal.clone(),
        };
        let imports =
            ImportJobs::new(Imports { observations }, path("uploads"), stop.clone()).await;

        let place = Place::Sqlite { folder: directory.path().to_owned(), stem: "views".into() };
        let generations = Generations::new(journal.clone(), place, Arc::new(Pointer::default()));
        generations.open_or_build(&|_| ()).await.expect("views");
        let (views, stopped) = (generations.clone(), stop.clone());
        tokio::spawn(async move {
            views.follow(Fence::Alone, stopped.cancelled_owned()).await.expect("a projector");
        });

        surroundings.are(&generations);
        let explain = Explain {
            behaviors: Behaviors {
                behaviors: executors.behaviors.clone(),
                budgets: Arc::default(),
                journal: journal.clone(),
                model: Arc::new(Echo),
                registries: Registries::new(self_editing.clone()),
                surroundings: Arc::new(surroundings.clone()),
            },
            checkpoints: operational.clone(),
            traces: Arc::new(surroundings.clone()),
        };
        let accounts =
            accounts(&journal, &executors, &vault, &operational, &surroundings, deciding.authority);
        let people = people(&accounts, &executors, &identity, &surroundings);
        let services = Services {
            about: About {
                name: "Palimpsest".into(),
                version: "1.2.3".into(),
                environment: "test".into(),
            },
            accounts: accounts.clone(),
            alerts: commands::identity::Alerts { alerts: executors.alerts.clone() },
            authenticate: Arc::new(Keyring {
                accounts: accounts.clone(),
                identity: identity.clone(),
            }),
            clock,
            compensations: Compensations::new(
                executors.compensations.clone(),
                Arc::new(surroundings.clone()),
                self_editing.clone(),
            ),
            conversations: Conversations {
                blobs,
                conversations: executors.conversations.clone(),
                journal: journal.clone(),
                model: Arc::new(Echo),
                pace,
                workspace: executors.workspaces.clone(),
                recent,
            },
            data_dir: directory.path().to_owned(),
            explain,
            health: Arc::new(Well),
            idempotency: operational.clone(),
            identity: identity.clone(),
            imports: imports.expect("a folder for uploads"),
            integrations: Integrations {
                installations: executors.installations.clone(),
                oauth: Arc::new(Willing),
                tickets: operational.clone(),
                vault,
            },
            journal: journal.clone(),
            people: people.clone(),
            providers: providers(&accounts),
            policies: Policies {
                accounts: accounts.clone(),
                api_keys: executors.api_keys.clone(),
                log: DecisionLog::default(),
                self_editing: self_editing.clone(),
            },
            lifecycle: Lifecycle {
                bots: executors.bots.clone(),
                clock: journal.clock().clone(),
                processes: executors.processes.clone(),
                settings: executors.settings.clone(),
            },
            read_only: false,
            rehearsals: Rehearsals::new(
                operational.clone(),
                Registries::new(self_editing.clone()),
                executors.rehearsals.clone(),
                self_editing.clone(),
                Arc::new(surroundings.clone()),
            ),
            second_factors: second_factors(&accounts),
            self_editing: self_editing.clone(),
            shared_limits: operational.clone(),
            stop: stop.clone(),
            traffic: Arc::default(),
            views: generations,
        };
        let cause = Cause::asked(Actor::system("tests"), Uuid::now_v7(), Source::Cli);
        let greeting = Change { path: "prompts/greeting.md".into(), content: Some("Hi\n".into()) };
        self_editing.seed(&cause, vec![greeting]).await.expect("a workspace");
        let first = identity.bootstrap_token(None).await.expect("an answer").expect("none yet");
        identity.create_bootstrap_key(&first).await.expect("the first key");

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let traffic = services.traffic.clone();
        let endpoint = api::routes(services, settings);
        let grace = Duration::from_secs(5);
        tokio::spawn(api::serve(listener, endpoint, stop.clone(), grace, traffic));
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let http = http.build().expect("a client");
        let token = first.to_string();
        Self { url, token, journal, directory, self_editing, executors, people, http, stop }
    }

    /// A key that allows just this.
    pub async fn key(&self, permissions: &[Permission]) -> String {
        let cause = Cause::asked(Actor::system("tests"), Uuid::now_v7(), Source::Cli);
        let permissions = Permissions::of(permissions);
        let may = Permissions::all();
        let caller = commands::ports::Caller::new(cause, may, [].into());
        let new = NewApiKey { name: "some".into(), permissions, expires_at: None };
        self.people.identity.create_api_key(&caller, new).await.expect("a key").token
    }

    /// A request without a token.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// A request with the key that allows everything.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Answered {
        answered(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answered {
        answered(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answered {
        answered(self.request(Method::PUT, path).json(&body)).await
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Sends a request and takes its answer apart.
pub async fn answered(request: RequestBuilder) -> Answered {
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.expect("a text");
    let body = serde_json::from_str(&text).unwrap_or_default();
    Answered { status, headers, body, text }
}

impl Answered {
    /// A header as text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text"))
    }

    /// The code of an error.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// The fields that are wrong.
    pub fn fields(&self) -> Vec<&str> {
        let fields = self.body["error"]["details"]["fields"].as_array().into_iter().flatten();
        fields.filter_map(|it| it["field"].as_str()).collect()
    }
}
