//! A generation that is being built on a shared database is known to be, as long as its builder lives.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, Statement, TransactionTrait,
};

use super::database;
use super::place::Address;

/// Keeps others from taking a generation for what a crash has left. The database lets go of it when
/// the connection ends, however that happens.
pub(super) struct Building {
    _lock: Option<(DatabaseTransaction, DatabaseConnection)>,
}

impl Address {
    /// Says that this is being built, or cleaned away; none when somebody else says so.
    pub(super) async fn claim(&self) -> Result<Option<Building>, DbErr> {
        let Self::Postgres { url, schema } = self else {
            // One process works with files.
            return Ok(Some(Building { _lock: None }));
        };
        let db = database::postgres(url, "public", 1).await?;
        let transaction = db.begin().await?;
        let lock = "SELECT pg_try_advisory_xact_lock(1885433196, hashtext($1)) AS free";
        let lock = Statement::from_sql_and_values(db.get_database_backend(), lock, [schema.into()]);
        let row = transaction.query_one_raw(lock).await?;
        let free = row.map(|row| row.try_get::<bool>("", "free")).transpose()?.unwrap_or(false);
        Ok(free.then_some(Building { _lock: Some((transaction, db)) }))
    }
}
