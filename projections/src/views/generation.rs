//! One complete set of views, all at one position.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::kernel::Journal;
use migrations::{Views, build_indexes, migrate};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait};
use tokio::sync::watch;

use super::batch::Refusal;
use super::database::{self, Purpose};
use super::place::Address;
use super::projector::Projector;
use super::{Checkpoint, Fence, Projection, Standing};

/// How often a process that does not project itself looks whether another one has.
const LOOK: Duration = Duration::from_millis(5);

/// A request reads one of these from its beginning to its end.
pub struct Generation {
    number: u64,
    address: Address,
    db: DatabaseConnection,
    standing: watch::Sender<Standing>,
    /// Whether this process projects it.
    pub(super) here: watch::Sender<bool>,
}

impl Generation {
    /// Opens what is there.
    pub(super) async fn open(number: u64, address: Address) -> Result<Self, DbErr> {
        let db = database::open(&address, Purpose::Read).await?;
        let Checkpoint { position, events, .. } = Checkpoint::read(&db).await?;
        let standing = watch::Sender::new(Standing { position, events, ..Standing::default() });
        Ok(Self { number, address, db, standing, here: watch::Sender::new(false) })
    }

    /// Its number among the generations of its place.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// For questions.
    pub fn db(&self) -> &DatabaseConnection {
        &self.db
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Where its projector stands, as far as this process knows.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// What stands beside the rows.
    pub async fn checkpoint(&self) -> Result<Checkpoint, DbErr> {
        Checkpoint::read(&self.db).await
    }

    /// Returns once the views have reached a position.
    pub(super) async fn reach(&self, position: u64) -> Result<(), DbErr> {
        let mut standing = self.standing.subscribe();
        let mut here = self.here.subscribe();
        while standing.borrow_and_update().position < position {
            if *here.borrow_and_update() {
                tokio::select! {
                    // The senders live as long as this does.
                    _ = standing.changed() => {}
                    _ = here.changed() => {}
                }
                continue;
            }
            let found = self.checkpoint().await?;
            if found.position >= position {
                let Checkpoint { position, events, .. } = found;
                self.standing.send_replace(Standing { position, events, ..Standing::default() });
            } else {
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// The writer of this generation.
    pub(super) async fn projector(
        &self,
        journal: Journal,
        projections: Arc<[Box<dyn Projection>]>,
        fence: Fence,
        refusal: Refusal,
    ) -> Result<Projector, DbErr> {
        let db = database::open(&self.address, Purpose::Write).await?;
        let standing = self.standing.clone();
        self.here.send_replace(true);
        Ok(Projector { journal, db, projections, fence, refusal, standing })
    }

    /// This process projects it no longer.
    pub(super) fn released(&self) {
        self.here.send_replace(false);
    }

    /// How many rows each table holds.
    pub async fn rows(&self) -> Result<BTreeMap<&'static str, u64>, DbErr> {
        let mut rows = BTreeMap::new();
        for projection in crate::all() {
            let table = projection.name();
            let count = format!("SELECT COUNT(*) AS rows FROM {table}");
            let count = Statement::from_string(self.db.get_database_backend(), count);
            let found = self.db.query_one_raw(count).await?;
            let found = found.map(|row| row.try_get::<i64>("", "rows")).transpose()?;
            rows.insert(table, found.unwrap_or(0).cast_unsigned());
        }
        Ok(rows)
    }
}

/// What each projection of this program calls its version.
pub(super) fn versions(projections: &[Box<dyn Projection>]) -> BTreeMap<String, u32> {
    projections.iter().map(|it| (it.name().to_owned(), it.version())).collect()
}

/// Makes the tables of a new generation.
pub(super) async fn lay_tables(
    db: &DatabaseConnection,
    projections: &[Box<dyn Projection>],
) -> Result<(), DbErr> {
    migrate::<Views>(db).await?;
    Checkpoint::new(versions(projections)).write(db).await
}

/// Brings the tables and indexes of a finished generation up to date.
pub(super) async fn bring_up_to_date(address: &Address) -> Result<(), DbErr> {
    let db = database::open(address, Purpose::Write).await?;
    migrate::<Views>(&db).await?;
    let tx = db.begin().await?;
    if tx.get_database_backend() == DbBackend::Postgres {
        // Processes that start at once build one after the other.
        tx.execute_unprepared("SELECT pg_advisory_xact_lock(7021384495612349)").await?;
    }
    build_indexes(&tx, true).await?;
    tx.commit().await?;
    db.close().await
}
