//! Builds a generation from the log, beside whatever is read meanwhile.

use std::future::pending;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::kernel::Journal;
use migrations::build_indexes;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use tokio::sync::watch;

use super::batch::Refusal;
use super::database::{self, Purpose};
use super::generation::lay_tables;
use super::place::{Address, BadAddress};
use super::projector::Projector;
use super::reader::Goal;
use super::{Alarm, Checkpoint, Fence, Generation, Projection, Stage, Standing};

/// What a build is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::AsRefStr, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Step {
    Projecting,
    Indexing,
    CatchingUp,
    Comparing,
    Switching,
    Done,
}

/// How far a build has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    pub step: Step,
    pub position: u64,
    /// Where it ends, as far as known.
    pub head: u64,
    pub events: u64,
    /// Since the build began.
    pub events_per_second: f64,
}

/// Hears how far a build has come; called often.
pub type Tell<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// The moment whose state is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    Position(u64),
    /// Everything before the first commit recorded later.
    Time(DateTime<Utc>),
}

impl std::fmt::Display for Until {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Position(position) => write!(f, "{position}"),
            Self::Time(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true)),
        }
    }
}

/// Why there is no new generation.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Address(#[from] BadAddress),
    #[error(transparent)]
    Alarm(#[from] Alarm),
    #[error(
        "the live views stand at commit {at} and come no nearer to commit {position}, where they \
         would be compared; see why they stand still, or replay without --check"
    )]
    Behind { at: u64, position: u64 },
    #[error(
        "there are no live views of this program's version to compare with; replay without --check"
    )]
    Incomparable,
    #[error("another process switched to another generation meanwhile")]
    Overtaken,
    #[error("these views are the state of one moment and are only read")]
    ReadOnly,
    #[error("there is a database already: {0}")]
    Taken(String),
    #[error("{0} holds {1} already; the state of a moment needs a database of its own")]
    Shared(String, &'static str),
    #[error("the live generation is not known: {0}")]
    Pointer(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the views cannot be written: {0}")]
    Views(#[from] DbErr),
}

/// Fills a new database from the log. Dropped, it leaves a database that says it is unfinished.
pub(super) struct Build<'a> {
    pub(super) journal: &'a Journal,
    pub(super) projections: Arc<[Box<dyn Projection>]>,
    pub(super) tell: Tell<'a>,
    pub(super) started: Instant,
    /// Whether messages can be searched afterwards.
    pub(super) search: bool,
}

impl Build<'_> {
    /// Everything up to a moment, indexes included; then the database says what it is.
    pub(super) async fn fill(
        &self,
        address: &Address,
        until: Option<Until>,
        stage: Stage,
    ) -> Result<(), BuildError> {
        address.clear().await?;
        let db = database::open(address, Purpose::Build).await?;
        lay_tables(&db, &self.projections).await?;

        let head = self.journal.log().head().await.map_err(Alarm::from)?;
        let goal = match until {
            Some(Until::Position(position)) => Goal::Position(position.min(head)),
            Some(Until::Time(time)) => Goal::Before(time, head),
            None => Goal::Position(head),
        };
        let standing = watch::Sender::new(Standing::default());
        let projector = Projector {
            journal: self.journal.clone(),
            db: db.clone(),
            projections: Arc::clone(&self.projections),
            fence: Fence::Alone,
            refusal: Refusal::Fails,
            standing: standing.clone(),
        };
        let end = match goal {
            Goal::Position(position) => position,
            Goal::Before(..) | Goal::Forever => head,
        };
        self.say(Step::Projecting, &Checkpoint::read(&db).await?, end);
        self.watched(Step::Projecting, end, &standing, projector.run(goal, pending())).await?;

        let reached = Checkpoint::read(&db).await?;
        self.say(Step::Indexing, &reached, end);
        build_indexes(&db, self.search).await?;
        if until.is_none() {
            // What came while the indexes were built.
            let head = self.journal.log().head().await.map_err(Alarm::from)?;
            self.say(Step::CatchingUp, &reached, head);
            let run = projector.run(Goal::Position(head), pending());
            self.watched(Step::CatchingUp, head, &standing, run).await?;
        }
        let until = until.map(|until| until.to_string());
        let built = Checkpoint::read(&db).await?;
        let is_sqlite = db.get_database_backend() == DbBackend::Sqlite;
        if is_sqlite {
            // Nothing was on disk for sure until here; it is before the database calls itself whole.
            db.execute_unprepared("PRAGMA synchronous = FULL").await?;
            built.write(&db).await?;
        }
        Checkpoint { stage, until, ..built }.write(&db).await?;
        if stage == Stage::Complete && is_sqlite {
            // It stays so in the file, for those who read while another one writes.
            db.execute_unprepared("PRAGMA journal_mode = WAL").await?;
        }
        drop(projector);
        db.close().await?;
        address.sync().await?;
        Ok(())
    }

    /// Tells how far a projector has come while it runs.
    async fn watched(
        &self,
        step: Step,
        head: u64,
        standing: &watch::Sender<Standing>,
        run: impl Future<Output = Result<(), Alarm>>,
    ) -> Result<(), Alarm> {
        let mut standing = standing.subscribe();
        let mut run = std::pin::pin!(run);
        loop {
            tokio::select! {
                ended = &mut run => return ended,
                _ = standing.changed() => {
                    let Standing { position, events, .. } = *standing.borrow_and_update();
                    self.tell(step, position, head, events);
                }
            }
        }
    }

    pub(super) fn say(&self, step: Step, at: &Checkpoint, head: u64) {
        self.tell(step, at.position, head, at.events);
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate is told with three digits")]
    fn tell(&self, step: Step, position: u64, head: u64, events: u64) {
        let seconds = self.started.elapsed().as_secs_f64().max(1e-6);
        let events_per_second = events as f64 / seconds;
        (self.tell)(Progress { step, position, head, events, events_per_second });
    }
}

/// Builds the state of a moment into a database of its own, to be served read-only; an unfinished
/// one is replaced.
pub async fn build_into(
    journal: &Journal,
    database: &str,
    until: Until,
    tell: Tell<'_>,
) -> Result<Checkpoint, BuildError> {
    let address = Address::parse(database)?;
    if let Some(other) = address.shared_with().await? {
        return Err(BuildError::Shared(address.to_string(), other));
    }
    if address.exists().await? {
        let found = Generation::open(0, address.clone()).await;
        let unfinished = match found {
            Ok(found) => found.checkpoint().await.is_ok_and(|it| it.stage == Stage::Building),
            Err(_) => false,
        };
        if !unfinished {
            return Err(BuildError::Taken(address.to_string()));
        }
    }
    let build = Build {
        journal,
        projections: crate::all().into(),
        tell,
        started: Instant::now(),
        search: true,
    };
    build.fill(&address, Some(until), Stage::Snapshot).await?;
    let built = Generation::open(0, address).await?.checkpoint().await?;
    build.say(Step::Done, &built, built.position);
    Ok(built)
}

/// Builds all views into a file, as fast as it goes, and leaves them there: for measuring.
pub async fn build_for_measure(
    journal: &Journal,
    address: &Address,
    search: bool,
    tell: Tell<'_>,
) -> Result<(), BuildError> {
    let projections = crate::all().into();
    let build = Build { journal, projections, tell, started: Instant::now(), search };
    build.fill(address, None, Stage::Complete).await
}

/// Whether a database holds the state of a moment and is only to be read.
pub async fn is_snapshot(database: &str) -> bool {
    let Ok(address) = Address::parse(database) else { return false };
    if let Address::Sqlite(file) = &address
        && !Path::new(file).is_file()
    {
        return false;
    }
    let Ok(found) = Generation::open(0, address).await else { return false };
    found.checkpoint().await.is_ok_and(|it| it.stage == Stage::Snapshot)
}
