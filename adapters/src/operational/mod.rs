//! The operational store: checkpoints, counters, leases, idempotency keys, tickets, snapshots.

mod checkpoints;
mod counters;
mod idempotency;
mod key_uses;
mod leases;
mod snapshots;
mod tickets;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use commands::CommandError;
use commands::ports::Vault;
use migrations::migrate;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait as _,
    QueryFilter as _, Set, Statement, Value,
};

/// The name under which the generation of views is kept.
const VIEWS: &str = "views";

/// See the module.
///
/// Whether a lease, a key or a ticket has run out is decided by the clock of the database (for
/// SQLite that is the one machine all its users share), never by that of the process that asks:
/// processes with wrong clocks agree all the same.
pub struct OperationalStore {
    db: DatabaseConnection,
    vault: Arc<dyn Vault>,
}

mod generations {
    //! Which set of views is the live one.

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "operational_generations")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub live: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl OperationalStore {
    /// Opens a store, or lays out an empty one. What people sent or got is sealed by the vault.
    /// The database should be opened with [`Care::Durable`](crate::Care::Durable).
    pub async fn open(db: DatabaseConnection, vault: Arc<dyn Vault>) -> Result<Self, DbErr> {
        migrate::<migrations::Operational>(&db).await?;
        Ok(Self { db, vault })
    }

    /// The live generation of the views; none before there is one.
    pub async fn live_generation(&self) -> Result<Option<i64>, CommandError> {
        let row = generations::Entity::find_by_id(VIEWS).one(&self.db).await;
        Ok(row.map_err(CommandError::unavailable)?.map(|row| row.live))
    }

    /// Switches to another generation, if the live one is still this.
    pub async fn set_live_generation(
        &self,
        old: Option<i64>,
        new: i64,
    ) -> Result<(), CommandError> {
        use generations::{ActiveModel, Column, Entity};

        let changed = match old {
            None => {
                let row = ActiveModel { name: Set(VIEWS.to_owned()), live: Set(new) };
                let first = OnConflict::new().do_nothing().to_owned();
                Entity::insert(row).on_conflict(first).exec_without_returning(&self.db).await
            }
            Some(old) => {
                let row = ActiveModel { live: Set(new), ..ActiveModel::default() };
                let this = Entity::update_many().set(row).filter(Column::Name.eq(VIEWS));
                let changed = this.filter(Column::Live.eq(old)).exec(&self.db).await;
                changed.map(|it| it.rows_affected)
            }
        };
        match changed.map_err(CommandError::unavailable)? {
            0 => Err(CommandError::Conflict),
            _ => Ok(()),
        }
    }

    /// Deletes idempotency keys and tickets that have run out, and counters that are full again; answers
    /// how many.
    pub async fn sweep(&self) -> Result<u64, CommandError> {
        let now = self.now();
        let mut swept = 0;
        for (table, end) in [
            ("operational_counters", "full_at"),
            ("operational_idempotency_keys", "until"),
            ("operational_tickets", "until"),
        ] {
            let sql = format!("DELETE FROM {table} WHERE {end} <= {now}");
            let deleted = self.db.execute_raw(self.statement(sql, [])).await;
            swept += deleted.map_err(CommandError::unavailable)?.rows_affected();
        }
        Ok(swept)
    }

    /// The time of the database in milliseconds, in its own words.
    fn now(&self) -> &'static str {
        match self.db.get_database_backend() {
            DbBackend::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
            _ => "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)",
        }
    }

    /// What no entity can say in one statement. Both databases understand `$1`.
    fn statement<const N: usize>(&self, sql: impl Into<String>, values: [Value; N]) -> Statement {
        Statement::from_sql_and_values(self.db.get_database_backend(), sql, values)
    }
}

impl fmt::Debug for OperationalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperationalStore(…)")
    }
}

fn milliseconds(lasts: Duration) -> i64 {
    // A thousand years are as good as for ever, and leave room to add.
    const LONGEST: i64 = 1_000 * 366 * 24 * 3_600_000;
    i64::try_from(lasts.as_millis()).unwrap_or(LONGEST).min(LONGEST)
}

/// A number that the database keeps with a sign.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The number again; there are no negative ones.
fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
