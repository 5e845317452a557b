//! Some commits on their way into the views: rows and checkpoint move in one transaction.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::Arc;

use domain::kernel::{ChainHash, Event, Recorded};
use sea_orm::{ConnectionTrait, DbErr, RuntimeErr, sqlx};
use tokio::task::JoinSet;

use super::projector::{Projector, news};
use super::{Checkpoint, Failure, Projection, Tx};

/// How many projections are at work at once.
const AT_ONCE: usize = 8;

/// So many events are worth more than one core.
const MANY: usize = 256;

/// Whole commits, in order.
pub(super) struct Batch {
    pub(super) events: Arc<Vec<Recorded>>,
    /// The last commit.
    pub(super) position: u64,
    /// The chain's value before and after it.
    pub(super) before: ChainHash,
    pub(super) chain: ChainHash,
}

/// What becomes of a row that the database refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The whole build fails.
    Fails,
    /// Its event is set aside with the error, for this view only, and the rest goes on.
    SetsAside,
}

/// Why a batch is not in the views.
pub(super) enum WriteError {
    /// The database does not answer; later it may.
    Away(DbErr),
    /// Somebody with a newer lease writes here.
    Fenced,
    /// The views are not where the batch was to go on: somebody else projects them as well.
    Moved,
    /// Trying again will not help.
    Views(DbErr),
}

impl From<DbErr> for WriteError {
    fn from(error: DbErr) -> Self {
        if refused(&error) { Self::Views(error) } else { Self::Away(error) }
    }
}

impl Batch {
    /// Writes it. Commits that are in the views already are passed over.
    pub(super) async fn write(
        &self,
        projector: &Projector,
        at: &Checkpoint,
    ) -> Result<Checkpoint, WriteError> {
        if self.position <= at.position {
            return Ok(at.clone());
        }
        match self.attempt(projector, at, false).await {
            Err(WriteError::Views(error)) if projector.refusal == Refusal::SetsAside => {
                let error = error.to_string();
                tracing::warn!(error, to = self.position, "looking for a row that is refused");
                self.attempt(projector, at, true).await
            }
            done => done,
        }
    }

    /// One transaction; `bisect` makes every projection look for events it cannot take in.
    async fn attempt(
        &self,
        projector: &Projector,
        at: &Checkpoint,
        bisect: bool,
    ) -> Result<Checkpoint, WriteError> {
        let tx = Arc::new(Tx::begin(&projector.db).await?);
        if !projector.fence.holds(&*tx).await? {
            return Err(WriteError::Fenced);
        }
        if !at.claim(&*tx).await? {
            return Err(WriteError::Moved);
        }
        let news = news(&self.events, at.position);
        for run in runs(&self.events, self.events.len() - news.len()) {
            let events = &self.events[run.clone()];
            if bisect {
                for projection in &*projector.projections {
                    bisected(&**projection, events, &tx).await?;
                }
            } else {
                self.project(projector, run, &tx).await?;
            }
            if let Some(Event::Person(person, _)) = events.last().map(|it| &it.event) {
                for projection in &*projector.projections {
                    projection.forget(person, &tx).await?;
                }
            }
        }
        let checkpoint = Checkpoint {
            position: self.position,
            before: self.before,
            chain: self.chain,
            events: at.events + news.len() as u64,
            ..at.clone()
        };
        checkpoint.write(&*tx).await?;
        // Every task that had a part of it has ended.
        let tx = Arc::into_inner(tx).ok_or_else(|| DbErr::Custom("a projection goes on".into()))?;
        tx.commit().await?;
        Ok(checkpoint)
    }

    /// Lets every projection take in these events. Where they are many, on all cores: while the
    /// rows of one are written, those of others are folded.
    async fn project(
        &self,
        projector: &Projector,
        run: Range<usize>,
        tx: &Arc<Tx>,
    ) -> Result<(), DbErr> {
        if run.len() < MANY {
            for projection in &*projector.projections {
                projection.project(&self.events[run.clone()], tx).await?;
            }
            return Ok(());
        }
        let mut waiting = 0..projector.projections.len();
        let mut at_work = JoinSet::new();
        loop {
            while at_work.len() < AT_ONCE
                && let Some(next) = waiting.next()
            {
                let (projections, events) = (projector.projections.clone(), self.events.clone());
                let (tx, run) = (tx.clone(), run.clone());
                at_work.spawn(async move { projections[next].project(&events[run], &tx).await });
            }
            match at_work.join_next().await {
                None => return Ok(()),
                Some(Ok(Ok(()))) => {}
                Some(ended) => {
                    // The transaction is over when nobody works in it any more.
                    at_work.shutdown().await;
                    // A panic stays one: to try again would not help.
                    return ended.unwrap_or_else(|error| resume_unwind(error.into_panic()));
                }
            }
        }
    }
}

/// The events from one place on, up to each erasure, which sees the rows that they made.
fn runs(events: &[Recorded], from: usize) -> impl Iterator<Item = Range<usize>> {
    let mut begin = from;
    let parts = events[from..].split_inclusive(|it| matches!(it.event, Event::Person(..)));
    parts.map(move |part| {
        let run = begin..begin + part.len();
        begin = run.end;
        run
    })
}

/// Projects what can be projected, and sets aside the events whose rows are refused.
async fn bisected(projection: &dyn Projection, events: &[Recorded], tx: &Tx) -> Result<(), DbErr> {
    let mut parts = vec![events];
    while let Some(part) = parts.pop() {
        tx.execute_unprepared("SAVEPOINT part").await?;
        let error = match projection.project(part, tx).await {
            Ok(()) => {
                tx.execute_unprepared("RELEASE SAVEPOINT part").await?;
                continue;
            }
            Err(error) if refused(&error) => error,
            Err(error) => return Err(error),
        };
        tx.execute_unprepared("ROLLBACK TO SAVEPOINT part").await?;
        tx.execute_unprepared("RELEASE SAVEPOINT part").await?;
        if let [recorded] = part {
            set_aside(projection, recorded, &error, tx).await?;
        } else {
            let (first, second) = part.split_at(part.len() / 2);
            parts.extend([second, first]);
        }
    }
    Ok(())
}

async fn set_aside(
    projection: &dyn Projection,
    recorded: &Recorded,
    error: &DbErr,
    tx: &Tx,
) -> Result<(), DbErr> {
    let failure = Failure {
        position: recorded.position.cast_signed(),
        idx: recorded.index.into(),
        projection: projection.name().to_owned(),
        event: recorded.event.type_name(),
        error: error.to_string(),
    };
    tracing::error!(
        position = recorded.position,
        index = recorded.index,
        projection = failure.projection,
        error = failure.error,
        "an event is set aside"
    );
    failure.write(tx).await
}

/// Whether it is the row that is at fault, and not the database.
fn refused(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) =
        error
    else {
        return matches!(error, DbErr::Type(_));
    };
    let sqlx::Error::Database(error) = &**error else {
        return matches!(**error, sqlx::Error::Encode(_));
    };
    let code = error.code().unwrap_or_default();
    if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        // Data exceptions, broken constraints, and what is too large.
        return ["22", "23", "54"].iter().any(|class| code.starts_with(class));
    }
    // Too big, a broken constraint, the wrong kind of value.
    code.parse::<i32>().is_ok_and(|code| [18, 19, 20].contains(&(code & 0xff)))
}
