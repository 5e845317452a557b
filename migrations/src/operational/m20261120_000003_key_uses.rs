//! When API keys were used last.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let uses = Table::create()
            .table("operational_key_uses")
            .col(string("id").primary_key())
            // Milliseconds since 1970.
            .col(big_integer("used_at"))
            .take();
        manager.create_table(uses).await
    }
}
