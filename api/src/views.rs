//! The read models, as endpoints ask them; how they stand, and how they are built anew.

use std::sync::Arc;
use std::time::Duration;

use commands::self_editing::Moment;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use projections::{BuildError, Generation, Generations, Status, Until};
use sea_orm::DbErr;
use uuid::Uuid;

use crate::Tag;
use crate::answer::{Accepted, Found, Result};
use crate::auth::{May, needs};
use crate::error::ApiError;
use crate::replays::{ReplayProgress, Replays};
use crate::self_editing::moment;

/// How endpoints reach the read models.
#[derive(Clone)]
pub(crate) struct Views {
    pub(crate) generations: Generations,
    pub(crate) patience: Duration,
}

impl Views {
    /// One generation, for one request from begin to end.
    pub(crate) fn live(&self) -> Result<Arc<Generation>> {
        let being_built = || ApiError::unavailable(&"there are no read models yet");
        self.generations.live().ok_or_else(being_built)
    }

    /// The same, and whether it shows this commit: that is waited for, but not for ever.
    pub(crate) async fn once_at(&self, position: u64) -> Result<(Arc<Generation>, bool)> {
        let shows = self.generations.wait_for(position, self.patience).await;
        Ok((self.live()?, shows))
    }
}

/// The last commit that the live read models are known to show.
pub(crate) fn position(generations: &Generations) -> u64 {
    generations.live().map_or(0, |live| live.standing().borrow().position)
}

impl From<DbErr> for ApiError {
    fn from(error: DbErr) -> Self {
        Self::unavailable(&error)
    }
}

impl From<BuildError> for ApiError {
    fn from(error: BuildError) -> Self {
        Self::unavailable(&error)
    }
}

pub(crate) struct ViewsApi {
    pub(crate) generations: Generations,
    pub(crate) replays: Replays,
}

/// How the read models stand.
#[derive(Object)]
struct ViewsStatus {
    generation: u64,
    /// The last commit in it.
    position: u64,
    /// The newest commit of the log.
    head: u64,
    /// How many commits it is behind.
    lag: u64,
    /// The value of the log's chain at its position, in hex.
    chain: String,
    /// Why the read models stand still, if they do.
    #[oai(skip_serializing_if_is_none)]
    alarm: Option<String>,
    projections: Vec<ProjectionStatus>,
}

#[derive(Object)]
struct ProjectionStatus {
    name: String,
    /// Raised when it reads events in another way.
    version: u32,
    /// Events whose row the database refused.
    failures: u64,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewReplay {
    /// A time (RFC 3339) or a position: the state of that moment is built into a database of its
    /// own in the data directory, and what is live stays. `palimpsest serve --views` shows it.
    #[oai(validator(min_length = 1, max_length = 40))]
    until: Option<String>,
    /// Compare the result with what is live; when they differ, what is live stays.
    #[oai(default)]
    check: bool,
}

#[derive(Object)]
struct ReplayStarted {
    replay_id: Uuid,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Views")]
impl ViewsApi {
    /// How the read models stand
    #[oai(path = "/views", method = "get", operation_id = "getViews")]
    async fn views(&self, _may: May<needs::ReadAudit>) -> Result<Found<ViewsStatus>> {
        let status = self.generations.status().await?;
        let being_built = || ApiError::unavailable(&"there are no read models yet");
        Ok(Found::of(ViewsStatus::from(status.ok_or_else(being_built)?)))
    }

    /// Build the read models anew from the log
    ///
    /// The new generation grows beside the live one and takes its place once it has caught up; with
    /// `until` it is the state of that moment, and stays beside it.
    #[oai(path = "/replays", method = "post", operation_id = "startReplay")]
    #[expect(clippy::unused_async, reason = "every operation is asynchronous")]
    async fn replay(
        &self,
        _may: May<needs::ManageReplay>,
        body: Json<NewReplay>,
    ) -> Result<Accepted<ReplayStarted>> {
        let NewReplay { until, check } = body.0;
        if check && until.is_some() {
            return Err(ApiError::field(
                "check",
                "the state of a moment has nothing to compare with",
            ));
        }
        let until = until.map(|it| moment("until", &it)).transpose()?.map(|it| match it {
            Moment::Position(position) => Until::Position(position),
            Moment::Time(time) => Until::Time(time),
            Moment::Now | Moment::Revision(_) => Until::Position(u64::MAX),
        });
        let replay_id = self.replays.begin(check, until)?;
        let path = format!("/api/v1/replays/{replay_id}");
        Ok(Accepted::begun(ReplayStarted { replay_id }).location(path))
    }

    /// How far a replay has come
    #[oai(path = "/replays/:replay_id", method = "get", operation_id = "getReplay")]
    #[expect(clippy::unused_async, reason = "every operation is asynchronous")]
    async fn progress(
        &self,
        _may: May<needs::ManageReplay>,
        replay_id: Path<Uuid>,
    ) -> Result<Found<ReplayProgress>> {
        let progress = self.replays.get(replay_id.0);
        progress.map(Found::of).ok_or_else(|| ApiError::not_found("replay"))
    }
}

impl From<Status> for ViewsStatus {
    fn from(status: Status) -> Self {
        let lag = status.lag();
        let Status { generation, checkpoint, head, failures, alarm, differs: _ } = status;
        let failed = |name: &str| failures.iter().filter(|it| it.projection == name).count() as u64;
        let projections = checkpoint.versions.iter().map(|(name, version)| ProjectionStatus {
            name: name.clone(),
            version: *version,
            failures: failed(name),
        });
        Self {
            generation,
            position: checkpoint.position,
            head,
            lag,
            chain: checkpoint.chain.to_string(),
            alarm,
            projections: projections.collect(),
        }
    }
}
