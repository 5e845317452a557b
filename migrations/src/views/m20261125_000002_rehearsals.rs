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

const TABLES: &[&str] = &[
    "CREATE TABLE self_editing_rehearsal_errors (
        rehearsal_id UUID NOT NULL,
        place BIGINT NOT NULL,
        behavior TEXT COLLATE \"C\" NOT NULL,
        line BIGINT,
        owner TEXT NOT NULL,
        reason TEXT NOT NULL,
        before BIGINT NOT NULL,
        after BIGINT NOT NULL,
        PRIMARY KEY (rehearsal_id, place)
    ) CLUSTERED",
    "CREATE TABLE self_editing_rehearsal_examples (
        rehearsal_id UUID NOT NULL,
        place BIGINT NOT NULL,
        behavior TEXT COLLATE \"C\" NOT NULL,
        event_position BIGINT NOT NULL,
        event_idx BIGINT NOT NULL,
        what TEXT NOT NULL,
        channel_id BIGINT,
        owner TEXT NOT NULL,
        said TEXT NOT NULL,
        before TEXT,
        after TEXT,
        PRIMARY KEY (rehearsal_id, place)
    ) CLUSTERED",
    "CREATE TABLE self_editing_rehearsals (
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
    )",
];
