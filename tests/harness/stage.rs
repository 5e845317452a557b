//! The whole platform on embedded stores, with people on a stand-in for Discord.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::kernel::{ChainHash, Recorded};
use futures_util::StreamExt as _;
use palimpsest::cli::{Place, ServeArgs};
use palimpsest::config::{Config, Secret};
use palimpsest::data_dir::{DataDir, bootstrap_key};
use palimpsest::platform::Platform;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::doors::{Answered, answered};
use crate::simulators::discord::DiscordSimulator;

/// How long something expected may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
pub struct Stage {
    pub discord: DiscordSimulator,
    pub platform: Platform,
    /// A key that allows everything.
    pub key: String,
    config: Config,
    folder: TempDir,
    http: reqwest::Client,
    /// What was waited for stands up to here in the log: whoever asks afterwards sees it.
    seen: AtomicU64,
}

impl Stage {
    pub async fn open() -> Self {
        Self::open_with(|_| ()).await
    }

    /// With other settings than usual.
    pub async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        palimpsest::choose_tls();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let discord = DiscordSimulator::start().await;
        let settings = folder.path().join("settings.toml");
        std::fs::write(&settings, "environment = \"test\"\n").expect("a file");
        let place = Place {
            config: Some(settings),
            data_dir: Some(folder.path().join("data")),
            ..Place::default()
        };
        let serve = ServeArgs { listen: Some("127.0.0.1:0".to_owned()), ..ServeArgs::default() };
        let mut config = Config::read(&place, &serve).expect("settings");
        config.discord.token = Secret::from(discord.token());
        config.discord.api_url = discord.url();
        config.conversation.rate_limits.enabled = false;
        config.api.rate_limits.enabled = false;
        change(&mut config);
        let platform = start(&config).await;
        let key = bootstrap_key(&config.data_dir).expect("the first key");
        // A connection that is kept would hold up the end.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build();
        let http = http.expect("a client");
        let stage = Self { discord, platform, key, config, folder, http, seen: AtomicU64::new(0) };
        stage.until("bot.connected").await;
        stage
    }

    /// The same platform after a stop and a start.
    #[must_use]
    pub async fn again(self) -> Self {
        let Self { discord, platform, key, config, folder, http, seen } = self;
        platform.shut_down("the test starts it again").await;
        let platform = start(&config).await;
        Self { discord, platform, key, config, folder, http, seen }
    }

    /// The folder of its stores.
    pub fn data(&self) -> &Path {
        &self.config.data_dir
    }

    /// Ends it; nothing that was asked of Discord may be wrong.
    pub async fn close(self) {
        self.platform.shut_down("the test has ended").await;
        let broken = self.discord.violations();
        assert!(broken.is_empty(), "the bot broke Discord's document: {broken:?}");
    }

    /// The first event of this type, once it is there.
    pub async fn until(&self, wanted: &str) -> Recorded {
        self.until_like(wanted, |it| it.event.type_name() == wanted).await
    }

    /// The first event like this, once it is there.
    pub async fn until_like(&self, what: &str, like: impl Fn(&Recorded) -> bool) -> Recorded {
        let mut seen = Vec::new();
        let look = async {
            let mut pages = self.platform.stores.journal.follow(0, ChainHash::default());
            loop {
                let page = pages.next().await.expect("the log goes on").expect("a readable log");
                if let Some(found) = page.events.iter().find(|it| like(it)) {
                    return found.clone();
                }
                seen.extend(page.events.iter().map(|it| it.event.type_name()));
            }
        };
        let found = timeout(PATIENCE, look).await;
        let found =
            found.unwrap_or_else(|_| panic!("waited in vain for {what}; the log holds {seen:?}"));
        self.seen.fetch_max(found.position, Ordering::Relaxed);
        found
    }

    /// Every event so far.
    pub async fn events(&self) -> Vec<Recorded> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let page = self.platform.stores.journal.read_all(after, 1_000).await;
            let (events, position) = page.expect("a readable log");
            if position == after {
                return all;
            }
            all.extend(events);
            after = position;
        }
    }

    pub async fn get(&self, path: &str) -> Answered {
        self.ask(Method::GET, path, None, &self.key).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answered {
        self.ask(Method::POST, path, Some(body), &self.key).await
    }

    /// A request with another key.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        key: &str,
    ) -> Answered {
        let url = self.platform.url.as_deref().expect("a door");
        let request = self.http.request(method, format!("{url}/api/v1{path}")).bearer_auth(key);
        let request = request.header("x-min-position", self.seen.load(Ordering::Relaxed));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        answered(request).await
    }

    /// Makes files live, as the only administrator; answers the edit.
    pub async fn edit(&self, files: &[(&str, Option<&str>)]) -> Value {
        let files: Vec<_> = files
            .iter()
            .map(|(path, content)| json!({ "path": path, "content": content }))
            .collect();
        let edit = json!({ "scope": "features", "description": "a test", "files": files });
        let proposed = self.post("/self-editing/edits", edit).await;
        let id = proposed.body["data"]["id"].as_str().expect(&proposed.text).to_owned();
        assert_eq!(proposed.body["data"]["status"], "checked", "{}", proposed.text);
        let path = format!("/self-editing/edits/{id}");
        let approved = self.post(&format!("{path}/approve"), json!({ "force": true })).await;
        assert_eq!(approved.status, 200, "{}", approved.text);
        let applied = self.post(&format!("{path}/apply"), json!({})).await;
        assert_eq!(applied.status, 200, "{}", applied.text);
        applied.body["data"].clone()
    }
}

async fn start(config: &Config) -> Platform {
    let data_dir = DataDir::take_alone(&config.data_dir).expect("the data directory");
    let roles = config.roles().expect("roles");
    Platform::start(config, roles, None, None, data_dir).await.expect("a platform")
}
