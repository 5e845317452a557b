//! The policies of the live workspace, and the news that they may have changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use domain::kernel::{Cause, Singleton};
use domain::self_editing::{Workspace, WorkspaceCommand};

use crate::ports::{Execute, Executed, Loaded, PolicySource};
use crate::self_editing::Files;
use crate::{Blobs, CommandError};

/// Where the policies and their schema are.
pub(super) const FOLDER: &str = "policies/";

/// Counts what may have changed the workspace, in this process and in others.
#[derive(Clone, Default)]
pub struct News(Arc<AtomicU64>);

impl News {
    /// Something happened.
    pub fn stir(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Executes on the workspace, and tells of it: whoever asks after an edit went live is answered by
/// it, before the log comes round.
pub struct HeardWorkspace {
    pub inner: Arc<dyn Execute<Workspace>>,
    pub news: News,
}

/// See the module.
#[derive(Clone)]
pub struct LivePolicies {
    pub blobs: Blobs,
    pub news: News,
    pub workspace: Arc<dyn Execute<Workspace>>,
}

#[async_trait]
impl Execute<Workspace> for HeardWorkspace {
    async fn execute(
        &self,
        id: &Singleton,
        command: WorkspaceCommand,
        cause: &Cause,
    ) -> Result<Executed<Workspace>, CommandError> {
        let executed = self.inner.execute(id, command, cause).await;
        self.news.stir();
        executed
    }

    async fn execute_at(
        &self,
        id: &Singleton,
        version: u64,
        command: WorkspaceCommand,
        cause: &Cause,
    ) -> Result<Executed<Workspace>, CommandError> {
        let executed = self.inner.execute_at(id, version, command, cause).await;
        self.news.stir();
        executed
    }

    async fn load(&self, id: &Singleton) -> Result<Loaded<Workspace>, CommandError> {
        self.inner.load(id).await
    }
}

#[async_trait]
impl PolicySource for LivePolicies {
    fn news(&self) -> u64 {
        self.news.count()
    }

    async fn policies(&self) -> Result<(u64, Files), CommandError> {
        let workspace = self.workspace.load(&Singleton).await?.aggregate;
        let mut files = Files::new();
        let policies = workspace.files().iter().filter(|(path, _)| path.starts_with(FOLDER));
        for (path, content) in policies {
            files.insert(path.clone(), self.blobs.text(content).await?);
        }
        Ok((workspace.revision(), files))
    }
}
