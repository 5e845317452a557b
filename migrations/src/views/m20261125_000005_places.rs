//! Where in the log messages and slash commands stand.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["analytics_commands", "discord_messages"] {
            let sql = format!("ALTER TABLE {table} ADD COLUMN position BIGINT NOT NULL DEFAULT 0");
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }
}
