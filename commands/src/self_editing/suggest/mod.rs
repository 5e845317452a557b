//! The AI as author: from a wish to an edit that waits for a person's approval.

mod busy;
mod prompt;
mod relevant;
mod session;
mod tools;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::identity::Permission;
use domain::kernel::{Actor, Cause, EditId, Scope, Singleton, Source};
use domain::self_editing::Status;
use uuid::Uuid;

use busy::Busy;
use session::Session;

use super::{SelfEditing, closed};
use crate::CommandError;
use crate::ports::{
    Answer, Caller, ChatModel, ModelError, ModelName, NoFaults, Prompt, RecentFaults,
};

/// How long a wish is.
const MAX_WISH: usize = 2_000;

/// How many files may be named.
const MAX_FILES: usize = 20;

/// The type of edits that the platform asks for itself.
const MEND: &str = "mend";

/// How long the work for one wish takes at most. Discord waits a little longer for an answer.
const MOST_TIME: Duration = Duration::from_mins(10);

/// What the AI suggests edits with.
#[derive(Clone)]
pub struct Suggesting {
    model: Arc<dyn ChatModel>,
    faults: Arc<dyn RecentFaults>,
    attempts: u32,
    autonomy: bool,
    busy: Busy,
}

/// What somebody would like to be different.
#[derive(Debug, Clone)]
pub struct Suggestion {
    pub wish: String,
    /// Features, unless it says otherwise.
    pub scope: Option<Scope>,
    /// The files that it is about; without any, those that match the wish.
    pub files: Vec<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggested {
    pub edit: EditId,
    pub status: Status,
    /// How many edits were tried; those that failed stay in the history.
    pub attempts: u32,
    /// What the model said besides.
    pub said: String,
    pub model: ModelName,
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// The newest commit.
    pub position: u64,
}

/// A wish that is worked on.
struct Task {
    wish: String,
    scope: Scope,
    /// The finer type of its edits.
    kind: &'static str,
    files: Vec<String>,
}

impl Suggesting {
    /// At most so many edits are tried for one wish. With autonomy, behaviors that keep failing
    /// cause suggestions by themselves.
    pub fn new(
        model: Arc<dyn ChatModel>,
        faults: Arc<dyn RecentFaults>,
        attempts: u32,
        autonomy: bool,
    ) -> Self {
        Self { model, faults, attempts: attempts.max(1), autonomy, busy: Busy::default() }
    }
}

impl Default for Suggesting {
    /// Without a provider.
    fn default() -> Self {
        Self::new(Arc::new(NoModel), Arc::new(NoFaults), 1, false)
    }
}

impl SelfEditing {
    /// Let the AI write an edit. It is checked like anyone's, and always waits for a person.
    pub async fn suggest(
        &self,
        caller: &Caller,
        suggestion: Suggestion,
    ) -> Result<Suggested, CommandError> {
        caller.require(Permission::ProposeSelfEdit)?;
        let Suggestion { wish, scope, files } = suggestion;
        if wish.trim().is_empty() || wish.chars().count() > MAX_WISH {
            return Err(CommandError::invalid("wish", format!("has 1 to {MAX_WISH} characters")));
        }
        if files.len() > MAX_FILES {
            return Err(CommandError::invalid("files", format!("names at most {MAX_FILES} files")));
        }
        let scope = scope.unwrap_or(Scope::Features);
        let _place = self.suggesting.busy.enter(caller.actor())?;
        let task = Task { wish, scope, kind: "suggestion", files };
        self.work_on(&caller.cause, &task).await
    }

    /// Whether the AI may suggest by itself how to mend a behavior.
    pub(crate) fn mends_by_itself(&self) -> bool {
        self.suggesting.autonomy && self.suggesting.model.worker().is_some()
    }

    /// Let the AI mend a behavior that keeps failing, where the settings allow that it does so by
    /// itself: once a day for each behavior. Bears repeating; answers nothing when there was
    /// nothing to do. What failed before there was an edit is not tried again by this process. The
    /// reason becomes part of the edit's description: it holds nothing personal.
    pub async fn suggest_mend(
        &self,
        path: &str,
        reason: &str,
    ) -> Result<Option<Suggested>, CommandError> {
        let settings = self.settings.load(&Singleton).await?.aggregate.self_editing;
        let open = closed(&settings, Scope::Features).is_none();
        if !self.suggesting.autonomy || !open || self.suggesting.model.worker().is_none() {
            return Ok(None);
        }
        let now = self.journal.clock().now();
        // The edit's id says which behavior and which day, so the log knows what was done.
        let name = format!("mend {path} {}", now.date_naive());
        let command = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
        let known = self.edits.load(&EditId(command)).await?.version > 0;
        if known || !self.suggesting.busy.begins(command) {
            return Ok(None);
        }
        let cause = Cause::asked(Actor::system("mend"), Uuid::now_v7(), Source::Reactor);
        let cause = Cause { command, ..cause };
        let wish = format!(
            "The behavior {path} keeps failing: {}\nFind out why and mend it, with a test; change \
             nothing else.",
            prompt::cut(reason, 1_000)
        );
        let files = vec![path.to_owned()];
        let task = Task { wish, scope: Scope::Features, kind: MEND, files };
        self.work_on(&cause, &task).await.map(Some)
    }

    async fn work_on(&self, cause: &Cause, task: &Task) -> Result<Suggested, CommandError> {
        self.require_open(task.scope).await?;
        let model = self.suggesting.model.worker().ok_or(ModelError::NotConfigured)?;
        let session = Session::open(self, cause, task, model).await?;
        let done = tokio::time::timeout(MOST_TIME, session.run()).await;
        let done = done.map_err(|_| ModelError::TimedOut)??;
        let Suggested { edit, status, attempts, tokens_in, tokens_out, .. } = &done;
        tracing::info!(
            edit.id = %edit, edit.status = status.word(), attempts, tokens_in, tokens_out,
            "the AI suggested an edit"
        );
        Ok(done)
    }
}

/// What stands for a model without a provider.
struct NoModel;

#[async_trait]
impl ChatModel for NoModel {
    async fn answer(&self, _: Prompt) -> Result<Answer, CommandError> {
        Err(ModelError::NotConfigured.into())
    }
}
