//! What rehearsals of edits showed.

use sea_orm_migration::prelude::*;

use super::dialect;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for sql in TABLES {
            let sql = dialect(manager.get_database_backend(), sql);
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }
}

const TABLES: &[&str] = &["CREATE TABLE self_editing_rehearsals (
        id UUID PRIMARY KEY,
        edit_id UUID NOT NULL,
        content_hash TEXT NOT NULL,
        by_kind TEXT NOT NULL,
        by_id TEXT NOT NULL,
        revision BIGINT NOT NULL,
        status TEXT NOT NULL,
        failure TEXT,
        figures TEXT,
        started_at BIGINT NOT NULL,
        ended_at BIGINT
    )"];
