//! Which behaviors are live where in the log. Every process finds the same: an event is handled
//! by the revision that was live at its own position, whole.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use domain::kernel::{Event, Expected, Recorded, Singleton, StreamId};
use domain::self_editing::Workspace;
use moka::sync::Cache;

use super::Registry;
use crate::CommandError;
use crate::ports::Script;
use crate::self_editing::{Files, Moment, SelfEditing, Tree};

/// How many compiled scripts, and how many registries, are kept.
const SCRIPTS: u64 = 2_000;
const KEPT: u64 = 8;

/// See the module.
#[derive(Clone)]
pub struct Registries {
    self_editing: SelfEditing,
    /// By the hash of their source: an edit compiles only what it changes.
    scripts: Cache<blake3::Hash, Arc<dyn Script>>,
    by_revision: Cache<u64, Arc<Registry>>,
    newest: Arc<Mutex<Option<Arc<Registry>>>>,
    /// How often everything was forgotten.
    epoch: Arc<AtomicU64>,
}

impl Registries {
    pub fn new(self_editing: SelfEditing) -> Self {
        Self {
            self_editing,
            scripts: Cache::new(SCRIPTS),
            by_revision: Cache::new(KEPT),
            newest: Arc::default(),
            epoch: Arc::default(),
        }
    }

    /// Forgets what was remembered of a log that another one has taken the place of. Compiled
    /// scripts go by their text and stay.
    pub async fn forget(&self) {
        self.self_editing.past.forget().await;
        self.by_revision.invalidate_all();
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// Changes when everything was forgotten.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Those that are live now.
    pub async fn now(&self) -> Result<Arc<Registry>, CommandError> {
        self.at(u64::MAX).await
    }

    /// Those that are live for what stands at this position.
    pub async fn at(&self, position: u64) -> Result<Arc<Registry>, CommandError> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(newest) = newest {
            if newest.position() > position {
                return self.before(position).await;
            }
            let later = self.after(&newest).await?;
            let Some(first) = later.first() else { return Ok(newest) };
            if first.position > position {
                return Ok(newest);
            }
            if later.last().is_some_and(|last| last.position > position) {
                return self.before(position).await;
            }
        }
        let registry = self.before(position).await?;
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.as_ref().is_none_or(|it| it.revision() < registry.revision()) {
            *newest = Some(registry.clone());
        }
        Ok(registry)
    }

    /// What became of the workspace since.
    async fn after(&self, registry: &Registry) -> Result<Vec<Recorded>, CommandError> {
        // Each event of the workspace is one revision.
        let (version, position) = (registry.revision(), registry.position());
        let after = match version {
            0 => Expected::New,
            version => Expected::Exact { version, position },
        };
        let stream = StreamId::of::<Workspace>(&Singleton);
        let journal = &self.self_editing.journal;
        let news = journal.read_stream(&stream, after, 1_000).await?;
        Ok(news.into_iter().filter(|it| matches!(it.event, Event::Workspace(..))).collect())
    }

    async fn before(&self, position: u64) -> Result<Arc<Registry>, CommandError> {
        let moment = if position == u64::MAX { Moment::Now } else { Moment::Position(position) };
        let (tree, made) = self.self_editing.workspace_at(moment).await?;
        self.of(tree, made).await
    }

    /// The files that are live now.
    pub(super) async fn files(&self) -> Result<Files, CommandError> {
        let (tree, _) = self.self_editing.workspace_at(Moment::Now).await?;
        Ok(tree.files().clone())
    }

    /// The registry of a workspace.
    pub async fn of(&self, tree: Tree, position: u64) -> Result<Arc<Registry>, CommandError> {
        if let Some(registry) = self.by_revision.get(&tree.revision()) {
            return Ok(registry);
        }
        let registry = self.compiled(tree, position).await?;
        self.by_revision.insert(registry.revision(), registry.clone());
        Ok(registry)
    }

    /// The registry of files that are no revision of the workspace, such as those of an edit that
    /// is not live.
    pub async fn compiled(&self, tree: Tree, position: u64) -> Result<Arc<Registry>, CommandError> {
        let (scripts, runner) = (self.scripts.clone(), self.self_editing.scripts.clone());
        let compile = move || {
            Registry::new(tree.revision(), position, tree.files(), |source| {
                let hash = blake3::hash(source.as_bytes());
                if let Some(script) = scripts.get(&hash) {
                    return Ok(script);
                }
                let script = runner.compile(source)?;
                scripts.insert(hash, script.clone());
                Ok(script)
            })
        };
        let registry = tokio::task::spawn_blocking(compile).await;
        registry.map(Arc::new).map_err(CommandError::unavailable)
    }
}
