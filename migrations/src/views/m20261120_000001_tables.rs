//! The first tables of the read models.
//!
//! Times are milliseconds since 1970. Texts that are keys compare by their bytes, so that both
//! databases agree on their order.

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
    "CREATE TABLE analytics_commands (
        id BIGINT PRIMARY KEY,
        server_id BIGINT,
        channel_id BIGINT NOT NULL,
        user_id BIGINT NOT NULL,
        command TEXT NOT NULL,
        args TEXT,
        success BOOLEAN,
        error_message TEXT,
        occurred_at BIGINT NOT NULL,
        execution_ms BIGINT
    )",
    "CREATE TABLE analytics_days (
        day BIGINT PRIMARY KEY,
        commands BIGINT NOT NULL,
        messages BIGINT NOT NULL
    )",
    "CREATE TABLE analytics_samples (
        minute BIGINT NOT NULL,
        process_id UUID NOT NULL,
        requests BIGINT NOT NULL,
        errors BIGINT NOT NULL,
        response_ms DOUBLE PRECISION NOT NULL,
        memory_mb DOUBLE PRECISION NOT NULL,
        cpu_percent DOUBLE PRECISION NOT NULL,
        connections BIGINT NOT NULL,
        PRIMARY KEY (minute, process_id)
    ) CLUSTERED",
    "CREATE TABLE analytics_users (
        person TEXT COLLATE \"C\" NOT NULL PRIMARY KEY,
        first_at BIGINT NOT NULL,
        last_at BIGINT NOT NULL
    ) CLUSTERED",
    "CREATE TABLE audit_entries (
        position BIGINT NOT NULL,
        idx BIGINT NOT NULL,
        recorded_at BIGINT NOT NULL,
        action TEXT COLLATE \"C\" NOT NULL,
        actor_kind TEXT NOT NULL,
        actor_id TEXT COLLATE \"C\" NOT NULL,
        target_id TEXT COLLATE \"C\" NOT NULL,
        server_id BIGINT,
        PRIMARY KEY (position, idx)
    ) CLUSTERED",
    "CREATE TABLE conversation_messages (
        position BIGINT NOT NULL,
        idx BIGINT NOT NULL,
        id UUID NOT NULL,
        conversation_id TEXT COLLATE \"C\" NOT NULL,
        reply_to UUID,
        role TEXT NOT NULL,
        owner TEXT COLLATE \"C\" NOT NULL,
        content TEXT NOT NULL,
        length BIGINT NOT NULL,
        provider TEXT,
        model TEXT,
        tokens BIGINT,
        processing_ms BIGINT,
        occurred_at BIGINT NOT NULL,
        PRIMARY KEY (position, idx)
    ) CLUSTERED",
    "CREATE TABLE conversations (
        id TEXT COLLATE \"C\" NOT NULL PRIMARY KEY,
        user_id TEXT COLLATE \"C\" NOT NULL,
        channel_id TEXT COLLATE \"C\" NOT NULL,
        guild_id TEXT COLLATE \"C\",
        status TEXT NOT NULL,
        session BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        opened_at BIGINT NOT NULL,
        last_active_at BIGINT NOT NULL,
        ended_at BIGINT,
        end_reason TEXT,
        duration_s BIGINT,
        message_count BIGINT NOT NULL,
        session_message_count BIGINT NOT NULL
    ) CLUSTERED",
    "CREATE TABLE discord_channels (
        id BIGINT PRIMARY KEY,
        guild_id BIGINT,
        name TEXT,
        kind TEXT,
        deleted BOOLEAN NOT NULL,
        message_count BIGINT NOT NULL,
        last_message_at BIGINT
    )",
    "CREATE TABLE discord_guilds (
        id BIGINT PRIMARY KEY,
        name TEXT NOT NULL,
        member_count BIGINT NOT NULL,
        present BOOLEAN NOT NULL,
        observed_at BIGINT NOT NULL
    )",
    "CREATE TABLE discord_members (
        guild_id BIGINT NOT NULL,
        user_id BIGINT NOT NULL,
        name TEXT,
        roles TEXT NOT NULL,
        joined_at BIGINT,
        left_at BIGINT,
        PRIMARY KEY (guild_id, user_id)
    ) CLUSTERED",
    "CREATE TABLE discord_messages (
        id BIGINT PRIMARY KEY,
        channel_id BIGINT NOT NULL,
        guild_id BIGINT,
        author_id BIGINT NOT NULL,
        author_name TEXT,
        bot BOOLEAN NOT NULL,
        content TEXT NOT NULL,
        length BIGINT NOT NULL,
        reply_to BIGINT,
        attachments TEXT,
        to_bot BOOLEAN NOT NULL,
        sent_at BIGINT NOT NULL,
        edited_at BIGINT,
        deleted_at BIGINT,
        reactions BIGINT NOT NULL
    )",
    "CREATE TABLE identity_api_keys (
        id UUID NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        permissions TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        created_by_kind TEXT NOT NULL,
        created_by_id TEXT NOT NULL,
        expires_at BIGINT,
        revoked_at BIGINT
    ) CLUSTERED",
    "CREATE TABLE integrations_installations (
        id TEXT COLLATE \"C\" NOT NULL PRIMARY KEY,
        uuid UUID NOT NULL,
        tenant_id TEXT COLLATE \"C\" NOT NULL,
        project_id TEXT COLLATE \"C\" NOT NULL,
        status TEXT NOT NULL,
        guild_id TEXT,
        guild_name TEXT,
        scope TEXT,
        installed_by_kind TEXT,
        installed_by_id TEXT,
        failure TEXT,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        installed_at BIGINT
    ) CLUSTERED",
    "CREATE TABLE lifecycle_bots (
        id TEXT COLLATE \"C\" NOT NULL PRIMARY KEY,
        online BOOLEAN NOT NULL,
        wanted TEXT NOT NULL,
        account TEXT,
        guilds BIGINT NOT NULL,
        connected_at BIGINT,
        disconnected_at BIGINT,
        disconnect_reason TEXT,
        restarts BIGINT NOT NULL
    ) CLUSTERED",
    "CREATE TABLE lifecycle_processes (
        id UUID NOT NULL PRIMARY KEY,
        version TEXT NOT NULL,
        environment TEXT NOT NULL,
        roles TEXT NOT NULL,
        started_at BIGINT NOT NULL,
        last_sample_at BIGINT,
        stopped_at BIGINT,
        stop_reason TEXT
    ) CLUSTERED",
    "CREATE TABLE self_editing_blobs (
        id TEXT COLLATE \"C\" NOT NULL,
        part BIGINT NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (id, part)
    ) CLUSTERED",
    "CREATE TABLE self_editing_decisions (
        position BIGINT NOT NULL,
        idx BIGINT NOT NULL,
        edit_id UUID NOT NULL,
        decision TEXT NOT NULL,
        by_kind TEXT NOT NULL,
        by_id TEXT NOT NULL,
        alone BOOLEAN NOT NULL,
        owner TEXT COLLATE \"C\",
        comment TEXT,
        decided_at BIGINT NOT NULL,
        PRIMARY KEY (position, idx)
    ) CLUSTERED",
    "CREATE TABLE self_editing_edits (
        id UUID NOT NULL PRIMARY KEY,
        scope TEXT NOT NULL,
        kind TEXT NOT NULL,
        status TEXT NOT NULL,
        owner TEXT COLLATE \"C\" NOT NULL,
        description TEXT NOT NULL,
        author_kind TEXT NOT NULL,
        author_id TEXT NOT NULL,
        base_revision BIGINT NOT NULL,
        content_hash TEXT NOT NULL,
        changes TEXT NOT NULL,
        files_modified BIGINT NOT NULL,
        checks TEXT,
        failure TEXT,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        revision BIGINT,
        applied_at BIGINT,
        applied_position BIGINT,
        rolled_back_at BIGINT,
        rolled_back_by UUID
    ) CLUSTERED",
    "CREATE TABLE self_editing_files (
        path TEXT COLLATE \"C\" NOT NULL,
        revision BIGINT NOT NULL,
        content TEXT,
        blob TEXT,
        PRIMARY KEY (path, revision)
    ) CLUSTERED",
    "CREATE TABLE self_editing_revisions (
        revision BIGINT PRIMARY KEY,
        kind TEXT NOT NULL,
        edit_id UUID NOT NULL,
        rolls_back UUID,
        by_kind TEXT NOT NULL,
        by_id TEXT NOT NULL,
        position BIGINT NOT NULL,
        recorded_at BIGINT NOT NULL
    )",
    // What the projector itself keeps.
    "CREATE TABLE checkpoints (
        name TEXT NOT NULL PRIMARY KEY,
        position BIGINT NOT NULL,
        chain_before TEXT NOT NULL,
        chain TEXT NOT NULL,
        events BIGINT NOT NULL,
        versions TEXT NOT NULL,
        stage TEXT NOT NULL,
        until TEXT
    )",
    "CREATE TABLE failures (
        position BIGINT NOT NULL,
        idx BIGINT NOT NULL,
        projection TEXT NOT NULL,
        event TEXT NOT NULL,
        error TEXT NOT NULL,
        PRIMARY KEY (position, idx, projection)
    )",
    "CREATE TABLE projector_leases (
        name TEXT NOT NULL PRIMARY KEY,
        token BIGINT NOT NULL
    )",
];
