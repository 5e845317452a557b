//! Who is signed in.

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

const TABLE: &str = "CREATE TABLE identity_sessions (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL,
    methods TEXT NOT NULL,
    remember BOOLEAN NOT NULL,
    factor BOOLEAN NOT NULL,
    started_at BIGINT NOT NULL,
    refreshed_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    ending TEXT,
    lasts_s BIGINT NOT NULL,
    ip_address TEXT,
    user_agent TEXT
)";
