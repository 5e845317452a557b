//! The read models, as the API asks them: the live generation, and replays in the background.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use api::{Generation, ProjectionState, ReadModels, Replay, ReplayProgress, ReplayStage};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::ports::Caller;
use commands::{CommandError, Head, Heads, describe};
use domain::identity::Permission;
use projections::{DatabaseConnection, Generations, LivePointer, PointerError, Until};
use uuid::Uuid;

use adapters::OperationalStore;

/// Which generation is live is kept in the operational store.
pub struct Pointer(pub Arc<OperationalStore>);

#[async_trait]
impl LivePointer for Pointer {
    async fn get(&self) -> Result<Option<u64>, PointerError> {
        Ok(self.0.live_generation().await?.map(i64::cast_unsigned))
    }

    async fn switch(&self, from: Option<u64>, to: u64) -> Result<bool, PointerError> {
        let from = from.map(u64::cast_signed);
        match self.0.set_live_generation(from, to.cast_signed()).await {
            Ok(()) => Ok(true),
            Err(CommandError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// See the module.
#[derive(Clone)]
pub struct Replays {
    generations: Generations,
    states: Arc<Mutex<HashMap<Uuid, ReplayProgress>>>,
}

impl Replays {
    pub fn new(generations: Generations) -> Self {
        Self { generations, states: Arc::default() }
    }

    fn change(&self, id: Uuid, change: impl FnOnce(&mut ReplayProgress)) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = states.get_mut(&id) {
            change(state);
        }
    }

    async fn run(self, id: Uuid, check: bool) {
        let tell = |progress: projections::Progress| {
            self.change(id, |state| {
                state.position = progress.position;
                state.head = progress.head;
                state.events_per_second = progress.events_per_second;
            });
        };
        match self.generations.replay(check, &tell).await {
            Ok(replayed) => self.change(id, |state| {
                state.position = replayed.position;
                state.differences =
                    replayed.differences.iter().map(ToString::to_string).collect();
                state.status = ReplayStage::Completed;
            }),
            Err(error) => {
                tracing::error!(error = %describe(&error), "a replay failed");
                self.change(id, |state| {
                    state.status = ReplayStage::Failed;
                    state.error = Some(error.to_string());
                });
            }
        }
    }
}

#[async_trait]
impl ReadModels for Replays {
    fn live(&self) -> Option<DatabaseConnection> {
        self.generations.live().map(|live| live.db().clone())
    }

    async fn about(&self) -> Result<Generation, CommandError> {
        let status = self.generations.status().await.map_err(CommandError::unavailable)?;
        let nothing = || CommandError::unavailable("the read models are being built");
        let status = status.ok_or_else(nothing)?;
        let failures = |name: &str| {
            status.failures.iter().filter(|failure| failure.projection == name).count() as u64
        };
        let projections = status.checkpoint.versions.iter().map(|(name, version)| {
            let failures = failures(name);
            ProjectionState { name: name.clone(), version: *version, failures }
        });
        Ok(Generation {
            generation: status.generation.to_string(),
            position: status.checkpoint.position,
            head: status.head,
            lag: status.lag(),
            chain: status.checkpoint.chain.to_string(),
            projections: projections.collect(),
        })
    }

    async fn replay(&self, caller: &Caller, replay: Replay) -> Result<Uuid, CommandError> {
        caller.require(Permission::ManageReplay)?;
        if replay.until.is_some() {
            let reason = "the state of a moment is built into a database of its own: \
                          palimpsest replay --until … --into …";
            return Err(CommandError::invalid("until", reason));
        }
        let id = Uuid::now_v7();
        let started = ReplayProgress {
            status: ReplayStage::Running,
            position: 0,
            head: 0,
            events_per_second: 0.0,
            differences: Vec::new(),
            error: None,
        };
        self.states.lock().unwrap_or_else(PoisonError::into_inner).insert(id, started);
        tokio::spawn(self.clone().run(id, replay.check));
        Ok(id)
    }

    async fn progress(&self, replay: Uuid) -> Result<Option<ReplayProgress>, CommandError> {
        Ok(self.states.lock().unwrap_or_else(PoisonError::into_inner).get(&replay).cloned())
    }
}

#[async_trait]
impl Heads for Replays {
    async fn head(&self) -> Option<Head> {
        let checkpoint = self.generations.live()?.checkpoint().await.ok()?;
        Some(Head { position: checkpoint.position, chain: checkpoint.chain })
    }
}

/// A position, or an RFC 3339 time.
pub fn parse_until(text: &str) -> anyhow::Result<Until> {
    if let Ok(position) = text.parse() {
        return Ok(Until::Position(position));
    }
    let time = DateTime::parse_from_rfc3339(text);
    let time = time.map_err(|_| {
        anyhow::anyhow!("“{text}” is neither a position nor a time such as 2026-11-20T12:00:00Z")
    })?;
    Ok(Until::Time(time.with_timezone(&Utc)))
}

