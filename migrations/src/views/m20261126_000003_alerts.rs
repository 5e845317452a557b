//! What should be looked at.

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

const TABLE: &str = "CREATE TABLE identity_alerts (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    kind TEXT COLLATE \"C\" NOT NULL,
    user_id UUID,
    owner TEXT NOT NULL,
    details TEXT NOT NULL,
    raised_at BIGINT NOT NULL,
    mailed TEXT,
    acknowledged_at BIGINT,
    acknowledged_by_kind TEXT,
    acknowledged_by_id TEXT
)";
