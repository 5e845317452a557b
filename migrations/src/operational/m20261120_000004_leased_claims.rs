//! A claim on an idempotency key lasts as long as somebody works on it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("operational_idempotency_keys")
            .add_column(big_integer("leased_until").default(0).take())
            .take();
        manager.alter_table(table).await
    }
}
