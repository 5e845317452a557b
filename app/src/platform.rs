//! The platform in one process: the roles it was given, started in order and stopped in order.

use std::sync::Arc;
use std::time::Duration;

use api::metrics::Traffic;
use api::{About, ApiSettings};
use commands::behaviors::Timers;
use commands::discord::imports::{ImportJobs, Imports};
use commands::identity::Alerts;
use commands::ports::Leases;
use commands::{ChainSigner, Reactor, StartFrom, Tail, describe, run_reactors, while_leased};
use domain::kernel::{Journal, ProcessId};
use projections::Generations;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::accounts::keep_accounts;
use crate::as_of::as_of;
use crate::authenticate::{Keys, OwnToken};
use crate::bootstrap::bootstrap;
use crate::config::{Config, Roles};
use crate::data_dir::DataDir;
use crate::health::Checkup;
use crate::known_log::{forget_other_logs, ground, ready_reactors};
use crate::listening::{listen, reachable};
use crate::mirror::{keep_mirror, mirror};
use crate::part::{END, Part};
use crate::projecting::{generations, projector};
use crate::read_models::Live;
use crate::sampler::Sampler;
use crate::stores::Stores;
use crate::use_cases::UseCases;
use crate::wiring::{outside, use_cases};

/// The names of what runs once in a deployment.
pub(crate) const REACTORS: &str = "reactors";
const ACCOUNTS: &str = "accounts";
const TIMERS: &str = "timers";

/// How often what has run out is swept from the operational store.
const SWEEP: Duration = Duration::from_mins(10);

/// A running platform.
pub struct Platform {
    /// Where the API is; none without the role.
    pub url: Option<String>,
    pub stores: Stores,
    pub use_cases: Box<UseCases>,
    pub generations: Generations,
    data_dir: DataDir,
    reactors: Vec<&'static str>,
    /// None when the state of a moment is served: that leaves no trace in the log.
    sampler: Option<Arc<Sampler>>,
    /// In the order in which they end.
    parts: Vec<Part>,
}

impl Platform {
    /// Starts the roles. `own` is a token for this process's own command line.
    pub async fn start(
        config: &Config,
        roles: Roles,
        own: Option<OwnToken>,
        reactors_from: Option<StartFrom>,
        data_dir: DataDir,
    ) -> anyhow::Result<Self> {
        // Whoever starts one need not hold all that it waits for.
        Box::pin(Self::started(config, roles, own, reactors_from, data_dir)).await
    }

    async fn started(
        config: &Config,
        roles: Roles,
        own: Option<OwnToken>,
        reactors_from: Option<StartFrom>,
        data_dir: DataDir,
    ) -> anyhow::Result<Self> {
        let listener = if roles.api { Some(listen(config).await?) } else { None };
        let stores = Stores::open(config).await?;
        if config.operational.reveal() == "sqlite" {
            // It lies in the data directory, and whoever has that is alone with it.
            stores.operational.bury_the_dead().await?;
        }
        let process = ProcessId::new();
        let holder = process.to_string();
        let (use_cases, reactors) = use_cases(config, &stores)?;
        let snapshot = projections::is_snapshot(config.views.reveal()).await;
        if !snapshot {
            ready_reactors(&stores, &reactors, roles, &holder, reactors_from).await?;
        }
        let generations = generations(config, &stores, snapshot).await?;
        use_cases.views.are(&generations);
        let head = stores.journal.log().head().await?;
        if !snapshot {
            forget_other_logs(&stores, &generations, head).await?;
        }

        let orders = bot::Orders::default();
        let heard = orders.clone();
        let tail = Tail {
            executors: use_cases.executors.clone(),
            journal: stores.journal.clone(),
            news: use_cases.news.clone(),
            recent: use_cases.conversations.recent.clone(),
            registries: use_cases.behaviors.registries.clone(),
            snapshots: stores.operational.clone(),
            hear: Arc::new(move |recorded| heard.heard(recorded)),
        };
        let mut parts = vec![Part::start("tail", |stop| tail.run(head, stop))];

        if !snapshot {
            bootstrap(&use_cases, &data_dir).await?;
        }
        parts.push(projector(roles, config, &stores, &generations, &holder));

        let traffic = Arc::new(Traffic::default());
        let sampler = Arc::new(Sampler {
            clock: stores.journal.clock().clone(),
            lifecycle: use_cases.lifecycle.clone(),
            process,
            traffic: traffic.clone(),
        });
        let mut platform = Self {
            url: None,
            stores,
            use_cases: Box::new(use_cases),
            generations,
            data_dir,
            reactors: reactors.iter().map(|it| it.name()).collect(),
            sampler: None,
            parts,
        };
        if !snapshot {
            sampler.started(&config.environment, roles.names()).await?;
            platform.keep_house(config, roles, sampler, own.is_none());
        }
        if roles.reactor && !snapshot {
            platform.react(reactors, reactors_from, &holder);
        }
        if roles.bot && !snapshot {
            platform.join_discord(config, orders, &holder);
        }
        if let Some(listener) = listener {
            platform.open_door(config, listener, traffic, own, snapshot).await?;
        }
        // They end first: the doors wait for whoever waits for one.
        let rehearsals = platform.use_cases.rehearsals.clone();
        platform.parts.push(Part::start("rehearsals", |stop| rehearsals.until_stopped(stop)));
        Ok(platform)
    }

