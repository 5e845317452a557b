//! Beside how far a reactor has come: which commit that was.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::uuid_null;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("operational_checkpoints")
            .add_column(uuid_null("commit_id"))
            .take();
        manager.alter_table(table).await
    }
}
