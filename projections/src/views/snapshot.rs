//! One generation as it is at one moment, while its projector goes on.

use sea_orm::{
    AccessMode, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel,
    TransactionTrait,
};

use super::Checkpoint;

/// What is read through it does not change.
pub struct Snapshot {
    tx: DatabaseTransaction,
    position: u64,
}

impl Snapshot {
    pub async fn of(db: &DatabaseConnection) -> Result<Self, DbErr> {
        let tx = if db.get_database_backend() == DbBackend::Sqlite {
            db.begin().await?
        } else {
            let level = Some(IsolationLevel::RepeatableRead);
            db.begin_with_config(level, Some(AccessMode::ReadOnly)).await?
        };
        // The first read fixes the moment.
        let position = Checkpoint::read(&tx).await?.position;
        Ok(Self { tx, position })
    }

    /// The commit up to which it holds everything.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// For questions about it.
    pub fn connection(&self) -> &DatabaseTransaction {
        &self.tx
    }
}
