//! What takes the effects of behaviors back, and who decided that.

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

const TABLES: &[&str] = &[
    "ALTER TABLE behavior_actions ADD COLUMN private BOOLEAN NOT NULL DEFAULT FALSE",
    "ALTER TABLE behavior_actions ADD COLUMN undo TEXT",
    "CREATE TABLE self_editing_compensation_steps (
        compensation_id UUID NOT NULL,
        step BIGINT NOT NULL,
        behavior TEXT COLLATE \"C\" NOT NULL,
        call_id UUID NOT NULL,
        action BIGINT NOT NULL,
        undo TEXT NOT NULL,
        outcome TEXT,
        reason TEXT,
        settled_at BIGINT,
        PRIMARY KEY (compensation_id, step)
    ) CLUSTERED",
    "CREATE TABLE self_editing_compensations (
        id UUID PRIMARY KEY,
        edit_id UUID NOT NULL,
        status TEXT NOT NULL,
        by_kind TEXT NOT NULL,
        by_id TEXT NOT NULL,
        owner TEXT NOT NULL,
        reason TEXT NOT NULL,
        steps BIGINT NOT NULL,
        delivered BIGINT NOT NULL,
        failed BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        decided_by_kind TEXT,
        decided_by_id TEXT,
        alone BOOLEAN NOT NULL,
        word_owner TEXT,
        word TEXT,
        decided_at BIGINT,
        ended_at BIGINT
    )",
];
