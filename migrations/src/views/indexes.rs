//! Everything that makes questions fast and writing slow, built once the rows are there.

use sea_orm_migration::prelude::DbErr;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

/// Builds what is missing; a generation that has them all is left as it is.
///
/// `search` says whether the full-text index is wanted too: it can be measured apart.
pub async fn build(db: &impl ConnectionTrait, search: bool) -> Result<(), DbErr> {
    for (table, name, columns) in INDEXES {
        let sql = format!("CREATE INDEX IF NOT EXISTS {table}_{name} ON {table} ({columns})");
        db.execute_unprepared(&sql).await?;
    }
    if !search {
        return Ok(());
    }
    match db.get_database_backend() {
        DbBackend::Sqlite => build_fts5(db).await,
        _ => db.execute_unprepared(GIN).await.map(|_| ()),
    }
}

/// Table, what the index is for, columns. A question that filters finds its filter here.
const INDEXES: &[(&str, &str, &str)] = &[
    ("analytics_commands", "by_command", "command, occurred_at"),
    ("analytics_commands", "by_server", "server_id, occurred_at"),
    ("analytics_commands", "by_time", "occurred_at"),
    ("analytics_commands", "by_user", "user_id, occurred_at"),
    ("analytics_users", "by_first", "first_at"),
    ("analytics_users", "by_last", "last_at"),
    ("audit_entries", "by_action", "action, position, idx"),
    ("audit_entries", "by_actor", "actor_id, position, idx"),
    ("audit_entries", "by_target", "target_id, position, idx"),
    ("audit_entries", "by_time", "recorded_at"),
    ("behavior_actions", "by_behavior", "behavior, revision"),
    ("behavior_actions", "by_due", "due_at"),
    ("behavior_actions", "by_outside", "outside_id"),
    ("behavior_actions", "by_owner", "owner"),
    ("behavior_actions", "by_revision", "revision"),
    ("behavior_calls", "by_behavior", "behavior, position, idx"),
    ("behavior_calls", "by_id", "id"),
    ("behavior_calls", "by_interaction", "interaction_id"),
    ("behavior_calls", "by_message", "message_id"),
    ("behavior_calls", "by_owner", "owner"),
    ("behavior_calls", "by_revision", "revision, position"),
    ("conversation_messages", "by_conversation", "conversation_id, position, idx"),
    ("conversation_messages", "by_id", "id"),
    ("conversation_messages", "by_owner", "owner"),
    ("conversation_messages", "by_reply", "reply_to"),
    ("conversations", "by_channel", "channel_id, last_active_at"),
    ("conversations", "by_guild", "guild_id, last_active_at"),
    ("conversations", "by_status", "status, last_active_at"),
    ("conversations", "by_user", "user_id, last_active_at"),
    ("discord_channels", "by_guild", "guild_id"),
    ("discord_members", "by_user", "user_id"),
    ("discord_messages", "by_author", "author_id, id"),
    ("discord_messages", "by_channel", "channel_id, id"),
    ("identity_alerts", "by_kind", "kind, raised_at"),
    ("identity_alerts", "by_owner", "owner"),
    ("identity_alerts", "by_time", "raised_at"),
    ("identity_group_members", "by_user", "user_id"),
    ("identity_groups", "by_organization", "organization_id"),
    ("identity_sessions", "by_expiry", "ended_at, expires_at"),
    ("identity_sessions", "by_user", "user_id, started_at"),
    ("identity_users", "by_creation", "created_at"),
    ("identity_users", "by_organization", "organization_id, created_at"),
    ("integrations_installations", "by_tenant", "tenant_id, project_id"),
    ("lifecycle_processes", "by_start", "started_at"),
    ("self_editing_compensation_steps", "by_action", "call_id, action"),
    ("self_editing_compensations", "by_decision_owner", "word_owner"),
    ("self_editing_compensations", "by_edit", "edit_id, created_at"),
    ("self_editing_compensations", "by_owner", "owner"),
    ("self_editing_decisions", "by_edit", "edit_id"),
    ("self_editing_decisions", "by_owner", "owner"),
    ("self_editing_edits", "by_end", "status, coalesce(applied_at, updated_at), kind"),
    ("self_editing_edits", "by_kind", "kind, created_at"),
    ("self_editing_edits", "by_owner", "owner"),
    ("self_editing_edits", "by_rollback", "rolled_back_by"),
    ("self_editing_edits", "by_scope", "scope, created_at"),
    ("self_editing_edits", "by_status", "status, created_at, kind"),
    ("self_editing_edits", "by_time", "created_at"),
    ("self_editing_files", "by_revision", "revision"),
    ("self_editing_rehearsals", "by_edit", "edit_id, started_at"),
    ("self_editing_revisions", "by_edit", "edit_id"),
    ("self_editing_revisions", "by_position", "position"),
    ("self_editing_revisions", "by_time", "recorded_at"),
];

/// The words of messages; an erased or deleted text has none.
const GIN: &str = "CREATE INDEX IF NOT EXISTS discord_messages_search ON discord_messages
    USING GIN (to_tsvector('simple', content)) WHERE content NOT IN ('', '[erased]')";

/// The index holds no copy of the texts; triggers keep it in step with them from here on, and
/// what is deleted from it is overwritten.
async fn build_fts5(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    let found = "SELECT name FROM sqlite_master WHERE name = 'discord_messages_update'";
    let found = sea_orm_migration::sea_orm::Statement::from_string(DbBackend::Sqlite, found);
    if db.query_one_raw(found).await?.is_some() {
        return Ok(());
    }
    // A crash may have left a part of it.
    for sql in FTS5 {
        db.execute_unprepared(sql).await?;
    }
    Ok(())
}

const FTS5: &[&str] = &[
    "DROP TABLE IF EXISTS discord_messages_search",
    "DROP VIEW IF EXISTS discord_messages_texts",
    "DROP TRIGGER IF EXISTS discord_messages_insert",
    "DROP TRIGGER IF EXISTS discord_messages_delete",
    "CREATE VIEW discord_messages_texts AS
        SELECT id, content FROM discord_messages WHERE content NOT IN ('', '[erased]')",
    "CREATE VIRTUAL TABLE discord_messages_search USING fts5(
        content, content='discord_messages_texts', content_rowid='id',
        tokenize='unicode61 remove_diacritics 2'
    )",
    "INSERT INTO discord_messages_search (discord_messages_search, rank) VALUES ('secure-delete', 1)",
    "INSERT INTO discord_messages_search (discord_messages_search) VALUES ('rebuild')",
    "CREATE TRIGGER discord_messages_insert AFTER INSERT ON discord_messages
        WHEN new.content NOT IN ('', '[erased]')
        BEGIN
            INSERT INTO discord_messages_search (rowid, content) VALUES (new.id, new.content);
        END",
    "CREATE TRIGGER discord_messages_delete AFTER DELETE ON discord_messages
        WHEN old.content NOT IN ('', '[erased]')
        BEGIN
            INSERT INTO discord_messages_search (discord_messages_search, rowid, content)
                VALUES ('delete', old.id, old.content);
        END",
    "CREATE TRIGGER discord_messages_update AFTER UPDATE OF content ON discord_messages
        WHEN old.content <> new.content
        BEGIN
            INSERT INTO discord_messages_search (discord_messages_search, rowid, content)
                SELECT 'delete', old.id, old.content WHERE old.content NOT IN ('', '[erased]');
            INSERT INTO discord_messages_search (rowid, content)
                SELECT new.id, new.content WHERE new.content NOT IN ('', '[erased]');
        END",
];