    /// Samples, signatures, the mirror and sweeping.
    fn keep_house(&mut self, config: &Config, roles: Roles, sampler: Arc<Sampler>, serves: bool) {
        if roles.projector {
            let signer = ChainSigner {
                heads: Arc::new(Live(self.generations.clone())),
                chains: self.use_cases.executors.chains.clone(),
                journal: self.stores.journal.clone(),
                vault: self.stores.vault.clone(),
                after_commits: config.chain.sign_after_commits.max(2),
                after: Duration::from_secs(config.chain.sign_after_s.max(1)),
            };
            self.parts.push(Part::start("sign_chain", |stop| signer.run(stop)));
        }
        if let Some(mirror) = mirror(config).filter(|_| roles.projector && serves) {
            let (editing, holder) =
                (self.use_cases.self_editing.clone(), sampler.process.to_string());
            let leases = self.stores.operational.clone();
            self.parts.push(Part::start("mirror", |stop| {
                keep_mirror(mirror, editing, leases, holder, stop)
            }));
        }
        self.sampler = Some(sampler.clone());
        // A command of this very process is nothing that is up.
        if serves {
            self.parts.push(Part::start("sampler", |stop| async move { sampler.run(stop).await }));
        }
        let operational = self.stores.operational.clone();
        self.parts.push(Part::start("sweeper", |stop| async move {
            let mut ticks = tokio::time::interval(SWEEP);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = ticks.tick() => {}
                }
                if let Err(error) = operational.sweep().await {
                    tracing::warn!(error = %describe(&error), "nothing was swept");
                }
            }
        }));
    }

    fn react(&mut self, reactors: Vec<Arc<dyn Reactor>>, told: Option<StartFrom>, holder: &str) {
        let ground = ground(&self.stores);
        let leases: Arc<dyn Leases> = self.stores.operational.clone();
        let (holder, timers, keeper) = (holder.to_owned(), holder.to_owned(), holder.to_owned());
        self.parts.push(Part::start(REACTORS, |stop| async move {
            let work = |lease, stop| {
                let (ground, reactors) = (ground.clone(), reactors.clone());
                async move {
                    if let Err(error) = run_reactors(ground, reactors, told, lease, stop).await {
                        tracing::error!(error = %describe(&error), "the reactors stopped");
                    }
                }
            };
            while_leased(leases, REACTORS, &holder, stop, work).await;
        }));
        let (leases, behaviors) =
            (self.stores.operational.clone(), self.use_cases.behaviors.clone());
        self.parts.push(Part::start(TIMERS, |stop| async move {
            let work = |_, stop| Timers(behaviors.clone()).run(stop);
            while_leased(leases, TIMERS, &timers, stop, work).await;
        }));
        let (leases, accounts) = (self.stores.operational.clone(), self.use_cases.accounts.clone());
        self.parts.push(Part::start(ACCOUNTS, |stop| async move {
            let work = |_, stop| keep_accounts(accounts.clone(), stop);
            while_leased(leases, ACCOUNTS, &keeper, stop, work).await;
        }));
    }

    fn join_discord(&mut self, config: &Config, orders: bot::Orders, holder: &str) {
        if config.discord.token.is_empty() {
            let (lifecycle, holder) = (self.use_cases.lifecycle.clone(), holder.to_owned());
            let leases = self.stores.operational.clone();
            self.parts.push(Part::start("bot", |stop| {
                bot::watch_absence(lifecycle, leases, holder, stop)
            }));
            return;
        }
        let mut settings = bot::Settings::new(config.discord.token.reveal(), holder);
        config.discord.apply(&mut settings);
        settings.api_url = config.other_discord().map(ToOwned::to_owned);
        let services = bot::Services {
            accounts: self.use_cases.accounts.clone(),
            behaviors: self.use_cases.behaviors.clone(),
            compensations: self.use_cases.compensations.clone(),
            conversations: self.use_cases.conversations.clone(),
            explain: self.use_cases.explain.clone(),
            identity: self.use_cases.identity.clone(),
            leases: self.stores.operational.clone(),
            lifecycle: self.use_cases.lifecycle.clone(),
            observations: self.use_cases.observations.clone(),
            orders,
            read_models: Arc::new(Live(self.generations.clone())),
            rehearsals: self.use_cases.rehearsals.clone(),
            self_editing: self.use_cases.self_editing.clone(),
        };
        self.parts.push(Part::start("bot", |stop| async move {
            Box::pin(bot::run(settings, services, stop)).await;
        }));
    }

    async fn open_door(
        &mut self,
        config: &Config,
        listener: TcpListener,
        traffic: Arc<Traffic>,
        own: Option<OwnToken>,
        snapshot: bool,
    ) -> anyhow::Result<()> {
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let imports = Imports { observations: self.use_cases.observations.clone() };
        let folder = config.file("uploads");
        let imports = ImportJobs::new(imports, folder, stop.clone()).await?;
        let settings =
            ApiSettings { log_directory: Some(config.log_folder()), ..config.api.clone() };
        let health = Checkup {
            ai_expected: config.ai.is_configured(),
            discord_expected: !config.discord.token.is_empty(),
            lifecycle: self.use_cases.lifecycle.clone(),
            log: self.stores.journal.log().clone(),
            operational: self.stores.operational.clone(),
            reactors: self.reactors.clone(),
            vault: self.stores.vault.clone(),
        };
        let (journal, shown) = self.shown(config, snapshot).await?;
        let services = api::Services {
            accounts: shown.accounts,
            alerts: Alerts { alerts: shown.executors.alerts.clone() },
            about: About {
                name: "Palimpsest".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                environment: config.environment.clone(),
            },
            authenticate: Arc::new(Keys {
                accounts: self.use_cases.accounts.clone(),
                identity: self.use_cases.identity.clone(),
                own,
            }),
            clock: self.stores.journal.clock().clone(),
            compensations: shown.compensations,
            conversations: shown.conversations,
            data_dir: config.data_dir.clone(),
            explain: shown.explain,
            health: Arc::new(health),
            idempotency: self.stores.operational.clone(),
            identity: shown.identity,
            imports,
            integrations: shown.integrations,
            journal,
            lifecycle: shown.lifecycle,
            people: shown.people,
            providers: shown.providers,
            policies: shown.policies,
            read_only: snapshot,
            rehearsals: shown.rehearsals,
            second_factors: shown.second_factors,
            self_editing: shown.self_editing,
            shared_limits: self.stores.operational.clone(),
            stop: stop.clone(),
            traffic: traffic.clone(),
            views: self.generations.clone(),
        };
        let grace = Duration::from_secs(settings.shutdown_grace_s);
        let routes = api::routes(services, settings);
        let serving = stop.clone();
        let task = tokio::spawn(async move {
            if let Err(error) = api::serve(listener, routes, serving, grace, traffic).await {
                tracing::error!(%error, "the API stopped");
            }
        });
        self.parts.push(Part { name: "api", stop, task, deadline: grace + END });
        let url = format!("http://{}", reachable(address));
        self.data_dir.announce(Some(url.clone()))?;
        self.url = Some(url);
        Ok(())
    }

    /// What the API shows: the present, or the state of one moment, whose keys are those of now.
    async fn shown(
        &self,
        config: &Config,
        snapshot: bool,
    ) -> anyhow::Result<(Journal, Box<UseCases>)> {
        let journal = &self.stores.journal;
        let Some(live) = self.generations.live().filter(|_| snapshot) else {
            return Ok((journal.clone(), self.use_cases.clone()));
        };
        let journal = as_of(journal, live.checkpoint().await?.position);
        let use_cases = UseCases::as_of(&self.stores, &journal, outside(config)?);
        use_cases.views.are(&self.generations);
        Ok((journal, Box::new(use_cases)))
    }

    /// Ends everything: requests in flight are answered, effects stop, the last batch is projected.
    pub async fn shut_down(mut self, reason: &str) {
        // The doors were opened last and close first; the projector and the tail end last.
        while self.parts.len() > 2 {
            if let Some(part) = self.parts.pop() {
                tracing::debug!(part = part.name, "stopping");
                part.end().await;
            }
        }
        if let Some(sampler) = &self.sampler
            && self.generations.live().is_some()
            && let Err(error) = sampler.stopped(reason).await
        {
            tracing::warn!(error = %describe(&error), "the end could not be recorded");
        }
        while let Some(part) = self.parts.pop() {
            part.end().await;
        }
    }
}
