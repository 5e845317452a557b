//! Tables, and nothing else: events are never rewritten.

mod operational;
mod vault;
mod views;

use sea_orm_migration::sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait as _,
};

pub use operational::Operational;
pub use sea_orm_migration::MigratorTrait;
pub use vault::Vault;
pub use views::{Views, build_indexes};

/// Brings the tables of one store up to date, all or nothing. Processes that start at once wait
/// for each other.
pub async fn migrate<M: MigratorTrait>(db: &DatabaseConnection) -> Result<(), DbErr> {
    let transaction = begin_alone(db).await?;
    M::up(&transaction, None).await?;
    transaction.commit().await
}

/// A transaction beside which no other of these goes on: whoever comes meanwhile waits.
pub async fn begin_alone(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = db.begin_with_options(options).await?;
    if transaction.get_database_backend() == DbBackend::Postgres {
        // Any number will do, as long as nothing else in this database takes the same lock.
        transaction.execute_unprepared("SELECT pg_advisory_xact_lock(7021384495612348)").await?;
    }
    Ok(transaction)
}
