//! Users, and what they belong to.

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
    "CREATE TABLE identity_group_members (
        group_id UUID NOT NULL,
        user_id UUID NOT NULL,
        added_at BIGINT NOT NULL,
        PRIMARY KEY (group_id, user_id)
    ) CLUSTERED",
    "CREATE TABLE identity_groups (
        id UUID PRIMARY KEY,
        name TEXT NOT NULL,
        external_id TEXT,
        organization_id UUID,
        members BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )",
    "CREATE TABLE identity_organizations (
        id UUID PRIMARY KEY,
        name TEXT NOT NULL,
        domain TEXT,
        members BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )",
    "CREATE TABLE identity_roles (
        name TEXT COLLATE \"C\" PRIMARY KEY,
        description TEXT NOT NULL,
        permissions TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )",
    "CREATE TABLE identity_users (
        id UUID PRIMARY KEY,
        email TEXT,
        email_verified BOOLEAN NOT NULL,
        name TEXT,
        profile TEXT,
        status TEXT NOT NULL,
        organization_id UUID,
        organization_admin BOOLEAN NOT NULL,
        roles TEXT NOT NULL,
        providers TEXT NOT NULL,
        mfa BOOLEAN NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        last_login_at BIGINT,
        search TEXT
    )",
];
