//! The read models, as endpoints ask them; how they stand, and how they are built anew.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::Caller;
use poem::http::HeaderName;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use projections::DatabaseConnection;
use sea_orm::DbErr;
use uuid::Uuid;

use crate::Tag;
use crate::answer::{Accepted, Found, Result};
use crate::auth::{May, needs};
use crate::consistency::ViewPosition;
use crate::error::ApiError;

/// The generations of read models: the live one, and the one that is being built.
#[async_trait]
pub trait ReadModels: Send + Sync {
    /// The live generation; none while there is none.
    fn live(&self) -> Option<DatabaseConnection>;

    /// How it stands.
    async fn about(&self) -> std::result::Result<Generation, CommandError>;

    /// Begins to build another generation; answers the name of the replay.
    async fn replay(
        &self,
        caller: &Caller,
        replay: Replay,
    ) -> std::result::Result<Uuid, CommandError>;

    /// How far a replay has come; none when there is no such replay.
    async fn progress(&self, replay: Uuid) -> std::result::Result<Option<Progress>, CommandError>;
}

/// What a replay shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// A time (RFC 3339) or a position to stop at; such a state never goes live.
    pub until: Option<String>,
    /// Compare with the live generation.
    pub check: bool,
}

/// How a generation stands.
#[derive(Debug, Clone, PartialEq, Object)]
#[oai(rename = "Views")]
pub struct Generation {
    /// Its name.
    pub generation: String,
    /// The last commit in it.
    pub position: u64,
    /// The newest commit of the log.
    pub head: u64,
    /// How many commits it is behind.
    pub lag: u64,
    /// The value of the log's chain at its position, in hex.
    pub chain: String,
    pub projections: Vec<ProjectionState>,
}

/// How one projection stands.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(rename = "Projection")]
pub struct ProjectionState {
    pub name: String,
    /// Raised when it reads events in another way.
    pub version: u32,
    /// Events whose row the database refused.
    pub failures: u64,
}

/// How far a replay has come.
#[derive(Debug, Clone, PartialEq, Object)]
#[oai(rename = "Replay")]
pub struct Progress {
    pub status: Stage,
    pub position: u64,
    pub head: u64,
    pub events_per_second: f64,
    /// Where the new generation differs from the live one, when that was asked.
    pub differences: Vec<String>,
}

/// Where a replay stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "ReplayStatus", rename_all = "snake_case")]
pub enum Stage {
    Completed,
    Failed,
    Running,
}

/// What a replay shall do.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewReplay {
    /// A time (RFC 3339) or a position to stop at.
    #[oai(validator(min_length = 1, max_length = 40))]
    until: Option<String>,
    /// Compare the result with what is live.
    check: Option<bool>,
}

#[derive(Object)]
struct ReplayStarted {
    replay_id: Uuid,
}

/// How endpoints reach the read models.
#[derive(Clone)]
pub(crate) struct Views {
    pub(crate) models: Arc<dyn ReadModels>,
    pub(crate) position: ViewPosition,
    pub(crate) patience: Duration,
}

impl Views {
    /// One generation, for one request from begin to end.
    pub(crate) fn live(&self) -> Result<DatabaseConnection> {
        let being_built = || ApiError::unavailable(&"there are no read models yet");
        self.models.live().ok_or_else(being_built)
    }

    /// The same, once it shows this commit. What was written stays written when it does not.
    pub(crate) async fn showing(&self, position: u64) -> Result<DatabaseConnection> {
        if self.position.reached(position, self.patience).await {
            return self.live();
        }
        let behind = "it is done, and the read models do not show it yet";
        Err(ApiError::unavailable(&behind)
            .with_header(HeaderName::from_static("x-event-position"), position))
    }
}

impl From<DbErr> for ApiError {
    fn from(error: DbErr) -> Self {
        Self::unavailable(&error)
    }
}

pub(crate) struct ViewsApi {
    pub(crate) models: Arc<dyn ReadModels>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Views")]
impl ViewsApi {
    /// How the read models stand
    #[oai(path = "/views", method = "get", operation_id = "getViews")]
    async fn views(&self, _may: May<needs::ReadAudit>) -> Result<Found<Generation>> {
        Ok(Found::of(self.models.about().await?))
    }

    /// Build the read models anew from the log
    ///
    /// The new generation grows beside the live one and takes its place once it has caught up.
    #[oai(path = "/replays", method = "post", operation_id = "startReplay")]
    async fn replay(
        &self,
        may: May<needs::ManageReplay>,
        body: Json<NewReplay>,
    ) -> Result<Accepted<ReplayStarted>> {
        let NewReplay { until, check } = body.0;
        let replay = Replay { until, check: check.unwrap_or(false) };
        let replay_id = self.models.replay(&may.caller, replay).await?;
        let path = format!("/api/v1/replays/{replay_id}");
        Ok(Accepted::begun(ReplayStarted { replay_id }).location(path))
    }

    /// How far a replay has come
    #[oai(path = "/replays/:replay_id", method = "get", operation_id = "getReplay")]
    async fn progress(
        &self,
        _may: May<needs::ManageReplay>,
        replay_id: Path<Uuid>,
    ) -> Result<Found<Progress>> {
        let progress = self.models.progress(replay_id.0).await?;
        progress.map(Found::of).ok_or_else(|| ApiError::not_found("replay"))
    }
}
