//! How many rows of a list count as what.

use sea_orm_migration::prelude::*;

use super::dialect;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = dialect(manager.get_database_backend(), TABLE);
        manager.get_connection().execute_unprepared(&sql).await.map(|_| ())
    }
}

const TABLE: &str = "CREATE TABLE tallies (
    list TEXT COLLATE \"C\" NOT NULL,
    word TEXT COLLATE \"C\" NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (list, word)
) CLUSTERED";
