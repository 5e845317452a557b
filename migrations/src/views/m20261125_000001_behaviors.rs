//! What behaviors did.

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
    "CREATE TABLE behavior_actions (
        call_id UUID NOT NULL,
        place BIGINT NOT NULL,
        behavior TEXT COLLATE \"C\" NOT NULL,
        revision BIGINT NOT NULL,
        guild_id BIGINT,
        channel_id BIGINT,
        kind TEXT NOT NULL,
        owner TEXT NOT NULL,
        content TEXT,
        due_at BIGINT,
        outcome TEXT,
        outside_id TEXT,
        reason TEXT,
        settled_at BIGINT,
        PRIMARY KEY (call_id, place)
    ) CLUSTERED",
    "CREATE TABLE behavior_calls (
        position BIGINT NOT NULL,
        idx BIGINT NOT NULL,
        id UUID NOT NULL,
        behavior TEXT COLLATE \"C\" NOT NULL,
        revision BIGINT NOT NULL,
        what TEXT NOT NULL,
        event_position BIGINT,
        at BIGINT NOT NULL,
        guild_id BIGINT,
        channel_id BIGINT,
        user_id BIGINT,
        message_id BIGINT,
        interaction_id BIGINT,
        status TEXT NOT NULL,
        hold TEXT,
        line BIGINT,
        owner TEXT,
        reason TEXT,
        operations BIGINT NOT NULL,
        took_us BIGINT NOT NULL,
        actions BIGINT NOT NULL,
        PRIMARY KEY (position, idx)
    ) CLUSTERED",
];
